"""Where administration begins: what is still missing before the doors can open; more clinics."""

from typing import Any

from flask import render_template, url_for
from sqlalchemy.orm import Session

from queueapp.actions.admin_record import slug_of
from queueapp.actions.admin_site import new_site
from queueapp.db.queries.first_steps import all_sites, first_steps
from queueapp.web.admin.base import acting, blueprint, reach, save, show, status_of
from queueapp.web.admin.forms import AdminForm
from queueapp.web.forms import text
from queueapp.web.security import allow, current_db, current_site


class SiteForm(AdminForm):
    """One more clinic."""

    site_name = text("Name of the clinic", "Give the clinic's name.")
    timezone = text("Time zone", "Give a time zone such as Europe/London.", longest=64)
    slug = text("Its address", longest=40)


@blueprint.get("/admin/<site>")
@allow("manager")
def page(site: str) -> Any:
    """The first steps, done and to do."""
    with current_db().read() as session:
        sites = all_sites(session) if reach() is None else []
        return show(
            "admin/start.html",
            "admin.page",
            steps=_steps(session, current_site().id),
            others=[s for s in sites if s.id != current_site().id],
            is_admin=reach() is None,
        )


@blueprint.route("/sites/new", methods=["GET", "POST"])
@allow("admin")
def another_site() -> Any:
    """One more clinic location, empty."""
    form = SiteForm()
    made: list[str] = []

    def work(session: Session) -> str:
        row = new_site(
            session,
            *acting(),
            name=form.site_name.data or "",
            slug=(form.slug.data or "").strip() or slug_of(form.site_name.data or ""),
            timezone=(form.timezone.data or "").strip(),
        )
        made.append(row.slug)
        return f"{row.name} is made."

    if form.validate_on_submit():
        done = save(form, work, lambda: url_for("admin.page", site=made[0]) if made else "/")
        if done is not None:
            return done
    return render_template("admin/site.html", form=form), status_of(form)


def _steps(session: Session, site_id: int) -> list[dict[str, Any]]:
    """What a clinic needs before its first patient: (words, where, how many there are)."""
    have = first_steps(session, site_id)
    return [
        _step(title, words, f"admin.{what}", have[what], unit)
        for what, title, words, unit in (
            ("hours", "Opening hours", "When the doors are open", "stretch"),
            ("services", "Services", "What people come for", "service"),
            ("rooms", "Rooms", "Where they are called to", "room"),
            ("clinicians", "Clinicians", "Who gives what, and when", "weekly stretch"),
            ("staff", "Logins", "Who works at the desk and in the rooms", "role"),
            ("devices", "Screens", "A lobby screen and a kiosk", "screen"),
        )
    ]


def _step(title: str, words: str, page: str, n: int, unit: str) -> dict[str, Any]:
    plural = f"{unit}es" if unit.endswith("ch") else f"{unit}s"
    have = f"{n} {unit if n == 1 else plural}" if n else "none yet"
    where = url_for(page, site=current_site().slug)
    return {"title": title, "words": words, "where": where, "done": n > 0, "have": have}

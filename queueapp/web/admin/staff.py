"""Logins and roles."""

from typing import Any

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from queueapp.actions import admin_staff as actions
from queueapp.actions.admin_links import issue_link
from queueapp.actions.admin_record import version_of
from queueapp.db.models import Staff
from queueapp.db.queries import administration as queries
from queueapp.domain.actor import Role
from queueapp.domain.refusal import RefusalKind, Refused
from queueapp.web.admin.base import (
    acting,
    blueprint,
    carry_out,
    changed_by,
    press,
    reach,
    save,
    show,
    status_of,
)
from queueapp.web.admin.forms import AdminForm, ManyField
from queueapp.web.forms import PostForm, text
from queueapp.web.security import allow, current_db, current_site, identity

ROLE_WORDS = {
    Role.RECEPTIONIST: "Reception: the desk",
    Role.CLINICIAN: "Clinician: a room",
    Role.MANAGER: "Manager: all of this clinic",
    Role.ADMIN: "Admin: all clinics",
}


class StaffForm(AdminForm):
    """Who signs in, and as what."""

    name = text("Name", "Give the name colleagues know this person by.")
    email = text("E-mail", longest=254)
    roles = ManyField("Roles", choices=[])


@blueprint.get("/admin/<site>/staff")
@allow("manager")
def staff(site: str) -> Any:
    """The first login."""
    with current_db().read() as session:
        rows = queries.staff(session, current_site().id, reach() is None)
        first = rows[0].id if rows else None
    if first is not None:
        return redirect(url_for("admin.login", site=site, staff_id=first))
    return redirect(url_for("admin.new_login", site=site))


@blueprint.route("/admin/<site>/staff/new", methods=["GET", "POST"])
@allow("manager")
def new_login(site: str) -> Any:
    """One more who signs in: a password is chosen by a link that is shown once."""
    form = _form()
    made: list[tuple[int, str]] = []

    def work(session: Session) -> str:
        row = actions.add_login(
            session,
            *acting(),
            reach=reach(),
            site_id=current_site().id,
            email=form.email.data or "",
            name=form.name.data or "",
            roles=_roles(form),
            password_hash=hashed,
        )
        if actions.may_whole(reach(), row):
            token = issue_link(
                session, *acting(), reach=reach(), site_id=current_site().id, staff_id=row.id
            )
            made.append((row.id, token))
        return f"{row.name} is added."

    if form.validate_on_submit():
        hashed = actions.unknown_password()
        done = save(form, work, lambda: url_for("admin.staff", site=site))
        if made:
            return _page(_form(fresh=True), made[0][0], link=made[0][1])
        if done is not None:
            return done
    return _page(form, None)


@blueprint.route("/admin/<site>/staff/<int:staff_id>", methods=["GET", "POST"])
@allow("manager")
def login(site: str, staff_id: int) -> Any:
    """One login: name, roles here, disabled or not."""

    def work(session: Session) -> str:
        changed = actions.change_login(
            session,
            *acting(),
            reach=reach(),
            site_id=current_site().id,
            staff_id=staff_id,
            version=form.version.data or "",
            name=form.name.data or "",
            roles=_roles(form),
        )
        return "Saved." if changed else "Nothing was changed."

    form = _form()
    if form.validate_on_submit():
        done = save(form, work, lambda: url_for("admin.staff", site=site))
        if done is not None:
            return done
    return _page(form if request.method == "POST" else None, staff_id)


@blueprint.post("/admin/<site>/staff/<int:staff_id>/link")
@allow("manager")
def password_link(site: str, staff_id: int) -> Any:
    """A link to choose a new password, shown once."""
    made: list[str] = []

    def work(session: Session) -> str:
        made.append(
            issue_link(
                session, *acting(), reach=reach(), site_id=current_site().id, staff_id=staff_id
            )
        )
        return "The link was shown. Make another one if it is lost."

    if not made:
        try:
            said = carry_out(work)
        except Refused as refused:
            if refused.kind is not RefusalKind.CONFLICT:
                raise
            said = refused.message
    return _page(None, staff_id, link=made[0] if made else "", said="" if made else said)


@blueprint.post("/admin/<site>/staff/<int:staff_id>/disabled")
@allow("manager")
def disable_login(site: str, staff_id: int) -> Any:
    """End the login everywhere, or let it in again."""
    disabled = request.form.get("disabled") == "yes"

    def work(session: Session) -> str:
        actions.disable_login(
            session,
            *acting(),
            reach=reach(),
            site_id=current_site().id,
            staff_id=staff_id,
            disabled=disabled,
        )
        return "This login is ended, everywhere." if disabled else "This login may sign in again."

    return press(work, url_for("admin.login", site=site, staff_id=staff_id))


def _form(fresh: bool = False) -> StaffForm:
    form = StaffForm(formdata=None) if fresh else StaffForm()
    form.roles.choices = [(r.value, w) for r, w in ROLE_WORDS.items()]
    if reach() is not None:
        form.roles.choices.pop()
    return form


def _roles(form: StaffForm) -> list[Role]:
    return [Role(value) for value in form.roles.data or ()]


def _opened(row: Staff) -> StaffForm:
    state = actions.staff_state(row, current_site().id)
    form = StaffForm(formdata=None, data={**state, "version": version_of(state)})
    form.roles.choices = _form(fresh=True).roles.choices
    if Role.ADMIN.value in state["roles"] and reach() is not None:
        # What is not the manager's to give is not the manager's to take, either.
        form.roles.choices = [*form.roles.choices, (Role.ADMIN.value, ROLE_WORDS[Role.ADMIN])]
    return form


def _page(form: StaffForm | None, staff_id: int | None, link: str = "", said: str = "") -> Any:
    with current_db().read() as session:
        rows = queries.staff(session, current_site().id, reach() is None)
        row = next((r for r in rows if r.id == staff_id), None)
        if staff_id is not None and row is None:
            raise NotFound
        if form is None or link:
            assert row is not None
            form = _opened(row)
        if row is not None:
            form.email.data = row.email
        return show(
            "admin/login.html",
            "admin.staff",
            status_of(form),
            form=form,
            button=PostForm(formdata=None),
            rows=rows,
            login=row,
            chosen=staff_id,
            words={r.id: _words(r) for r in rows},
            elsewhere=[
                name for name in actions.sites_of(session, row) if name != current_site().name
            ]
            if row
            else [],
            is_me=row is not None and identity().actor.id == row.id,
            may_whole=row is not None and actions.may_whole(reach(), row),
            link=link,
            said=said,
            changed=changed_by(session, actions.SUBJECT, staff_id) if staff_id else None,
        )


def _words(row: Staff) -> str:
    roles = [
        ROLE_WORDS[m.role].partition(":")[0]
        for m in row.memberships
        if m.site_id in (None, current_site().id)
    ]
    return ", ".join(roles)

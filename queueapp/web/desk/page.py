"""The desk's page, with or without a panel in the place of its rail."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import render_template, request
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from queueapp.actions.drafts import parked
from queueapp.actions.undo import undo
from queueapp.db.models import Site, VisitEvent
from queueapp.db.queries.happened import in_words
from queueapp.domain.refusal import Refused, not_found
from queueapp.realtime.content.desk import DeskView, context, desk_view
from queueapp.realtime.content.names import named, within
from queueapp.web import security
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out, in_panel, toast
from queueapp.web.desk.seen import explained
from queueapp.web.errors import STATUS
from queueapp.web.security import allow, current_actor, current_db, current_site, now


@dataclass(frozen=True, slots=True)
class Panel:
    """What stands in the place of the rail."""

    title: str
    html: Markup


_WORDS: dict[str, Any] = {"named": named, "within": within}


def make_panel(template: str, title: str, context: dict[str, Any]) -> Panel:
    """Render a panel, while the session whose rows it shows is open."""
    site = current_site()
    html = render_template(
        template, **{**_WORDS, "zone": site.timezone, "slug": site.slug, **context}
    )
    return Panel(title, Markup(html))


def show(panel: Panel | None = None, status: int = 200, **more: Any) -> Any:
    """The whole page with the panel in it; the panel alone where the page's script asks."""
    if panel is not None and in_panel():
        return panel.html, status
    site_ref = current_site()
    with current_db().read() as session:
        site = session.get_one(Site, site_ref.id)
        view = desk_view(session, site, now())
        page = render_template(
            "desk/page.html",
            channels=[f"desk:{site_ref.slug}"],
            seq=view.rows.seq,
            panel=panel,
            toast=toast(),
            typed=more.get("typed"),
            parked=parked(session, current_actor(), site.id, now()),
            **context(view, site),
        )
    return page, status


def status_of(refused: Refused) -> int:
    """The HTTP status that stands for the refusal."""
    return STATUS[refused.kind]


@blueprint.route("/<site>")
@allow("receptionist")
def page(site: str) -> Any:
    """The line, who needs somebody, the rooms, and who is expected."""
    return show()


@blueprint.route("/<site>/undo", methods=["POST"])
@allow("receptionist")
def take_back(site: str) -> Response:
    """Take back one thing that was done here."""
    number = request.form.get("event", "")
    number = number if number.isdigit() else "0"

    def work(session: Session) -> Done:
        event = session.get(VisitEvent, int(number))
        if event is None or event.site_id != current_site().id:
            raise not_found("What you want to undo")
        undone = undo(session, current_actor(), now(), event_id=event.id)
        told = in_words(session, session.get_one(Site, undone.site_id), [undone])[0]
        return Done(told.subject, f"taken back: {told.words}", undone.entry_id)

    try:
        return carry_out(work)
    except Refused as refused:
        same = sa.select(VisitEvent.visit_id).where(VisitEvent.id == int(number))
        about = VisitEvent.visit_id == same.scalar_subquery()
        raise explained(refused, current_site().id, about) from None


def view_of(session: Session) -> tuple[Site, DeskView]:
    """The site and what its desk shows, from the session's snapshot."""
    site = session.get_one(Site, current_site().id)
    return site, desk_view(session, site, security.now())

"""What needs a person: taken by one, settled by one of its choices."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from queueapp.actions import calls, desk_items, late, order, presence
from queueapp.actions.legs import NO_WISH
from queueapp.db.models import DeskItem, QueueEntry, Site, VisitEvent
from queueapp.db.queries.happened import in_words
from queueapp.domain.events import Kind
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import CallRoute
from queueapp.realtime.content.desk_items import choices_of
from queueapp.web.desk import blueprint
from queueapp.web.desk.acting import Done, carry_out
from queueapp.web.security import allow, current_actor, current_db, current_site, now


@blueprint.route("/items/<int:item_id>/take", methods=["POST"])
@allow("receptionist")
def take(item_id: int) -> Response:
    """ "I take it": colleagues see who sees to it."""

    def work(session: Session) -> Done:
        item = desk_items.take_item(session, current_actor(), now(), item_id=item_id)
        return Done("", "You see to it now", item.entry_id)

    return carry_out(work)


@blueprint.route("/items/<int:item_id>/<choice>", methods=["POST"])
@allow("receptionist")
def settle(item_id: int, choice: str) -> Response:
    """Settle it by one of its choices."""

    def work(session: Session) -> Done:
        item = session.get_one(DeskItem, item_id)
        if choice not in [code for code, _ in choices_of(item.kind)]:
            raise NotFound
        if item.closed_at is not None:
            raise conflict("closed", f"This was seen to already. {_by_whom(session, item)}".strip())
        entry = session.get(QueueEntry, item.entry_id) if item.entry_id else None
        words = _WORKS.get(choice, _close)(session, item, choice)
        return Done(entry.visit.ticket if entry else "", words, item.entry_id)

    return carry_out(work)


@blueprint.route("/items/<int:item_id>/open/<verb>")
@allow("receptionist")
def item_panel(item_id: int, verb: str) -> Any:
    """The panel in which a choice that asks for more is made."""
    with current_db().read() as session:
        item = session.get_one(DeskItem, item_id)
        entry_id = item.entry_id
    if verb in ("book", "rebook") or entry_id is None:
        return redirect(url_for("desk.book", site=current_site().slug, entry=entry_id))
    return redirect(url_for("desk.row", entry_id=entry_id, verb=verb))


def _by_whom(session: Session, item: DeskItem) -> str:
    """Who saw to it, when, and how it was settled."""
    closed = session.scalars(
        sa.select(VisitEvent)
        .where(
            VisitEvent.site_id == item.site_id,
            VisitEvent.kind == Kind.DESK_ITEM_CLOSED.value,
            VisitEvent.recorded_at == item.closed_at,
        )
        .order_by(VisitEvent.id.desc())
    )
    event = next((e for e in closed if e.data.get("item") == item.id), None)
    if event is None:
        return ""
    site = session.get_one(Site, item.site_id)
    told = in_words(session, site, [event])[0]
    how = dict(choices_of(item.kind)).get(item.outcome, "seen to").lower()
    return f"{told.who}, {to_local(site.timezone, told.at):%H:%M}: {how}."


def _close(session: Session, item: DeskItem, choice: str) -> str:
    desk_items.close_item(
        session, current_actor(), now(), item_id=item.id, outcome=choice, by_hand=True
    )
    return "is seen to" if item.entry_id else "That is seen to"


def _went_over(session: Session, item: DeskItem, choice: str) -> str:
    calls.tried_route(
        session, current_actor(), now(), entry_id=item.entry_id or 0, route=CallRoute.FETCH
    )
    _close(session, item, choice)
    return "was called by somebody coming over"


def _anyone(session: Session, item: DeskItem, choice: str) -> str:
    site = session.get_one(Site, item.site_id)
    order.change_preference(
        session, current_actor(), now(), entry_id=item.entry_id or 0, wish=NO_WISH
    )
    still = desk_items.look_for_stranded(session, current_actor(), now(), site=site)
    if item.entry_id in still:
        return "may be seen by anyone, but nobody on duty can: transfer them, or mark as left"
    return "may be seen by anyone"


def _left(session: Session, item: DeskItem, choice: str) -> str:
    presence.leave(session, current_actor(), now(), entry_id=item.entry_id)
    return "marked as left"


def _here(session: Session, item: DeskItem, choice: str) -> str:
    calls.restore(session, current_actor(), now(), entry_id=item.entry_id or 0)
    return "is here after all, place kept"


def _back(session: Session, item: DeskItem, choice: str) -> str:
    entry = session.get_one(QueueEntry, item.entry_id)
    presence.come_back(session, current_actor(), now(), visit_id=entry.visit_id)
    return "is back"


def _as_booked(session: Session, item: DeskItem, choice: str) -> str:
    late.see_as_booked(session, current_actor(), now(), item_id=item.id)
    return "is seen as booked"


def _shorter(session: Session, item: DeskItem, choice: str) -> str:
    late.see_shorter(session, current_actor(), now(), item_id=item.id)
    return "is seen for a shorter time; the clinician reads so"


_WORKS: dict[str, Callable[[Session, DeskItem, str], str]] = {
    "went_over": _went_over,
    "anyone": _anyone,
    "left": _left,
    "here": _here,
    "back": _back,
    "as_booked": _as_booked,
    "shorter": _shorter,
}

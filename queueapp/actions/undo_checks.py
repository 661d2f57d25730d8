"""When a fact can no longer be undone, and why, in words."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Clinician, Party, QueueEntry, Room, Shift, Visit, VisitEvent
from queueapp.db.queries.undone import not_undone
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import IN_ROOM_STATES

# Who should not have come in at all, is taken back by whoever has just let them in.
ARRIVALS = frozenset({Kind.TICKET_TAKEN, Kind.JOINED, Kind.CHECKED_IN})
ITEMS = frozenset({Kind.DESK_ITEM_TAKEN, Kind.DESK_ITEM_CLOSED})
# What came after, as the end of "… since then." A summons again or a move does not stand in the
# way: it changes nothing that undo puts back.
_SINCE = {
    Kind.CHECKED_IN: "has checked in",
    Kind.ARRIVED: "has said to be here",
    Kind.CALLED: "was called",
    Kind.DID_NOT_ANSWER: "did not answer a call",
    Kind.RESTORED: "was found to be here",
    Kind.STARTED: "went in to the clinician",
    Kind.FINISHED: "has finished",
    Kind.TRANSFERRED: "was passed on",
    Kind.SET_ASIDE: "was set aside",
    Kind.STEPPED_OUT: "has stepped out",
    Kind.RETURNED: "has come back",
    Kind.LEFT: "has left",
    Kind.NOT_REACHED: "was not reached before closing",
    Kind.CANCELLED: "was cancelled",
    Kind.WRONG_PERSON: "was found to be the wrong person",
    Kind.CLASS_CHANGED: "was given another class",
    Kind.PREFERENCE_CHANGED: "was given another wish",
    Kind.BOOKED: "was booked again",
    Kind.BOOKING_MOVED: "was moved to another time",
    Kind.BOOKING_CANCELLED: "was cancelled",
    Kind.NO_SHOW: "was marked as not come",
}


# What others may have changed between somebody's look and their hand.
CHANGES = (
    *_SINCE,
    Kind.MOVED,
    Kind.RECALLED,
    Kind.UNDONE,
    *(Kind.SHIFT_OPENED, Kind.SHIFT_CLOSED, Kind.SHIFT_HANDED_OVER, Kind.ROOM_CHANGED),
    *(Kind.PAUSED, Kind.RESUMED, Kind.DELAY_DECLARED),
)
# Words beside the turn: no step in it, so only their own kind stands in their way.
_WORDS = {
    Kind.NOTE_WRITTEN: "note",
    Kind.NOTE_REMOVED: "note",
    Kind.DETAILS_CHANGED: "details",
    Kind.DESK_ITEM_TAKEN: "item",
    Kind.DESK_ITEM_CLOSED: "item",
}


def builds_on(later: VisitEvent, event: VisitEvent) -> bool:
    """Whether `later` (not undone itself) changed what `event` would put back."""
    if event.kind in _WORDS:
        return _is_of_same_words(later, event)
    same_visit = event.visit_id is not None and later.visit_id == event.visit_id
    same_booking = event.appointment_id is not None and later.appointment_id == event.appointment_id
    if later.kind == Kind.MOVED and event.kind == Kind.MOVED:
        return later.seq > event.seq and later.entry_id == event.entry_id
    return later.seq > event.seq and later.kind in _SINCE and (same_visit or same_booking)


def _is_of_same_words(later: VisitEvent, event: VisitEvent) -> bool:
    what = _WORDS[Kind(event.kind)]
    if later.seq <= event.seq or _WORDS.get(Kind(later.kind)) != what:
        return False
    if what == "details":
        return later.visit_id == event.visit_id
    return bool(later.data[what] == event.data[what])


def check_not_moved_on(session: Session, event: VisitEvent) -> None:
    """Raise Refused (conflict `moved_on`) naming the later step that stands in the way."""
    same = [
        column == value
        for column, value in (
            (VisitEvent.visit_id, event.visit_id),
            (VisitEvent.appointment_id, event.appointment_id),
        )
        if value is not None
    ]
    if event.kind in ITEMS:
        same = [VisitEvent.kind.in_([kind.value for kind in ITEMS])]
    later = session.scalars(
        sa.select(VisitEvent)
        .where(
            VisitEvent.site_id == event.site_id,
            VisitEvent.seq > event.seq,
            not_undone(),
            sa.or_(*same),
        )
        .order_by(VisitEvent.seq, VisitEvent.n)
    )
    blocking = next((one for one in later if builds_on(one, event)), None)
    if blocking is None:
        return
    visit = session.get(Visit, event.visit_id) if event.visit_id is not None else None
    who = visit.ticket if visit else "This booking"
    if blocking.kind in _WORDS:
        raise conflict("moved_on", "That was changed again since then.")
    if blocking.kind == Kind.MOVED:
        raise conflict("moved_on", f"{who} was moved again since then.")
    raise conflict("moved_on", f"{who} {_SINCE[Kind(blocking.kind)]} since then.")


def check_room(session: Session, event: VisitEvent) -> None:
    """Raise Refused (conflict) when somebody would go back to a room that has no place."""
    for row_id, values in event.before.get("queue_entry", {}).items():
        entry = session.get_one(QueueEntry, int(row_id))
        if values["state"] in IN_ROOM_STATES and entry.state not in IN_ROOM_STATES:
            _check_place(session, entry.visit_id, values)
            _check_shift(session, values)


def check_ticket(session: Session, event: VisitEvent) -> None:
    """Raise Refused (conflict `ticket_in_use`) when a reopened visit's ticket is another's now."""
    for row_id, values in event.before.get("visit", {}).items():
        visit = session.get_one(Visit, int(row_id))
        if values["departed_at"] is not None or visit.departed_at is None:
            continue
        other = session.scalar(
            sa.select(Visit.id).where(
                Visit.site_id == visit.site_id,
                Visit.ticket == visit.ticket,
                Visit.id != visit.id,
                Visit.departed_at.is_(None),
            )
        )
        if other is not None:
            raise conflict(
                "ticket_in_use", f"Ticket {visit.ticket} has been given to somebody else since."
            )


def _check_place(session: Session, visit_id: int, values: dict[str, Any]) -> None:
    room = session.get_one(Room, values["room_id"])
    there = session.execute(
        _takers().where(
            QueueEntry.site_id == room.site_id,
            QueueEntry.state.in_(IN_ROOM_STATES),
            QueueEntry.room_id == room.id,
        )
    ).all()
    mine = session.execute(_takers().where(Visit.id == visit_id)).first()
    taken = {(row.party_id, row.visit_id) for row in there}
    if mine is not None and mine.party_id is not None and (mine.party_id, None) in taken:
        return
    if len(taken) >= room.places:
        tickets = ", ".join(sorted(row.ticket for row in there))
        raise conflict("room_full", f"{room.name} is taken by {tickets} now.")


def _takers() -> sa.Select[tuple[str, int | None, int | None]]:
    """Tickets and what takes a place of the room: a party called together takes one, else a visit.

    Either the party or the visit is named, the other is None.
    """
    together = Party.called_together.is_(True)
    return (
        sa.select(
            Visit.ticket,
            sa.case((together, Visit.party_id)).label("party_id"),
            sa.case((together, None), else_=Visit.id).label("visit_id"),
        )
        .join(QueueEntry, QueueEntry.visit_id == Visit.id)
        .outerjoin(Party, Party.id == Visit.party_id)
    )


def _check_shift(session: Session, values: dict[str, Any]) -> None:
    shift = session.get(Shift, values["shift_id"]) if values["shift_id"] else None
    if shift is not None and shift.actual_to is not None:
        name = session.get_one(Clinician, shift.clinician_id).shown_name
        raise conflict("shift_over", f"{name} has ended the shift since.")

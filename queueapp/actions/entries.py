"""What several verbs do to an entry: change its state exactly once, end its call and its moves."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.base import get_entry, get_visit
from queueapp.db.models import Appointment, Call, OrderMove, QueueEntry, Visit
from queueapp.db.statement import Statement
from queueapp.db.unit import find_locked_site
from queueapp.db.writing import Rows, change_now, columns, say_changed
from queueapp.domain.refusal import conflict, not_found
from queueapp.domain.visit import (
    AppointmentState,
    CallOutcome,
    EntryState,
    Presence,
    wrong_state,
)

_CALL: Any = Call.__table__
_MOVE: Any = OrderMove.__table__
_END_CALL = Statement(
    sa.update(_CALL)
    .where(_CALL.c.entry_id == sa.bindparam("of_entry"), _CALL.c.outcome.is_(None))
    .values(outcome=sa.bindparam("outcome"), ended_at=sa.bindparam("ended_at"))
    .returning(_CALL.c.id)
)
_END_MOVES = Statement(
    sa.update(_MOVE)
    .where(
        sa.or_(
            _MOVE.c.entry_id == sa.bindparam("of_entry"),
            _MOVE.c.before_id == sa.bindparam("of_entry"),
        ),
        _MOVE.c.ended_at.is_(None),
    )
    .values(ended_at=sa.bindparam("ended_at"))
    .returning(_MOVE.c.id)
)

_KEPT = Rows(
    (Appointment,),
    sa.select(*columns(Appointment)).where(
        sa.or_(
            Appointment.id == sa.bindparam("appointment"),
            Appointment.visit_id == sa.bindparam("visit"),
        ),
        Appointment.state == AppointmentState.CHECKED_IN,
    ),
)


def lock_entry(session: Session, entry_id: int) -> QueueEntry:
    """The entry, its site's row held before its own, in the order in which call-next takes them.

    For verbs that change somebody who waits: taken the other way round, the two could each wait
    for the other. Raises Refused (not found).
    """
    if find_locked_site(session, {"entry": entry_id}) is None:
        raise not_found("The ticket")
    return get_entry(session, entry_id)


def lock_visit(session: Session, visit_id: int) -> Visit:
    """The visit, its site's row held before its own. Raises Refused (not found)."""
    if find_locked_site(session, {"visit": visit_id}) is None:
        raise not_found("The visit")
    return get_visit(session, visit_id)


def change_state(
    session: Session, entry: QueueEntry, allowed: Collection[EntryState], **values: Any
) -> None:
    """Set columns of exactly this entry, and only while its state is one of `allowed`.

    Raises Refused (conflict `wrong_state`) naming what the entry is now.
    """
    if not change_now(session, entry, in_state=allowed, **values):
        session.refresh(entry)
        raise wrong_state(entry.visit.ticket, entry.state)


def must_be_open(visit: Visit) -> None:
    """Raise Refused (conflict `departed`) when the visit has ended."""
    if visit.departed_at is not None:
        raise conflict("departed", f"The visit of {visit.ticket} has ended.")


def end_call(
    session: Session, entry: QueueEntry, outcome: CallOutcome, when: datetime
) -> int | None:
    """End the entry's standing call, if one stands; its number."""
    session.flush()
    ended = {"of_entry": entry.id, "outcome": outcome, "ended_at": when}
    call_id: int | None = _END_CALL.scalar(session, ended)
    if call_id is not None:
        say_changed(session, Call, [call_id], outcome=outcome, ended_at=when)
    return call_id


def first_standing_call(session: Session, entry: QueueEntry) -> datetime | None:
    """When the entry was first called, withdrawn calls apart: they count nowhere."""
    return session.scalar(
        sa.select(sa.func.min(Call.called_at)).where(
            Call.entry_id == entry.id,
            sa.or_(Call.outcome.is_(None), Call.outcome != CallOutcome.WITHDRAWN),
        )
    )


def end_moves(session: Session, entry: QueueEntry, when: datetime) -> list[int]:
    """End the moves of the entry and those placed before it; their numbers."""
    session.flush()
    ended = {"of_entry": entry.id, "ended_at": when}
    moves = _END_MOVES.scalars(session, ended)
    say_changed(session, OrderMove, moves, ended_at=when)
    return moves


def be_here(visit: Visit, entries: Iterable[QueueEntry], when: datetime) -> None:
    """The person is in the house again: the time away is added up."""
    # What is so already is not written: a flush that finds nothing costs as much as one that does.
    if visit.presence is not Presence.HERE:
        visit.presence = Presence.HERE
    if visit.back_by is not None:
        visit.back_by = None
    for entry in entries:
        if entry.stepped_out_at is not None:
            entry.stepped_out += max(when - entry.stepped_out_at, timedelta(0))
            entry.stepped_out_at = None


def kept_appointments(session: Session, entry: QueueEntry, *, last: bool) -> list[Appointment]:
    """Booked times that are kept once the entry has finished.

    Its own; with the `last` leg also those whose leg was passed on before it finished.
    """
    if entry.appointment_id is None and not last:
        return []
    of = {"appointment": entry.appointment_id or 0, "visit": entry.visit_id if last else 0}
    return [row for (row,) in _KEPT.all(session, of)]

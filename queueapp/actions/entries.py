"""What several verbs do to an entry: change its state exactly once, end its call and its moves."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.base import get_entry, get_visit
from queueapp.db.models import Appointment, Call, OrderMove, QueueEntry, Visit
from queueapp.db.unit import find_locked_site
from queueapp.domain.refusal import conflict, not_found
from queueapp.domain.visit import (
    AppointmentState,
    CallOutcome,
    EntryState,
    Presence,
    wrong_state,
)


def lock_entry(session: Session, entry_id: int) -> QueueEntry:
    """The entry, its site's row held before its own, in the order in which call-next takes them.

    For verbs that change somebody who waits: taken the other way round, the two could each wait
    for the other. Raises Refused (not found).
    """
    of_entry = sa.select(QueueEntry.site_id).where(QueueEntry.id == entry_id)
    if find_locked_site(session, of_entry.scalar_subquery()) is None:
        raise not_found("The ticket")
    return get_entry(session, entry_id)


def lock_visit(session: Session, visit_id: int) -> Visit:
    """The visit, its site's row held before its own. Raises Refused (not found)."""
    of_visit = sa.select(Visit.site_id).where(Visit.id == visit_id)
    if find_locked_site(session, of_visit.scalar_subquery()) is None:
        raise not_found("The visit")
    return get_visit(session, visit_id)


def change_state(
    session: Session, entry: QueueEntry, allowed: Collection[EntryState], **values: Any
) -> None:
    """Set columns of exactly this entry, and only while its state is one of `allowed`.

    Raises Refused (conflict `wrong_state`) naming what the entry is now.
    """
    ticket = entry.visit.ticket
    changed = session.scalars(
        sa.update(QueueEntry)
        .where(QueueEntry.id == entry.id, QueueEntry.state.in_(allowed))
        .values(**values)
        .returning(QueueEntry),
        execution_options={"synchronize_session": False, "populate_existing": True},
    ).all()
    if changed != [entry]:
        session.refresh(entry)
        raise wrong_state(ticket, entry.state)


def must_be_open(visit: Visit) -> None:
    """Raise Refused (conflict `departed`) when the visit has ended."""
    if visit.departed_at is not None:
        raise conflict("departed", f"The visit of {visit.ticket} has ended.")


def end_call(
    session: Session, entry: QueueEntry, outcome: CallOutcome, when: datetime
) -> int | None:
    """End the entry's standing call, if one stands; its number."""
    call_id: int | None = session.scalar(
        sa.update(Call)
        .where(Call.entry_id == entry.id, Call.outcome.is_(None))
        .values(outcome=outcome, ended_at=when)
        .returning(Call.id)
    )
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
    return list(
        session.scalars(
            sa.update(OrderMove)
            .where(
                sa.or_(OrderMove.entry_id == entry.id, OrderMove.before_id == entry.id),
                OrderMove.ended_at.is_(None),
            )
            .values(ended_at=when)
            .returning(OrderMove.id)
        )
    )


def be_here(visit: Visit, entries: Iterable[QueueEntry], when: datetime) -> None:
    """The person is in the house again: the time away is added up."""
    visit.presence = Presence.HERE
    visit.back_by = None
    for entry in entries:
        if entry.stepped_out_at is not None:
            entry.stepped_out += max(when - entry.stepped_out_at, timedelta(0))
            entry.stepped_out_at = None


def kept_appointments(session: Session, entry: QueueEntry, *, last: bool) -> list[Appointment]:
    """Booked times that are kept once the entry has finished.

    Its own; with the `last` leg also those whose leg was passed on before it finished.
    """
    of_visit = Appointment.visit_id == entry.visit_id
    mine = Appointment.id == entry.appointment_id
    return list(
        session.scalars(
            sa.select(Appointment).where(
                sa.or_(mine, of_visit) if last else mine,
                Appointment.state == AppointmentState.CHECKED_IN,
            )
        )
    )

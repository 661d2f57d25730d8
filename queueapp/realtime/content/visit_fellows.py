"""Those who came along: one phone link for all, so it says when any of them is called."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Call, QueueEntry, Visit
from queueapp.domain.visit import OPEN_STATES, EntryState


@dataclass(frozen=True, slots=True)
class Fellow:
    """One of the party: the ticket, what becomes of it, and the call that stands."""

    ticket: str
    state: str
    room: str
    clinician: str
    call_id: int | None
    number: int


def fellows_of(session: Session, visit: Visit) -> tuple[Fellow, ...]:
    """The others of the party whose visits go on; whoever is here discreetly is left out."""
    if visit.party_id is None:
        return ()
    found = session.scalars(
        sa.select(QueueEntry)
        .join(Visit, Visit.id == QueueEntry.visit_id)
        .where(
            Visit.party_id == visit.party_id,
            Visit.id != visit.id,
            Visit.departed_at.is_(None),
            Visit.discreet.is_(False),
            QueueEntry.state.in_(OPEN_STATES),
        )
        .order_by(QueueEntry.visit_id, QueueEntry.called_at.is_(None), QueueEntry.id)
    ).all()
    # Of several waits the one that is called, or the first, speaks for the person.
    by_visit: dict[int, QueueEntry] = {}
    for entry in found:
        by_visit.setdefault(entry.visit_id, entry)
    return tuple(_fellow(entry) for entry in by_visit.values())


def _fellow(entry: QueueEntry) -> Fellow:
    call: Call | None = entry.calls[-1] if entry.state is EntryState.CALLED else None
    return Fellow(
        ticket=entry.visit.ticket,
        state=entry.state.value,
        room=entry.room.name if entry.room else "",
        clinician=entry.clinician.shown_name if entry.clinician else "",
        call_id=call.id if call else None,
        number=call.number if call else 0,
    )

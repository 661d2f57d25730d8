"""What a clinician asks before calling: who else has such a name, how long, seen before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Call, Patient, QueueEntry, Room, Site, Visit, VisitEvent
from queueapp.domain.alike import alike
from queueapp.domain.events import Kind
from queueapp.domain.visit import CallOutcome, EntryState

_LOOKED_AT = 200
_ENOUGH = 20
_LOW, _HIGH = 0.2, 0.8
# A button never pressed is not a long visit.
_LONGEST = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Usual:
    """How long most take: from the 20th to the 80th per cent of those of late."""

    low: timedelta
    high: timedelta


@dataclass(frozen=True, slots=True)
class Missed:
    """Somebody who did not answer a call to this room and still waits."""

    entry: QueueEntry
    at: datetime


def alike_today(session: Session, visit: Visit) -> list[Visit]:
    """Other people's visits of the same day whose name is the same or nearly, by ticket."""
    mine = visit.patient
    if mine is None:
        return []
    others = session.execute(
        sa.select(Visit, Patient)
        .join(Patient, Patient.id == Visit.patient_id)
        .where(
            Visit.site_id == visit.site_id,
            Visit.day == visit.day,
            Visit.id != visit.id,
            Visit.patient_id != mine.id,
        )
        .order_by(Visit.ticket)
    ).all()
    return [one for one, patient in others if _alike(mine, patient)]


def usual_visit(session: Session, entry: QueueEntry) -> Usual | None:
    """How long visits for the entry's reason usually take, else for its service."""
    for about in (QueueEntry.reason_id == entry.reason_id, sa.true()):
        if entry.reason_id is None and about is not sa.true():
            continue
        rows = session.execute(
            sa.select(QueueEntry.started_at, QueueEntry.ended_at)
            .where(
                QueueEntry.site_id == entry.site_id,
                QueueEntry.service_id == entry.service_id,
                QueueEntry.state == EntryState.FINISHED,
                QueueEntry.end_unknown.is_(False),
                about,
            )
            .order_by(QueueEntry.arrived_at.desc())
            .limit(_LOOKED_AT)
        ).all()
        found = _middle([e - s for s, e in rows if s is not None and e is not None])
        if found is not None:
            return found
    return None


def usual_walk(session: Session, site: Site) -> Usual | None:
    """How long people usually take from a call to coming in."""
    rows = session.execute(
        sa.select(Call.called_at, Call.ended_at)
        .where(
            Call.site_id == site.id,
            Call.outcome == CallOutcome.ANSWERED,
            Call.ended_at.is_not(None),
        )
        .order_by(Call.called_at.desc())
        .limit(_LOOKED_AT)
    ).all()
    return _middle([ended - called for called, ended in rows if ended is not None])


def last_seen(session: Session, visit: Visit, clinician_id: int) -> datetime | None:
    """When the clinician last saw this person, before this visit; linked duplicates count."""
    if visit.patient is None:
        return None
    same = visit.patient.same_as_id or visit.patient.id
    people = sa.select(Patient.id).where(sa.or_(Patient.id == same, Patient.same_as_id == same))
    found: datetime | None = session.scalar(
        sa.select(QueueEntry.started_at)
        .join(Visit, Visit.id == QueueEntry.visit_id)
        .where(
            Visit.patient_id.in_(people),
            QueueEntry.visit_id != visit.id,
            QueueEntry.clinician_id == clinician_id,
            QueueEntry.state == EntryState.FINISHED,
            QueueEntry.started_at.is_not(None),
        )
        .order_by(QueueEntry.started_at.desc())
        .limit(1)
    )
    return found


def missed_in(session: Session, room: Room, since: datetime) -> list[Missed]:
    """Who did not answer a call to this room and still waits, the latest first."""
    rows = session.execute(
        sa.select(QueueEntry, VisitEvent)
        .join(VisitEvent, VisitEvent.entry_id == QueueEntry.id)
        .where(
            QueueEntry.site_id == room.site_id,
            QueueEntry.state == EntryState.WAITING,
            QueueEntry.absences > 0,
            VisitEvent.kind == Kind.DID_NOT_ANSWER.value,
            VisitEvent.room_id == room.id,
            VisitEvent.occurred_at >= since,
        )
        .order_by(VisitEvent.seq.desc())
    ).all()
    latest: dict[int, Missed] = {}
    for entry, event in rows:
        latest.setdefault(entry.id, Missed(entry, event.occurred_at))
    return list(latest.values())


def _alike(one: Patient, other: Patient) -> bool:
    mine = {n for n in (one.name, one.chosen_name) if n}
    theirs = {n for n in (other.name, other.chosen_name) if n}
    return any(alike(a, b) for a in mine for b in theirs)


def _middle(spans: Sequence[timedelta]) -> Usual | None:
    some = sorted(s for s in spans if timedelta(0) < s < _LONGEST)
    if len(some) < _ENOUGH:
        return None
    last = len(some) - 1
    return Usual(some[round(_LOW * last)], some[round(_HIGH * last)])

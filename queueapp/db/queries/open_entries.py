"""A site's open entries with all that screens say of them, in three statements."""

from collections import defaultdict
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, contains_eager
from sqlalchemy.orm.attributes import set_committed_value

from queueapp.db.known import settled
from queueapp.db.models import Call, Clinician, Promise, QueueEntry, Reason, Room, Service, Visit
from queueapp.domain.visit import OPEN_STATES

_Row = TypeVar("_Row", Clinician, Reason)

_OPEN = (QueueEntry.site_id == sa.bindparam("site"), QueueEntry.state.in_(OPEN_STATES))
_ENTRIES = (
    sa.select(QueueEntry)
    .join(QueueEntry.visit)
    .outerjoin(Visit.patient)
    .where(*_OPEN)
    .options(contains_eager(QueueEntry.visit).contains_eager(Visit.patient))
)
_PROMISES = (
    sa.select(Promise)
    .join(QueueEntry, QueueEntry.id == Promise.entry_id)
    .where(*_OPEN)
    .order_by(Promise.entry_id, Promise.number)
)
_CALLS = sa.select(Call).join(Call.entry).where(*_OPEN).order_by(Call.id)
_REASONS = sa.select(Reason).where(Reason.id.in_(sa.bindparam("ids", expanding=True)))
_CLINICIANS = sa.select(Clinician).where(Clinician.id.in_(sa.bindparam("ids", expanding=True)))


def open_entries(session: Session, site_id: int) -> list[QueueEntry]:
    """Those called or in care, then those who wait, each in the order of their numbers.

    Their visits, patients, services, reasons, clinicians, rooms, promises and calls are there.
    """
    of = {"site": site_id}
    entries = list(session.scalars(_ENTRIES, of))
    entries.sort(key=lambda e: (e.state, e.id))
    reasons = _by_id(session, _REASONS, {e.reason_id for e in entries})
    clinicians = _by_id(
        session, _CLINICIANS, {n for e in entries for n in (e.clinician_id, e.wished_clinician_id)}
    )
    promises: defaultdict[int, list[Promise]] = defaultdict(list)
    for promise in session.scalars(_PROMISES, of):
        promises[promise.entry_id].append(promise)
    calls: defaultdict[int, list[Call]] = defaultdict(list)
    for call in session.scalars(_CALLS, of):
        calls[call.entry_id].append(call)
        set_committed_value(call, "room", settled(session, site_id, Room, call.room_id))
    for entry in entries:
        room = settled(session, site_id, Room, entry.room_id) if entry.room_id else None
        set_committed_value(entry, "service", settled(session, site_id, Service, entry.service_id))
        set_committed_value(entry, "room", room)
        set_committed_value(entry, "reason", reasons.get(entry.reason_id))
        set_committed_value(entry, "clinician", clinicians.get(entry.clinician_id))
        set_committed_value(entry, "wished_clinician", clinicians.get(entry.wished_clinician_id))
        set_committed_value(entry, "promises", promises[entry.id])
        set_committed_value(entry, "calls", calls[entry.id])
    return entries


def _by_id(
    session: Session, query: sa.Select[_Row], ids: set[int | None]
) -> dict[int | None, _Row]:
    wanted = ids - {None}
    return {row.id: row for row in session.scalars(query, {"ids": wanted})} if wanted else {}

"""A site's open entries with all that screens say of them, in three statements."""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_dict, set_committed_value

from queueapp.db.known import settled
from queueapp.db.models import (
    Call,
    Clinician,
    Patient,
    Promise,
    QueueEntry,
    Reason,
    Room,
    Service,
    Visit,
)
from queueapp.db.writing import Rows, columns
from queueapp.domain.visit import OPEN_STATES

_ENTRY, _VISIT = QueueEntry.__table__, Visit.__table__
_OPEN = (_ENTRY.c.site_id == sa.bindparam("site"), _ENTRY.c.state.in_(OPEN_STATES))
_ENTRIES = Rows(
    (QueueEntry, Visit, Patient),
    sa.select(*columns(QueueEntry, Visit, Patient))
    .join_from(_ENTRY, _VISIT, _VISIT.c.id == _ENTRY.c.visit_id)
    .outerjoin(Patient.__table__, Patient.id == _VISIT.c.patient_id)
    .where(*_OPEN),
)
_PROMISES = Rows(
    (Promise,),
    sa.select(*columns(Promise))
    .join_from(Promise.__table__, _ENTRY, _ENTRY.c.id == Promise.entry_id)
    .where(*_OPEN)
    .order_by(Promise.entry_id, Promise.number),
)
_CALLS = Rows(
    (Call,),
    sa.select(*columns(Call))
    .join_from(Call.__table__, _ENTRY, _ENTRY.c.id == Call.entry_id)
    .where(*_OPEN)
    .order_by(Call.id),
)
_REASONS = Rows(
    (Reason,),
    sa.select(*columns(Reason)).where(Reason.id.in_(sa.bindparam("ids", expanding=True))),
)
_CLINICIANS = Rows(
    (Clinician,),
    sa.select(*columns(Clinician)).where(Clinician.id.in_(sa.bindparam("ids", expanding=True))),
)


def open_entries(session: Session, site_id: int) -> list[QueueEntry]:
    """Those called or in care, then those who wait, each in the order of their numbers.

    Their visits, patients, services, reasons, clinicians, rooms, promises and calls are there.
    """
    of = {"site": site_id}
    found = _ENTRIES.all(session, of)
    found.sort(key=lambda row: (row[0].state, row[0].id))
    reasons = _by_id(session, _REASONS, {entry.reason_id for entry, *_ in found})
    who = {n for entry, *_ in found for n in (entry.clinician_id, entry.wished_clinician_id)}
    clinicians = _by_id(session, _CLINICIANS, who)
    promises: defaultdict[int, list[Promise]] = defaultdict(list)
    for (promise,) in _PROMISES.all(session, of):
        promises[promise.entry_id].append(promise)
    calls: defaultdict[int, list[Call]] = defaultdict(list)
    for (call,) in _CALLS.all(session, of):
        calls[call.entry_id].append(call)
        set_committed_value(call, "room", settled(session, site_id, Room, call.room_id))
    for entry, visit, patient in found:
        room = settled(session, site_id, Room, entry.room_id) if entry.room_id else None
        # As after a load. To say each through the ORM takes as long as the loading itself.
        instance_dict(visit)["patient"] = patient
        instance_dict(entry).update(
            visit=visit,
            service=settled(session, site_id, Service, entry.service_id),
            room=room,
            reason=reasons.get(entry.reason_id),
            clinician=clinicians.get(entry.clinician_id),
            wished_clinician=clinicians.get(entry.wished_clinician_id),
        )
        set_committed_value(entry, "promises", promises[entry.id])
        set_committed_value(entry, "calls", calls[entry.id])
    return [entry for entry, *_ in found]


def _by_id(session: Session, query: Rows, ids: set[int | None]) -> dict[int | None, Any]:
    wanted = [n for n in ids if n is not None]
    rows = query.all(session, {"ids": wanted}) if wanted else []
    return {row.id: row for (row,) in rows}

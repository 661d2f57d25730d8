"""A site's open entries with all that screens say of them, in three statements."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_dict, set_committed_value

from queueapp.db.known import settled
from queueapp.db.models import (
    Base,
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
from queueapp.db.session import KEPT_ROWS, SNAPSHOT
from queueapp.db.statement import Statement
from queueapp.db.writing import Rows, adopt, columns
from queueapp.domain.visit import OPEN_STATES

_Make = Callable[[Sequence[Any]], tuple[dict[str, Any], ...]]

# Of so many sites and kinds of rows at most.
_MOST_KEPT = 64

_ENTRY, _VISIT = QueueEntry.__table__, Visit.__table__
# Of one site.
ARE_OPEN = (_ENTRY.c.site_id == sa.bindparam("site"), _ENTRY.c.state.in_(OPEN_STATES))
_ENTRIES = Statement(
    sa.select(_ENTRY.c.id, *columns(QueueEntry, Visit, Patient))
    .join_from(_ENTRY, _VISIT, _VISIT.c.id == _ENTRY.c.visit_id)
    .outerjoin(Patient.__table__, Patient.id == _VISIT.c.patient_id)
    .where(*ARE_OPEN)
)
_PROMISES = Statement(
    sa.select(Promise.id, *columns(Promise))
    .join_from(Promise.__table__, _ENTRY, _ENTRY.c.id == Promise.entry_id)
    .where(*ARE_OPEN)
    .order_by(Promise.entry_id, Promise.number)
)
_CALLS = Rows(
    (Call,),
    sa.select(*columns(Call))
    .join_from(Call.__table__, _ENTRY, _ENTRY.c.id == Call.entry_id)
    .where(*ARE_OPEN)
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


def _cells_of(*models: type[Base]) -> _Make:
    names = [[column.key for column in columns(model)] for model in models]

    def make(cells: Sequence[Any]) -> tuple[dict[str, Any], ...]:
        left = iter(cells[1:])
        return tuple([{name: next(left) for name in some} for some in names])

    return make


_ENTRY_CELLS = _cells_of(QueueEntry, Visit, Patient)
_PROMISE_CELLS = _cells_of(Promise)


def open_entries(session: Session, site_id: int) -> list[QueueEntry]:
    """Those called or in care, then those who wait, each in the order of their numbers.

    Their visits, patients, services, reasons, clinicians, rooms, promises and calls are there.
    """
    of = {"site": site_id}
    visits: dict[int, tuple[Visit, Patient | None]] = {}
    found = []
    for cells, of_visit, of_patient in _made(session, "entries", _ENTRIES, _ENTRY_CELLS, site_id):
        number = of_visit["id"]
        if number not in visits:
            patient = adopt(session, Patient, of_patient) if of_patient["id"] else None
            visits[number] = (adopt(session, Visit, of_visit), patient)
        found.append((adopt(session, QueueEntry, cells), *visits[number]))
    found.sort(key=lambda row: (row[0].state, row[0].id))
    reasons = _by_id(session, _REASONS, {entry.reason_id for entry, *_ in found})
    who = {n for entry, *_ in found for n in (entry.clinician_id, entry.wished_clinician_id)}
    clinicians = _by_id(session, _CLINICIANS, who)
    promises: defaultdict[int, list[Promise]] = defaultdict(list)
    for (cells,) in _made(session, "promises", _PROMISES, _PROMISE_CELLS, site_id):
        promise = adopt(session, Promise, cells)
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


def _made(
    session: Session, what: str, query: Statement, make: _Make, site_id: int
) -> list[tuple[dict[str, Any], ...]]:
    """Columns by name, of each model of each row; of a row that is as it was, the same as then.

    Every row is read, but few are others than they were a moment ago, and to make a row's cells
    what they are takes longer than to read them.
    """
    session.flush()
    # What is done to a row's lists in a writing session is done to no other session's.
    is_reading = SNAPSHOT in session.info
    all_kept = session.info.setdefault(KEPT_ROWS, {}) if is_reading else {}
    kept = all_kept.pop((what, site_id), {})
    rows, kept = query.made(session, {"site": site_id}, make, kept)
    all_kept[what, site_id] = kept
    while len(all_kept) > _MOST_KEPT:
        all_kept.pop(next(iter(all_kept)), None)
    return rows


def _by_id(session: Session, query: Rows, ids: set[int | None]) -> dict[int | None, Any]:
    wanted = [n for n in ids if n is not None]
    rows = query.all(session, {"ids": wanted}) if wanted else []
    return {row.id: row for (row,) in rows}

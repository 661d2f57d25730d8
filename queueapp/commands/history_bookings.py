"""Booked times of past days: those that were kept, and those that never became a visit."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.commands.history_names import Names, visit_key
from queueapp.db.models import Appointment, Service, Site
from queueapp.domain.visit import AppointmentState, PreferenceKind
from queueapp.integrations.visit_log import LogRow


def add_kept_bookings(
    session: Session,
    site: Site,
    names: Names,
    pairs: Sequence[tuple[int, LogRow]],
    entries: Sequence[dict[str, Any]],
) -> None:
    """The booked times of those who came, without which everyone booked would seem a no-show.

    Each stands in a pool: a log's booked times may overlap, and what is past takes up no time.
    """
    booked = [(v, row, e) for (v, row), e in zip(pairs, entries, strict=True) if row.scheduled_at]
    made = []
    for visit_id, row, entry in booked:
        service = names.service(row.service)
        seen = row.outcome in ("finished", "transferred")
        state = AppointmentState.FULFILLED if seen else AppointmentState.CHECKED_IN
        made.append(
            _booking(site, names, row, service, entry["reason_id"], state)
            | {"visit_id": visit_id, "created_at": min(row.at, _booked_for(row))}
        )
    if made:
        statement = sa.insert(Appointment.__table__).returning(
            Appointment.id, sort_by_parameter_order=True
        )
        ids = session.execute(statement, made).scalars()
        for (_, _, entry), appointment_id in zip(booked, ids, strict=True):
            entry["appointment_id"] = appointment_id
    for entry in entries:
        entry.setdefault("appointment_id", None)


def _booked_for(row: LogRow) -> datetime:
    assert row.scheduled_at is not None
    return row.scheduled_at


def _booking(
    site: Site,
    names: Names,
    row: LogRow,
    service: Service,
    reason_id: int | None,
    state: AppointmentState,
) -> dict[str, Any]:
    starts = _booked_for(row)
    ends = starts + service.planned
    return {
        "site_id": site.id,
        "service_id": service.id,
        "reason_id": reason_id,
        "clinician_id": None,
        "pool_id": names.unrecorded_pool(starts, service),
        "state": state,
        "starts_at": starts,
        "ends_at": ends,
        "busy_from": starts,
        "busy_to": ends,
        "code": visit_key(site, row)[:12],
        "preference": PreferenceKind.NONE,
    }


def add_missed_bookings(
    session: Session, site: Site, names: Names, rows: Iterable[LogRow], now: datetime
) -> tuple[int, int]:
    """Bookings that never became an entry: how many were added, how many were there before."""
    wanted = [r for r in rows if r.arrived_at is None]
    if not wanted:
        return 0, 0
    taken = set(session.scalars(sa.select(Appointment.code).where(Appointment.site_id == site.id)))
    made = []
    for row in wanted:
        code = visit_key(site, row)[:12]
        if code in taken or row.entry_id in taken:
            continue
        service = names.service(row.service)
        reason_id = names.reason(service.id, row.reason)
        value = _booking(site, names, row, service, reason_id, AppointmentState(row.outcome))
        clinician_id = names.clinician(row.clinician)
        if clinician_id is not None:
            value |= {"clinician_id": clinician_id, "pool_id": None}
        made.append(value | {"created_at": min(_booked_for(row), now)})
    if made:
        session.execute(sa.insert(Appointment.__table__), made)
    return len(made), len(wanted) - len(made)

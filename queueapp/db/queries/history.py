"""What history says of a site, for the forecast: visit lengths, habits, and what is planned."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, pstdev
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Appointment, QueueEntry, Reason, Service, ServiceTarget, Shift, Site
from queueapp.domain.localtime import to_local
from queueapp.domain.patience import patience
from queueapp.domain.snapshot import Habits, Served
from queueapp.domain.targets import Target
from queueapp.domain.visit import AppointmentState, EntryState

_HISTORY = timedelta(days=60)
_ENOUGH = 30
# How late so many of the last shifts began is kept; nobody is expected later than the second.
_SHIFTS, _LATEST_S = 100, 5400.0


@dataclass(frozen=True, slots=True)
class Known:
    """What changes slowly: services, their planned lengths and targets, habits of the past."""

    services: tuple[int, ...]
    service_default_s: dict[int, float]
    planned_s: dict[int, float]
    targets: tuple[Target, ...]
    habits: Habits


def load_history(session: Session, site: Site, now: datetime) -> list[Served]:
    """Finished services of the last 60 days, each with the gap after the one before it."""
    rows = session.execute(
        sa.select(
            QueueEntry.service_id,
            QueueEntry.reason_id,
            QueueEntry.entry_class,
            QueueEntry.clinician_id,
            QueueEntry.arrived_at,
            QueueEntry.called_at,
            QueueEntry.started_at,
            QueueEntry.ended_at,
        )
        .where(
            QueueEntry.site_id == site.id,
            QueueEntry.state.in_((EntryState.FINISHED, EntryState.TRANSFERRED)),
            QueueEntry.arrived_at >= now - _HISTORY,
            QueueEntry.started_at.is_not(None),
            QueueEntry.ended_at.is_not(None),
            QueueEntry.end_unknown.is_(False),
        )
        .order_by(QueueEntry.started_at)
    ).all()
    last_end: dict[int | None, datetime] = {}
    history = []
    for row in rows:
        ended = last_end.get(row.clinician_id)
        called = row.called_at or row.started_at
        gap = (called - ended).total_seconds() if ended else None
        # A gap says something about the clinician only where somebody was already waiting.
        waited = ended is not None and row.arrived_at <= ended
        history.append(
            Served(
                service_id=row.service_id,
                reason_id=row.reason_id,
                entry_class=row.entry_class,
                clinician_id=row.clinician_id,
                started_at=row.started_at,
                seconds=(row.ended_at - row.started_at).total_seconds(),
                gap_seconds=gap if waited and gap is not None and gap >= 0 else None,
                walk_seconds=(row.started_at - row.called_at).total_seconds()
                if row.called_at
                else None,
            )
        )
        last_end[row.clinician_id] = row.ended_at
    return history


def load_known(session: Session, site: Site, now: datetime, habits: Habits | None = None) -> Known:
    """What a forecast may keep for an hour; `habits` where they are known already."""
    services = session.scalars(
        sa.select(Service).where(
            Service.site_id == site.id, Service.retired.is_(False), Service.not_care.is_(False)
        )
    ).all()
    ids = tuple(s.id for s in services)
    reasons = session.scalars(sa.select(Reason).where(Reason.service_id.in_(ids)))
    targets = session.scalars(sa.select(ServiceTarget).where(ServiceTarget.service_id.in_(ids)))
    return Known(
        services=ids,
        service_default_s={s.id: s.planned.total_seconds() for s in services},
        planned_s={r.id: r.planned.total_seconds() for r in reasons},
        targets=tuple(target.as_target for target in targets),
        habits=habits or _habits(session, site, now),
    )


def _habits(session: Session, site: Site, now: datetime) -> Habits:
    since = now - _HISTORY
    ended = session.execute(
        sa.select(Appointment.state, sa.func.count())
        .where(
            Appointment.site_id == site.id,
            Appointment.starts_at >= since,
            Appointment.starts_at < now - timedelta(hours=1),
            Appointment.state.in_((AppointmentState.NO_SHOW, AppointmentState.FULFILLED)),
        )
        .group_by(Appointment.state)
    )
    counts = {row[0]: row[1] for row in ended}
    came, stayed_away = (
        counts.get(AppointmentState.FULFILLED, 0),
        counts.get(AppointmentState.NO_SHOW, 0),
    )
    default = Habits()
    # A handful of appointments says little: the default counts as much as thirty of them.
    no_show = (stayed_away + _ENOUGH * default.no_show) / (came + stayed_away + _ENOUGH)
    arrivals = session.execute(
        sa.select(
            QueueEntry.service_id,
            QueueEntry.entry_class,
            QueueEntry.arrived_at,
            QueueEntry.scheduled_at,
            QueueEntry.called_at,
            QueueEntry.ended_at,
            QueueEntry.state,
        ).where(
            QueueEntry.site_id == site.id,
            QueueEntry.arrived_at >= since,
            QueueEntry.previous_id.is_(None),
        )
    ).all()
    late = [
        (row.arrived_at - row.scheduled_at).total_seconds()
        for row in arrivals
        if row.scheduled_at is not None
    ]
    lateness = (fmean(late), pstdev(late)) if len(late) >= _ENOUGH else default.lateness_s
    return Habits(
        no_show,
        lateness,
        _per_hour(site, arrivals),
        _late_starts(session, site, since),
        patience(_waits(arrivals)),
    )


def _waits(arrivals: Iterable[Any]) -> Iterator[tuple[float, bool]]:
    """How long each waited, and whether they gave up. Who was called in vain had gone by then."""
    for row in arrivals:
        over = row.called_at or row.ended_at
        if over is not None:
            gave_up = row.state is EntryState.LEFT
            yield (over - row.arrived_at).total_seconds(), gave_up


def _late_starts(session: Session, site: Site, since: datetime) -> tuple[float, ...]:
    rows = session.execute(
        sa.select(Shift.planned_from, Shift.actual_from, Shift.declared_delay)
        .where(
            Shift.site_id == site.id,
            Shift.planned_from >= since,
            Shift.actual_from.is_not(None),
        )
        .order_by(Shift.planned_from.desc(), Shift.id)
        .limit(_SHIFTS)
    ).all()
    if len(rows) < _ENOUGH:
        return ()
    late = [row.actual_from - row.planned_from - row.declared_delay for row in rows]
    return tuple(sorted(min(max(one.total_seconds(), 0.0), _LATEST_S) for one in late))


def _per_hour(site: Site, arrivals: Iterable[Any]) -> dict[tuple[int, str, int], float]:
    seen: dict[tuple[int, str, int], int] = defaultdict(int)
    days = set()
    for row in arrivals:
        local = to_local(site.timezone, row.arrived_at)
        days.add(local.date())
        if row.scheduled_at is None:
            seen[(row.service_id, row.entry_class, local.hour)] += 1
    return {key: count / len(days) for key, count in seen.items()}

"""The forecast's input: the queue as it is now, and what history says of this site."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, pstdev
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import (
    Appointment,
    Pause,
    QueueEntry,
    Reason,
    Service,
    ServiceTarget,
    ShiftBreak,
    Site,
    Visit,
)
from queueapp.db.queries.queue import FOREVER, QueueView, load_queue, wished_clinicians
from queueapp.domain.localtime import service_day, service_day_span, to_local
from queueapp.domain.ordering import Candidate
from queueapp.domain.snapshot import Expected, Habits, InRoom, Served, Snapshot
from queueapp.domain.targets import Target, booked_reference, target_for
from queueapp.domain.visit import (
    IN_ROOM_STATES,
    AppointmentState,
    EntryClass,
    EntryState,
    PreferenceKind,
    Presence,
)

_HISTORY = timedelta(days=60)
_SOON = timedelta(minutes=10)
_ENOUGH = 30


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
        targets=tuple(
            Target(t.service_id, t.entry_class, t.within, t.share, t.valid_from) for t in targets
        ),
        habits=habits or _habits(session, site, now),
    )


def load_snapshot(
    session: Session, site: Site, now: datetime, known: Known, closes: datetime | None
) -> Snapshot:
    """The site at this moment, from the session's one snapshot of the database."""
    view = load_queue(session, site, now)
    day = service_day(site.timezone, now, view.rules.day_starts_at)
    care = set(known.services)
    waiting = tuple(c for c in view.line if c.service_id in care)
    extra = _extras(session, [c.entry_id for c in waiting])
    classes = {t.entry_class for t in known.targets} | set(EntryClass)
    return Snapshot(
        site_id=site.id,
        seq=view.seq,
        taken_at=now,
        zone=site.timezone,
        rules=view.rules,
        waiting=waiting,
        in_rooms=_in_rooms(session, site.id),
        expected=_expected(session, site, now, view, known),
        shifts=view.shifts,
        breaks=_breaks(session, view, now),
        reasons={entry_id: row[0] for entry_id, row in extra.items()},
        back_by={entry_id: row[1] for entry_id, row in extra.items() if row[1] is not None},
        services=known.services,
        targets={
            (service, label): target_for(known.targets, service, label, day, view.rules)
            for service in known.services
            for label in classes
        },
        planned_s=known.planned_s,
        service_default_s=known.service_default_s,
        habits=known.habits,
        closes_at=closes,
    )


def _extras(
    session: Session, entry_ids: Iterable[int]
) -> dict[int, tuple[int | None, datetime | None]]:
    rows = session.execute(
        sa.select(QueueEntry.id, QueueEntry.reason_id, Visit.presence, Visit.back_by, Visit.come_by)
        .join(Visit, Visit.id == QueueEntry.visit_id)
        .where(QueueEntry.id.in_(list(entry_ids)))
    )
    return {
        row.id: (row.reason_id, row.come_by if row.presence is Presence.ON_THE_WAY else row.back_by)
        for row in rows
    }


def _in_rooms(session: Session, site_id: int) -> tuple[InRoom, ...]:
    rows = session.execute(
        sa.select(
            QueueEntry.id,
            QueueEntry.visit_id,
            QueueEntry.service_id,
            QueueEntry.reason_id,
            QueueEntry.entry_class,
            QueueEntry.clinician_id,
            QueueEntry.shift_id,
            QueueEntry.state,
            QueueEntry.called_at,
            QueueEntry.started_at,
        ).where(
            QueueEntry.site_id == site_id,
            QueueEntry.state.in_(IN_ROOM_STATES),
            QueueEntry.shift_id.is_not(None),
            QueueEntry.clinician_id.is_not(None),
        )
    )
    return tuple(
        InRoom(
            entry_id=row.id,
            service_id=row.service_id,
            reason_id=row.reason_id,
            entry_class=row.entry_class,
            clinician_id=row.clinician_id,
            shift_id=row.shift_id,
            visit_id=row.visit_id,
            started=row.state is EntryState.IN_SERVICE,
            since=row.started_at or row.called_at,
        )
        for row in rows
    )


def _expected(
    session: Session, site: Site, now: datetime, view: QueueView, known: Known
) -> tuple[Expected, ...]:
    day = service_day(site.timezone, now, view.rules.day_starts_at)
    end = service_day_span(site.timezone, day, view.rules.day_starts_at).end
    appointments = session.scalars(
        sa.select(Appointment)
        .where(
            Appointment.site_id == site.id,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at >= now - view.rules.too_late - timedelta(minutes=10),
            Appointment.starts_at < end,
            Appointment.service_id.in_(known.services),
        )
        .options(selectinload(Appointment.service), selectinload(Appointment.patient))
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    delays = {s.clinician_id: s.declared_delay for s in view.shifts}
    found = []
    for one in appointments:
        delay = delays.get(one.clinician_id or 0, timedelta(0))
        reference, _ = booked_reference(one.starts_at, max(now, one.starts_at), delay, view.rules)
        target = target_for(known.targets, one.service_id, EntryClass.BOOKED, day, view.rules)
        wish = one.preference
        if one.clinician_id is not None and wish is PreferenceKind.NONE:
            wish = PreferenceKind.IF_POSSIBLE
        needs = [*one.service.needs, *(one.patient.room_needs if one.patient else ())]
        found.append(
            Expected(
                appointment_id=one.id,
                candidate=Candidate(
                    entry_id=-one.id,
                    visit_id=-one.id,
                    service_id=one.service_id,
                    entry_class=EntryClass.BOOKED,
                    band=1,
                    due_by=reference + target,
                    arrived_at=reference,
                    number=-one.id,
                    reference_at=reference,
                    target=target,
                    preference=wish if one.clinician_id is not None else PreferenceKind.NONE,
                    clinicians=wished_clinicians(session, one.clinician_id, ""),
                    needs=frozenset(needs),
                ),
                scheduled_at=one.starts_at,
                planned=one.ends_at - one.starts_at,
                reason_id=one.reason_id,
            )
        )
    return tuple(found)


def _breaks(
    session: Session, view: QueueView, now: datetime
) -> dict[int, tuple[tuple[datetime, datetime], ...]]:
    """Planned breaks and standing pauses; one without an end, or past it, ends soon or never."""
    ids = [s.shift_id for s in view.shifts]
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for one in session.scalars(sa.select(ShiftBreak).where(ShiftBreak.shift_id.in_(ids))):
        spans[one.shift_id].append((one.starts_at, one.ends_at))
    for pause in session.scalars(
        sa.select(Pause).where(Pause.shift_id.in_(ids), Pause.ended_at.is_(None))
    ):
        until = pause.until or FOREVER
        spans[pause.shift_id].append((pause.started_at, max(until, now + _SOON)))
    return {shift_id: tuple(sorted(found)) for shift_id, found in spans.items()}


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
    return Habits(no_show, lateness, _per_hour(site, arrivals))


def _per_hour(site: Site, arrivals: Iterable[Any]) -> dict[tuple[int, str, int], float]:
    seen: dict[tuple[int, str, int], int] = defaultdict(int)
    days = set()
    for row in arrivals:
        local = to_local(site.timezone, row.arrived_at)
        days.add(local.date())
        if row.scheduled_at is None:
            seen[(row.service_id, row.entry_class, local.hour)] += 1
    return {key: count / len(days) for key, count in seen.items()}

"""The forecast's input: the site as it is now."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import Appointment, Call, Pause, QueueEntry, ShiftBreak, Site, Visit
from queueapp.db.queries.history import Known
from queueapp.db.queries.queue import FOREVER, QueueView, load_queue, wished_clinicians
from queueapp.domain.ordering import Candidate
from queueapp.domain.snapshot import Expected, InRoom, Snapshot
from queueapp.domain.targets import booked_reference, target_for
from queueapp.domain.visit import (
    CALL_BELIEVED,
    IN_ROOM_STATES,
    AppointmentState,
    EntryClass,
    PreferenceKind,
    Presence,
)

_SOON = timedelta(minutes=10)


def load_snapshot(
    session: Session, site: Site, now: datetime, known: Known, closes: datetime | None
) -> Snapshot:
    """The site at this moment, from the session's one snapshot of the database."""
    view = load_queue(session, site, now)
    day = site.day_at(now)
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
        in_rooms=_in_rooms(session, site.id, now),
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


def _in_rooms(session: Session, site_id: int, now: datetime) -> tuple[InRoom, ...]:
    last_call = (
        sa.select(sa.func.max(Call.called_at))
        .where(Call.entry_id == QueueEntry.id)
        .scalar_subquery()
    )
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
            last_call.label("last_call"),
        ).where(
            QueueEntry.site_id == site_id,
            QueueEntry.state.in_(IN_ROOM_STATES),
            QueueEntry.shift_id.is_not(None),
            QueueEntry.clinician_id.is_not(None),
        )
    )
    found = []
    for row in rows:
        came = row.started_at
        if came is None and row.last_call and now - row.last_call > CALL_BELIEVED:
            # The start was likely forgotten, and the time since is time in care.
            came = row.last_call
        found.append(
            InRoom(
                entry_id=row.id,
                service_id=row.service_id,
                reason_id=row.reason_id,
                entry_class=row.entry_class,
                clinician_id=row.clinician_id,
                shift_id=row.shift_id,
                visit_id=row.visit_id,
                started=came is not None,
                since=came or row.called_at,
            )
        )
    return tuple(found)


def _expected(
    session: Session, site: Site, now: datetime, view: QueueView, known: Known
) -> tuple[Expected, ...]:
    day = site.day_at(now)
    end = site.span_of(day).end
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
                    needs=frozenset(one.service.needs_of(one.patient)),
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

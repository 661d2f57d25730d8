"""Putting an appointment on the calendar so that the database itself refuses an overlap."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from queueapp.actions.booking_rows import Override, Place, lock_owners, release_expired
from queueapp.actions.overrides import check_override
from queueapp.db.models import LANES, Appointment, AppointmentOverride, Clinician, Pool, Service
from queueapp.db.queries.duty import on_duty
from queueapp.db.queries.slots import free_times, pool_times
from queueapp.domain.actor import Actor
from queueapp.domain.refusal import Refused, conflict, invalid
from queueapp.domain.spans import Span, as_utc
from queueapp.domain.visit import BUSY_APPOINTMENT_STATES

_LONGEST = timedelta(hours=12)
_LOOK_AHEAD = timedelta(days=7)


def take(
    session: Session,
    actor: Actor,
    now: datetime,
    appointment: Appointment,
    place: Place,
    override: Override | None,
) -> list[int]:
    """Give a new appointment its time: as `put`, or wherever it is free when no one is named."""
    service = session.get_one(Service, appointment.service_id)
    if place.length is None and appointment.reason_id is not None and place.pool_id is None:
        reason = next(r for r in service.reasons if r.id == appointment.reason_id)
        place = Place(place.starts_at, place.clinician_id, place.pool_id, reason.planned)
    if place.clinician_id is not None and place.pool_id is not None:
        raise invalid("clinician", "Choose a clinician or a pool, not both.")
    if place.clinician_id is not None or place.pool_id is not None:
        return _take_place(session, actor, now, appointment, service, place, override)
    for free in _free_at(session, now, service, place):
        chosen = Place(place.starts_at, free[0], free[1], place.length)
        try:
            return _take_place(session, actor, now, appointment, service, chosen, None)
        except Refused as refused:
            if refused.code != "overlap":
                raise
    raise just_taken(session, now, service, place)


def _free_at(
    session: Session, now: datetime, service: Service, place: Place
) -> list[tuple[int | None, int | None]]:
    if place.starts_at < now:
        raise invalid("starts_at", "Choose a time that is not in the past.")
    found = free_times(
        session,
        service.site,
        service,
        place.starts_at,
        place.starts_at + timedelta(seconds=1),
        now=now,
        length=place.length,
    )
    return [(f.clinician_id, f.pool_id) for f in found]


def _take_place(
    session: Session,
    actor: Actor,
    now: datetime,
    appointment: Appointment,
    service: Service,
    place: Place,
    override: Override | None,
) -> list[int]:
    lock_owners(session, place)
    release_expired(session, actor, now, place=place)
    return put(session, actor, now, appointment, service, place, override)


def put(
    session: Session,
    actor: Actor,
    now: datetime,
    appointment: Appointment,
    service: Service,
    place: Place,
    override: Override | None,
) -> list[int]:
    """Set the appointment's time and store it; the ids of those an override lets it overlap.

    The caller holds the owner's row (`lock_owners`). Raises Refused (invalid `starts_at`,
    `length`, `clinician`, `pool`; conflict `overlap` with the `next` free times).
    """
    if override is not None:
        check_override(session, actor, service.site)
    starts_at = as_utc(place.starts_at)
    if starts_at < now and override is None:
        raise invalid("starts_at", "Choose a time that is not in the past.")
    appointment_id = appointment.id
    try:
        # Nothing of it may be pending before: that would be flushed outside the savepoint.
        with session.begin_nested(), session.no_autoflush:
            if place.pool_id is not None:
                over = _into_pool(session, now, appointment, service, place, override)
            else:
                over = _with_clinician(session, now, appointment, service, place, override)
            session.add(appointment)
            session.flush()
            session.add_all(
                AppointmentOverride(
                    appointment_id=appointment.id,
                    overlapped_id=other,
                    allowed_by=actor.key,
                    reason=override.reason.strip(),
                    allowed_at=now,
                )
                for other in over
                if override is not None
            )
    except IntegrityError:
        raise just_taken(session, now, service, place, appointment_id) from None
    return over


def just_taken(
    session: Session,
    now: datetime,
    service: Service,
    place: Place,
    appointment_id: int | None = None,
) -> Refused:
    """The refusal of a time that somebody else has, with the next free ones."""
    start = max(now, as_utc(place.starts_at))
    offered = free_times(
        session,
        service.site,
        service,
        start,
        start + _LOOK_AHEAD,
        now=now,
        clinician_id=place.clinician_id,
        length=place.length,
    )
    if place.pool_id is not None:
        offered = [free for free in offered if free.pool_id == place.pool_id]
    return conflict(
        "overlap",
        "That time was just taken. Choose another."
        if offered
        else "That time was just taken, and nothing else is free in the next seven days.",
        next=[free.starts_at.isoformat() for free in offered[:3]],
    )


def _with_clinician(
    session: Session,
    now: datetime,
    appointment: Appointment,
    service: Service,
    place: Place,
    override: Override | None,
) -> list[int]:
    length = service.planned if place.length is None else place.length
    if not timedelta(0) < length <= _LONGEST:
        raise invalid("length", "Give a length of more than 0 minutes, at most 12 hours.")
    starts_at = as_utc(place.starts_at)
    busy = Span(starts_at - service.buffer_before, starts_at + length + service.buffer_after)
    clinician = session.get(Clinician, place.clinician_id)
    if clinician is None or clinician.retired:
        raise invalid("clinician", "Choose a clinician who works here.")
    if override is None:
        duty = on_duty(session, service.site, service, busy, now, clinician.id)
        if not any(span.covers(busy) for span in duty.get(clinician.id, ())):
            raise invalid(
                "starts_at",
                f"{clinician.shown_name} does not give {service.name} at that time, or not for "
                "long enough. Choose one of the free times.",
            )
    over, lane = _lanes(session, appointment, clinician.id, busy) if override else ([], None)
    appointment.clinician_id, appointment.pool_id, appointment.seat = clinician.id, None, None
    appointment.starts_at, appointment.ends_at = starts_at, starts_at + length
    appointment.busy_from, appointment.busy_to = busy.start, busy.end
    appointment.lane_from = 0 if lane is None else lane
    appointment.lane_to = LANES if lane is None else lane + 1
    return over


def _lanes(
    session: Session, appointment: Appointment, clinician_id: int, busy: Span
) -> tuple[list[int], int | None]:
    """Narrow the ordinary ones that `busy` overlaps; all it overlaps, and a lane free of them."""
    others = session.scalars(
        sa.select(Appointment)
        .where(
            Appointment.clinician_id == clinician_id,
            Appointment.state.in_(BUSY_APPOINTMENT_STATES),
            Appointment.busy_from < busy.end,
            Appointment.busy_to > busy.start,
            Appointment.id != (appointment.id or 0),
        )
        .order_by(Appointment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for other in others:
        if other.lane_to - other.lane_from > 1:
            # It filled all lanes, so nothing else overlaps it: lane 0 is its own.
            other.lane_from, other.lane_to = 0, 1
    session.flush()
    taken = {other.lane_from for other in others}
    lane = next(n for n in range(LANES) if n not in taken) if others else None
    return [other.id for other in others], lane


def _into_pool(
    session: Session,
    now: datetime,
    appointment: Appointment,
    service: Service,
    place: Place,
    override: Override | None,
) -> list[int]:
    pool = session.get(Pool, place.pool_id)
    if pool is None or pool.service_id != service.id:
        raise invalid("pool", "Choose one of this service's pools.")
    starts_at = as_utc(place.starts_at)
    instant = Span(starts_at, starts_at + timedelta(microseconds=1))
    slots = [slot for slot, _ in pool_times(session, service.site, pool, instant, now)]
    if not slots and override is None:
        raise invalid("starts_at", "Choose one of the free times.")
    there = {
        seat: other_id
        for other_id, seat in session.execute(
            sa.select(Appointment.id, Appointment.seat).where(
                Appointment.pool_id == pool.id,
                Appointment.starts_at == starts_at,
                Appointment.state.in_(BUSY_APPOINTMENT_STATES),
                Appointment.id != (appointment.id or 0),
            )
        )
    }
    seat = next(n for n in range(len(there) + 1) if n not in there)
    over = []
    if seat >= pool.capacity:
        if override is None:
            raise just_taken(session, now, service, place)
        over = sorted(there.values())
    appointment.clinician_id, appointment.pool_id, appointment.seat = None, pool.id, seat
    appointment.starts_at, appointment.ends_at = starts_at, starts_at + pool.interval
    appointment.busy_from, appointment.busy_to = appointment.starts_at, appointment.ends_at
    appointment.lane_from, appointment.lane_to = 0, LANES
    return over

"""Times that may be booked: with a clinician on duty, or a place in a pool."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Appointment, Pool, Service, Site
from queueapp.db.queries.duty import on_duty, opening_of
from queueapp.domain.refusal import invalid
from queueapp.domain.slots import Slot, free_slots, pool_slots
from queueapp.domain.spans import Span, intersect_spans
from queueapp.domain.visit import BUSY_APPOINTMENT_STATES, AppointmentState

LONGEST_LOOK = timedelta(days=62)
_STEP = timedelta(minutes=15)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FreeTime:
    """A time to book (instants): with a clinician, or in a pool with `places` left."""

    starts_at: datetime
    ends_at: datetime
    clinician_id: int | None = None
    pool_id: int | None = None
    places: int = 1


def free_times(
    session: Session,
    site: Site,
    service: Service,
    start: datetime,
    end: datetime,
    *,
    now: datetime,
    clinician_id: int | None = None,
    length: timedelta | None = None,
) -> list[FreeTime]:
    """Times starting in [start, end) and not before `now`, by start, then clinician, then pool.

    `length` is the service's planned time unless given; a pool's is its interval. Starts stand on
    the local clock's multiples of the length where it divides the hour, else on quarters.
    Raises Refused (invalid `to`, `length`).
    """
    if end <= start or end - start > LONGEST_LOOK:
        raise invalid("to", "Give an end after the start, at most 62 days later.")
    earliest = max(start, now)
    if earliest >= end:
        return []
    length = service.planned if length is None else length
    found = _with_clinicians(session, site, service, Span(earliest, end), now, clinician_id, length)
    if clinician_id is None:
        found += _in_pools(session, site, service, Span(earliest, end), now)
    return sorted(found, key=lambda f: (f.starts_at, f.clinician_id or 0, f.pool_id or 0))


def pool_times(
    session: Session, site: Site, pool: Pool, over: Span, now: datetime
) -> list[tuple[Slot, int]]:
    """The pool's intervals that start in `over` while the doors are open, with places left."""
    whole = Span(pool.starts_at, pool.ends_at)
    taken = Counter(session.scalars(_TAKEN_OF_POOL, {"pool": pool.id, "now": now}))
    return pool_slots(
        intersect_spans([whole], opening_of(session, site, whole)),
        pool.interval,
        pool.capacity,
        taken,
        site.timezone,
        over.start,
        over.end,
    )


def still_busy(now: datetime | sa.BindParameter[datetime]) -> sa.ColumnElement[bool]:
    """The appointments that take up time: a hold does until it runs out."""
    return sa.and_(
        Appointment.state.in_(BUSY_APPOINTMENT_STATES),
        sa.or_(
            Appointment.state != AppointmentState.HELD,
            Appointment.held_until.is_(None),
            Appointment.held_until > now,
        ),
    )


_NOW: sa.BindParameter[datetime] = sa.bindparam("now")
_TAKEN_OF_POOL = sa.select(Appointment.starts_at).where(
    Appointment.pool_id == sa.bindparam("pool"), still_busy(_NOW)
)
_BUSY = sa.select(Appointment.clinician_id, Appointment.busy_from, Appointment.busy_to).where(
    Appointment.clinician_id.in_(sa.bindparam("owners", expanding=True)),
    Appointment.busy_from < sa.bindparam("until"),
    Appointment.busy_to > sa.bindparam("since"),
    still_busy(_NOW),
)
_POOLS = sa.select(Pool).where(
    Pool.service_id == sa.bindparam("service"),
    Pool.starts_at < sa.bindparam("until"),
    Pool.ends_at > sa.bindparam("since"),
)


def _with_clinicians(
    session: Session,
    site: Site,
    service: Service,
    over: Span,
    now: datetime,
    clinician_id: int | None,
    length: timedelta,
) -> list[FreeTime]:
    # Buffers and the last slot's own length may lie outside the range of starts.
    margin = Span(over.start - service.buffer_before, over.end + length + service.buffer_after)
    duty = on_duty(session, site, service, margin, now, clinician_id)
    busy = defaultdict(list)
    values = {"owners": list(duty), "since": margin.start, "until": margin.end, "now": now}
    for owner, since, until in session.execute(_BUSY, values):
        busy[owner].append(Span(since, until))
    step = length if length and not _HOUR % length else _STEP
    return [
        FreeTime(slot.start, slot.end, clinician_id=owner)
        for owner, spans in duty.items()
        for slot in free_slots(
            spans,
            busy[owner],
            length,
            step,
            site.timezone,
            over.start,
            over.end,
            service.buffer_before,
            service.buffer_after,
        )
    ]


def _in_pools(
    session: Session, site: Site, service: Service, over: Span, now: datetime
) -> list[FreeTime]:
    values = {"service": service.id, "since": over.start, "until": over.end}
    pools = session.scalars(_POOLS, values).all()
    return [
        FreeTime(slot.start, slot.end, pool_id=pool.id, places=places)
        for pool in pools
        for slot, places in pool_times(session, site, pool, over, now)
        if places
    ]

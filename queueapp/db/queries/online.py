"""What the public may book: the free times, less the share of each day kept for walk-ins."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Appointment, Pool, Service, Site
from queueapp.db.queries.duty import on_duty
from queueapp.db.queries.slots import FreeTime, free_times, pool_times, still_busy
from queueapp.domain.localtime import ONE_DAY
from queueapp.domain.online import bookable_span, seats_left, time_left
from queueapp.domain.spans import Span, intersect_spans

_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Room:
    """What is left to the public: time by (clinician, day), places by (pool, day).

    A day without an entry has nobody on duty.
    """

    time: dict[tuple[int, date], timedelta] = field(default_factory=dict)
    places: dict[tuple[int, date], int] = field(default_factory=dict)

    @property
    def days(self) -> list[date]:
        """The days on which anybody is on duty, in order."""
        return sorted({day for _, day in (*self.time, *self.places)})

    @property
    def clinicians(self) -> set[int]:
        """Who is on duty on any of the days."""
        return {clinician_id for clinician_id, _ in self.time}

    def has(self, free: FreeTime, day: date, takes: timedelta) -> bool:
        """Whether the time may still be booked; with its buffers it takes `takes`."""
        if free.pool_id is not None:
            return self.places.get((free.pool_id, day), 0) > 0
        return self.time.get((free.clinician_id or 0, day), _ZERO) >= takes


def online_room(
    session: Session,
    site: Site,
    service: Service,
    over: Span,
    now: datetime,
    *,
    clinician_id: int | None = None,
    but_for: int | None = None,
) -> Room:
    """The room on the service days that `over` touches, `but_for` one appointment's own time.

    A day's room is what bookings may take without the share kept for walk-ins, less what all
    bookings of that clinician here, or of that pool, take already, whoever made them.
    """
    room = Room()
    if over.end <= over.start:
        return room
    days = dict(_days(site, over))
    whole = Span(min(s.start for s in days.values()), max(s.end for s in days.values()))
    share = site.rules.walk_in_share
    duty = on_duty(session, site, service, whole, now, clinician_id)
    used = _used(session, site, duty, whole, now, but_for)
    for owner, spans in duty.items():
        for day, span in days.items():
            capacity = sum((s.length for s in intersect_spans(spans, [span])), _ZERO)
            if capacity:
                room.time[owner, day] = time_left(capacity, used[owner, day], share)
    if clinician_id is None:
        for pool in _pools(session, service, whole):
            for day, span in days.items():
                slots = pool_times(session, site, pool, span, now)
                if slots:
                    taken = _taken(session, pool, span, now, but_for)
                    seats = pool.capacity * len(slots)
                    room.places[pool.id, day] = seats_left(seats, taken, share)
    return room


def online_times(
    session: Session,
    site: Site,
    service: Service,
    over: Span,
    now: datetime,
    *,
    room: Room | None = None,
    clinician_id: int | None = None,
    length: timedelta | None = None,
    but_for: int | None = None,
) -> list[FreeTime]:
    """Times starting in `over` that the public may book now, as `free_times` orders them.

    `room` is that of `online_room` for the same time, read if not given.
    """
    span = bookable_span(site.rules, now)
    start, end = max(over.start, span.start), min(over.end, span.end)
    if start >= end or not may_be_booked(site, service):
        return []
    if room is None:
        room = online_room(
            session,
            site,
            service,
            Span(start, end),
            now,
            clinician_id=clinician_id,
            but_for=but_for,
        )
    found = free_times(
        session, site, service, start, end, now=now, clinician_id=clinician_id, length=length
    )
    takes = service.buffer_before + (length or service.planned) + service.buffer_after
    return [free for free in found if room.has(free, site.day_at(free.starts_at), takes)]


def may_be_booked(site: Site, service: Service) -> bool:
    """Whether the public books this service online at all."""
    return site.rules.online and service.online and not (service.retired or service.not_care)


def _days(site: Site, over: Span) -> Iterator[tuple[date, Span]]:
    day = site.day_at(over.start)
    while True:
        span = site.span_of(day)
        if span.start >= over.end:
            return
        yield day, span
        day += ONE_DAY


_NOW: sa.BindParameter[datetime] = sa.bindparam("now")
_STARTS = (
    Appointment.starts_at >= sa.bindparam("since"),
    Appointment.starts_at < sa.bindparam("until"),
    Appointment.id != sa.bindparam("but_for"),
    still_busy(_NOW),
)
_USED = sa.select(
    Appointment.clinician_id,
    Appointment.starts_at,
    Appointment.busy_from,
    Appointment.busy_to,
).where(
    Appointment.site_id == sa.bindparam("site"),
    Appointment.clinician_id.in_(sa.bindparam("owners", expanding=True)),
    *_STARTS,
)
_TAKEN = (
    sa.select(sa.func.count())
    .select_from(Appointment)
    .where(Appointment.pool_id == sa.bindparam("pool"), *_STARTS)
)
_POOLS = (
    sa.select(Pool)
    .where(
        Pool.service_id == sa.bindparam("service"),
        Pool.starts_at < sa.bindparam("until"),
        Pool.ends_at > sa.bindparam("since"),
    )
    .order_by(Pool.id)
)


def _used(
    session: Session,
    site: Site,
    owners: Iterable[int],
    whole: Span,
    now: datetime,
    but_for: int | None,
) -> dict[tuple[int, date], timedelta]:
    used: dict[tuple[int, date], timedelta] = defaultdict(timedelta)
    values = {
        "site": site.id,
        "owners": list(owners),
        "since": whole.start,
        "until": whole.end,
        "but_for": but_for or 0,
        "now": now,
    }
    rows = session.execute(_USED, values)
    for owner, starts_at, since, until in rows:
        assert owner is not None
        used[owner, site.day_at(starts_at)] += until - since
    return used


def _taken(session: Session, pool: Pool, span: Span, now: datetime, but_for: int | None) -> int:
    values = {"pool": pool.id, "since": span.start, "until": span.end, "now": now}
    return session.scalar(_TAKEN, {**values, "but_for": but_for or 0}) or 0


def _pools(session: Session, service: Service, whole: Span) -> list[Pool]:
    values = {"service": service.id, "since": whole.start, "until": whole.end}
    return list(session.scalars(_POOLS, values))

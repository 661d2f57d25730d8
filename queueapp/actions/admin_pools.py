"""Pools: a stretch of a day with so many places per interval, whoever then gives the care."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_record import check_version, record_change
from queueapp.db.models import Appointment, Pool, Service, Site
from queueapp.db.queries.slots import pool_times, still_busy
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.localtime import local_to_utc, to_local
from queueapp.domain.refusal import conflict, invalid, not_found
from queueapp.domain.spans import Span

SUBJECT = "pool"
MOST_PLACES = 50
_INTERVALS = timedelta(minutes=5), timedelta(hours=4)
_WEEK = timedelta(weeks=1)
_MOST_WEEKS = 53


@dataclass(frozen=True, slots=True)
class GivenPool:
    """A pool as a manager wants it: a day and two times on the site's clock, places per interval.

    With `until`, one each week up to that day.
    """

    service_id: int
    day: date
    opens: time
    closes: time
    interval: timedelta
    capacity: int
    until: date | None = None


def pool_state(pool: Pool, site: Site) -> dict[str, Any]:
    """All that can be changed of a pool, on the site's clock."""
    opens, closes = (to_local(site.timezone, at) for at in (pool.starts_at, pool.ends_at))
    return {
        "day": opens.date().isoformat(),
        "opens": f"{opens:%H:%M}",
        "closes": f"{closes:%H:%M}",
        "interval": round(pool.interval.total_seconds()),
        "capacity": pool.capacity,
    }


def add_pools(
    session: Session, actor: Actor, now: datetime, *, site_id: int, given: GivenPool
) -> list[Pool]:
    """A pool, or one each week; all or none.

    Raises Refused (invalid by field; conflict `overlap` with another pool of the service).
    """
    site = lock_site(session, site_id)
    service = session.get(Service, given.service_id)
    if service is None or service.site_id != site_id or service.retired:
        raise invalid("service", "Choose one of the clinic’s services.")
    made = []
    for day in _days(given):
        pool = Pool(service_id=service.id)
        _fill(session, site, now, pool, given, day)
        session.add(pool)
        session.flush()
        _record(session, actor, now, site, pool, "added", {})
        made.append(pool)
    return made


def change_pool(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    pool_id: int,
    version: str,
    given: GivenPool,
) -> bool:
    """Change a pool; False when nothing differed.

    Raises Refused as `add_pools` does, also `changed_meanwhile`, and conflict `booked` where a
    booking that stands would have no place any more.
    """
    pool = _own(session, site_id, pool_id)
    site = lock_site(session, site_id)
    before = pool_state(pool, site)
    check_version(session, before, version, subject=SUBJECT, subject_id=pool_id, zone=site.timezone)
    _fill(session, site, now, pool, given, given.day)
    session.flush()
    _check_bookings(session, site, pool, now)
    return _record(session, actor, now, site, pool, "changed", before)


def close_pool(
    session: Session, actor: Actor, now: datetime, *, site_id: int, pool_id: int
) -> None:
    """No places any more; the pool keeps its history, and places can be given again.

    Raises Refused (conflict `booked`) while a booking stands in it.
    """
    pool = _own(session, site_id, pool_id)
    site = lock_site(session, site_id)
    if pool.capacity == 0:
        return
    before = pool_state(pool, site)
    pool.capacity = 0
    session.flush()
    _check_bookings(session, site, pool, now)
    _record(session, actor, now, site, pool, "closed", before)


def _days(given: GivenPool) -> list[date]:
    if given.until is None:
        return [given.day]
    if not given.day <= given.until <= given.day + _MOST_WEEKS * _WEEK:
        raise invalid("until", "Give a day after the first, within a year.")
    weeks = (given.until - given.day) // _WEEK
    return [given.day + n * _WEEK for n in range(weeks + 1)]


def _own(session: Session, site_id: int, pool_id: int) -> Pool:
    # Bookings hold this row too, and before the site's, so none slips in after the look at them.
    pool = session.get(Pool, pool_id, with_for_update={"key_share": True}, populate_existing=True)
    if pool is None or session.get_one(Service, pool.service_id).site_id != site_id:
        raise not_found("The pool")
    return pool


def _fill(
    session: Session, site: Site, now: datetime, pool: Pool, given: GivenPool, day: date
) -> None:
    if given.closes <= given.opens:
        raise invalid("closes", "Give an end later than the beginning, on the same day.")
    least, most = _INTERVALS
    if not least <= given.interval <= most:
        raise invalid("interval", "Give 5 to 240 minutes.")
    if not 1 <= given.capacity <= MOST_PLACES:
        raise invalid("capacity", f"Give 1 to {MOST_PLACES} places.")
    starts_at, ends_at = (
        local_to_utc(site.timezone, day, wall) for wall in (given.opens, given.closes)
    )
    if ends_at <= now:
        raise invalid("day", "Give a time still to come.")
    if starts_at + given.interval > ends_at:
        raise invalid("interval", "This is longer than the pool itself.")
    other = session.scalars(
        sa.select(Pool).where(
            Pool.service_id == pool.service_id,
            Pool.id != (pool.id or 0),
            Pool.starts_at < ends_at,
            Pool.ends_at > starts_at,
            Pool.capacity > 0,
        )
    ).first()
    if other is not None:
        state = pool_state(other, site)
        raise conflict(
            "overlap",
            f"On {day:%d.%m.%Y} there is a pool of this service already, from {state['opens']} "
            f"to {state['closes']}. Change that one, or give other times.",
        )
    pool.starts_at, pool.ends_at = starts_at, ends_at
    pool.interval, pool.capacity = given.interval, given.capacity


def _check_bookings(session: Session, site: Site, pool: Pool, now: datetime) -> None:
    """Every booking still to come keeps its very place: its time, its length, one of so many."""
    stand = session.scalars(
        sa.select(Appointment)
        .where(Appointment.pool_id == pool.id, Appointment.ends_at > now, still_busy(now))
        .order_by(Appointment.starts_at)
    ).all()
    whole = Span(pool.starts_at, pool.ends_at)
    offered = {slot.start for slot, _places in pool_times(session, site, pool, whole, whole.start)}
    placed: Counter[datetime] = Counter()
    lost = []
    for booking in stand:
        placed[booking.starts_at] += 1
        fits = booking.ends_at - booking.starts_at == pool.interval
        is_full = placed[booking.starts_at] > pool.capacity
        if booking.starts_at not in offered or not fits or is_full:
            lost.append(booking)
    if lost:
        first = to_local(site.timezone, lost[0].starts_at)
        count = "1 booking has" if len(lost) == 1 else f"{len(lost)} bookings have"
        raise conflict(
            "booked",
            f"{count} no place then, the first at {first:%H:%M}. Move or cancel "
            f"{'it' if len(lost) == 1 else 'them'} at the desk first.",
        )


def _record(
    session: Session,
    actor: Actor,
    now: datetime,
    site: Site,
    pool: Pool,
    verb: str,
    before: dict[str, Any],
) -> bool:
    service = session.get_one(Service, pool.service_id)
    return record_change(
        session,
        actor,
        now,
        site_id=site.id,
        verb=verb,
        subject=SUBJECT,
        subject_id=pool.id,
        name=f"{service.name}, {to_local(site.timezone, pool.starts_at):%d.%m.%Y}",
        before=before,
        after=pool_state(pool, site),
    )

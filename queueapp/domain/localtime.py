"""The local clock of an IANA zone and its service days; answers are UTC instants.

One reading of the clock holds throughout (`local_to_utc`): a wall time means the first instant at
which the clock shows it or a later one. So a time skipped in spring means the end of the gap, and
one that comes twice in autumn means its first occurrence.
"""

import difflib
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache

from queueapp.domain.refusal import invalid
from queueapp.domain.spans import Span, as_utc

ONE_DAY = timedelta(days=1)
SERVICE_DAY_STARTS = time(4)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - {"Factory", "localtime"})


@lru_cache(maxsize=256)
def parse_zone(name: str, field: str = "timezone") -> zoneinfo.ZoneInfo:
    """The IANA zone called `name` exactly; refuses anything else, naming `field`."""
    if name not in _zone_names():
        near = difflib.get_close_matches(name, sorted(_zone_names()), n=1) or ["Europe/London"]
        raise invalid(
            field, f"“{name}” is not a known time zone. Give an IANA name such as {near[0]}."
        )
    return zoneinfo.ZoneInfo(name)


def to_local(zone: str, instant: datetime) -> datetime:
    """`instant` on the zone's wall clock; `fold` is 1 in the second run of a repeated hour."""
    return as_utc(instant).astimezone(parse_zone(zone))


@lru_cache(maxsize=8192)
def wall_clock(zone: str, instant: datetime) -> str:
    """`10:41` on the zone's wall clock."""
    return f"{to_local(zone, instant):%H:%M}"


def offset_change(tz: zoneinfo.ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first UTC instant in (before, after] with another offset than `before`.

    Both are UTC, with exactly one change between them; transitions fall on whole seconds.
    """
    was = before.astimezone(tz).utcoffset()
    start = before.replace(microsecond=0)
    low, high = 0, -int((start - after) // timedelta(seconds=1))
    while high - low > 1:
        middle = (low + high) // 2
        if (start + timedelta(seconds=middle)).astimezone(tz).utcoffset() == was:
            low = middle
        else:
            high = middle
    return start + timedelta(seconds=high)


@lru_cache(maxsize=4096)
def local_to_utc(zone: str, day: date, wall: time) -> datetime:
    """The first instant at which the zone's clock shows `wall` on `day`, or later.

    A time in the spring gap gives the first instant after the gap; a repeated one its first
    occurrence. Later wall times never give earlier instants.
    """
    if wall.tzinfo is not None:
        raise ValueError("wall: a local time carries no time zone of its own")
    tz = parse_zone(zone)
    naive = datetime.combine(day, wall)
    first = naive.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if first.astimezone(tz).replace(tzinfo=None) == naive:
        return first
    # In a gap fold=1 reads the clock by the new offset, which lands before the change.
    return offset_change(tz, naive.replace(tzinfo=tz, fold=1).astimezone(UTC), first)


def service_day_span(zone: str, day: date, starts_at: time = SERVICE_DAY_STARTS) -> Span:
    """The service day `day`: 24 h, or 23 or 25 and the like when the clocks change in it.

    With `starts_at` midnight it is the calendar day.
    """
    return Span(local_to_utc(zone, day, starts_at), local_to_utc(zone, day + ONE_DAY, starts_at))


def service_day(zone: str, now: datetime, starts_at: time = SERVICE_DAY_STARTS) -> date:
    """The service day that `now` falls in; it never goes back while time goes on."""
    # One day ahead at first: a clock set back over midnight shows yesterday's date again.
    day = to_local(zone, now).date() + ONE_DAY
    while local_to_utc(zone, day, starts_at) > now:
        day -= ONE_DAY
    return day

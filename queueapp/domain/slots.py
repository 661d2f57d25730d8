"""Free times to book: with one clinician, or in a pool with places per interval."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from queueapp.domain.localtime import ONE_DAY, offset_change, parse_zone
from queueapp.domain.refusal import invalid
from queueapp.domain.spans import Span, as_utc, merge_spans, subtract_spans

ZERO = timedelta()
ONE_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, order=True)
class Slot(Span):
    """A bookable stretch as the patient sees it, without buffers; UTC, half-open."""


def _check_step(field: str, step: timedelta) -> None:
    if not ONE_MINUTE <= step <= ONE_DAY or step % ONE_MINUTE:
        raise invalid(field, "Give a whole number of minutes, from 1 to 1440.")


def wall_clock_steps(
    zone: str, start: datetime, end: datetime, step: timedelta
) -> Iterator[datetime]:
    """The UTC instants in [start, end) at which the local clock stands on a multiple of `step`.

    Counted from local midnight, afresh each day. A repeated hour gives each of its times twice,
    as two instants; a skipped one none. `step` is whole minutes up to a day, else refused.
    """
    _check_step("step", step)
    tz = parse_zone(zone)
    instant, end = as_utc(start, "start"), as_utc(end, "end")
    while instant < end:
        local = instant.astimezone(tz)
        since_midnight = timedelta(
            hours=local.hour,
            minutes=local.minute,
            seconds=local.second,
            microseconds=local.microsecond,
        )
        behind = since_midnight % step
        if not behind:
            yield instant
        following = instant + min(step - behind, ONE_DAY - since_midnight)
        if following.astimezone(tz).utcoffset() != local.utcoffset():
            following = offset_change(tz, instant, following)
        instant = following


def free_slots(
    spans_on_duty: Iterable[Span],
    busy: Iterable[Span],
    length: timedelta,
    step: timedelta,
    zone: str,
    earliest: datetime,
    latest: datetime,
    buffer_before: timedelta = ZERO,
    buffer_after: timedelta = ZERO,
) -> list[Slot]:
    """Every slot that may be booked, by start.

    A slot starts on a local wall-clock step (`wall_clock_steps`) in [earliest, latest) and lasts
    `length` of real time. With its buffers it lies wholly inside one span on duty and shares no
    time with a busy span; back to back is allowed. `busy` spans bring their own buffers with
    them. Spans on duty are not joined: `merge_spans` them where one may run on into the next.
    Slots are alternatives, so they may overlap each other. Bad lengths are refused.
    """
    _check_step("step", step)
    if length <= ZERO:
        raise invalid("length", "Give a length of more than 0 minutes.")
    for field, buffer in (("buffer_before", buffer_before), ("buffer_after", buffer_after)):
        if buffer < ZERO:
            raise invalid(field, "Give a buffer of 0 minutes or more.")
    earliest, latest = as_utc(earliest, "earliest"), as_utc(latest, "latest")
    taken = merge_spans(busy)
    starts: set[datetime] = set()
    for duty in set(spans_on_duty):
        for window in subtract_spans([duty], taken):
            last = window.end - buffer_after - length
            for start in wall_clock_steps(
                zone, max(earliest, window.start + buffer_before), latest, step
            ):
                if start > last:
                    break
                starts.add(start)
    return [Slot(start, start + length) for start in sorted(starts)]


def pool_slots(
    spans: Iterable[Span],
    interval: timedelta,
    capacity: int,
    taken: Mapping[datetime, int],
    zone: str,
    earliest: datetime | None = None,
    latest: datetime | None = None,
) -> list[tuple[Slot, int]]:
    """The pool's intervals, by start, each with its free places (0 when full or overbooked).

    Intervals start on local wall-clock steps of `interval`, last exactly that in real time, lie
    wholly inside the joined `spans` and never overlap: a start in a repeated hour that falls
    into the interval before it is left out. `taken` counts bookings by the instant they start
    at; one off the steps counts to the interval it falls in. `earliest` and `latest` limit the
    starts, half-open. A bad interval or capacity is refused.
    """
    _check_step("interval", interval)
    if capacity < 0:
        raise invalid("capacity", "Give 0 places or more.")
    instants: Sequence[datetime] = sorted(taken)
    totals = [0, *accumulate(taken[instant] for instant in instants)]
    found: list[tuple[Slot, int]] = []
    for span in merge_spans(spans):
        free_from = span.start
        for start in wall_clock_steps(zone, span.start, span.end, interval):
            end = start + interval
            if start < free_from or end > span.end:
                continue
            free_from = end
            if (earliest and start < as_utc(earliest)) or (latest and start >= as_utc(latest)):
                continue
            used = totals[bisect_left(instants, end)] - totals[bisect_left(instants, start)]
            found.append((Slot(start, end), max(0, capacity - used)))
    return found

"""Stretches of real time, half-open and in UTC, and the set arithmetic on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def as_utc(instant: datetime, field: str = "instant") -> datetime:
    """The same instant in UTC; a naive one raises ValueError naming `field`."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise ValueError(f"{field}: {instant.isoformat()} has no time zone; give an aware datetime")
    return instant.astimezone(UTC)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` up to, and without, `end`, in UTC; `start == end` is empty.

    Other zones are converted (arithmetic on a zoned datetime would follow its wall clock, not
    elapsed time). A naive instant, or an end before the start, raises ValueError.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_utc(self.start, "start"))
        object.__setattr__(self, "end", as_utc(self.end, "end"))
        if self.end < self.start:
            raise ValueError(
                f"end: {self.end.isoformat()} is before the start, {self.start.isoformat()}"
            )

    @property
    def length(self) -> timedelta:
        """Real elapsed time, whatever the local clock did meanwhile."""
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def covers(self, other: "Span") -> bool:
        """Whether `other` lies wholly inside, edges included."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: "Span") -> bool:
        """Whether the two share any time; back to back is not an overlap."""
        return max(self.start, other.start) < min(self.end, other.end)


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """The same time as few spans as possible, in order; touching ones join, empty ones go."""
    merged: list[Span] = []
    for span in sorted((s.start, s.end) for s in spans if s.start < s.end):
        start, end = span
        if merged and start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, end))
        else:
            merged.append(Span(start, end))
    return merged


def subtract_spans(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of `spans` without `taken`, in order and merged."""
    left: list[Span] = []
    gone = merge_spans(taken)
    for span in merge_spans(spans):
        start = span.start
        for hole in gone:
            if hole.end <= start:
                continue
            if hole.start >= span.end:
                break
            if start < hole.start:
                left.append(Span(start, hole.start))
            start = hole.end
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def intersect_spans(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """The time in both, in order and merged: a shift cut to opening hours, say."""
    others = merge_spans(other)
    return [
        Span(max(a.start, b.start), min(a.end, b.end))
        for a in merge_spans(one)
        for b in others
        if a.overlaps(b)
    ]

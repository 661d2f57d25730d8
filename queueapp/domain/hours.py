"""Opening hours: rules in local wall time (read as `local_to_utc` does), answers as UTC spans."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time

from queueapp.domain.localtime import ONE_DAY, local_to_utc, parse_zone, to_local
from queueapp.domain.refusal import invalid
from queueapp.domain.spans import Span, as_utc, merge_spans

_MOST_JOINED = 50
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class OpeningRule:
    """Open every week on `weekday` (0 is Monday) from `opens` to `closes`, local wall time.

    `closes` at or before `opens` is on the next day; midnight to midnight is round the clock.
    """

    weekday: int
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.weekday not in range(7):
            raise invalid("weekday", "Give a day from 0 (Monday) to 6 (Sunday).")


@dataclass(frozen=True, slots=True)
class OpeningException:
    """Other hours on one date, in place of the rules: both times, or neither when closed.

    Several for a date are several stretches of that day.
    """

    day: date
    opens: time | None = None
    closes: time | None = None

    def __post_init__(self) -> None:
        if (self.opens is None) != (self.closes is None):
            missing = "opens" if self.opens is None else "closes"
            raise invalid(missing, "Give both times, or neither for a closed day.")


@dataclass(frozen=True, slots=True)
class Timetable:
    """A site's or service's opening hours. Refuses hours that contradict themselves."""

    zone: str
    rules: tuple[OpeningRule, ...] = ()
    exceptions: tuple[OpeningException, ...] = ()
    # What was asked before, by first and last day: it is asked in every arrival.
    _joined: dict[tuple[date, date], tuple[Span, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        parse_zone(self.zone, "zone")
        object.__setattr__(self, "rules", tuple(self.rules))
        object.__setattr__(self, "exceptions", tuple(self.exceptions))
        closed = {e.day for e in self.exceptions if e.opens is None}
        for day in closed.intersection(e.day for e in self.exceptions if e.opens is not None):
            raise invalid("exceptions", f"{day} is both closed and open. Keep one of the two.")

    def hours_on(self, day: date) -> list[tuple[time, time]]:
        """The (opens, closes) pairs that hold on `day`: its exceptions, else the weekly rules."""
        own = [e for e in self.exceptions if e.day == day]
        if own:
            return [(e.opens, e.closes) for e in own if e.opens is not None and e.closes]
        return [(r.opens, r.closes) for r in self.rules if r.weekday == day.weekday()]


def opening_intervals(timetable: Timetable, day: date) -> list[Span]:
    """The openings that begin on local `day`, in order; overlapping and touching ones are one.

    One that runs past midnight belongs wholly to the day it opened on, so a closed day does not
    cut short the night before. Hours that fall wholly into a spring gap are no opening. Doors
    open once and close once: a clock set back in between changes neither.
    """
    return merge_spans(
        Span(
            local_to_utc(timetable.zone, day, opens),
            local_to_utc(timetable.zone, day if closes > opens else day + ONE_DAY, closes),
        )
        for opens, closes in timetable.hours_on(day)
    )


def opening_spans(timetable: Timetable, first: date, last: date) -> tuple[Span, ...]:
    """The openings that begin on local days `first` to `last`, both included, joined."""
    joined = timetable._joined
    found = joined.get((first, last))
    if found is None:
        if len(joined) >= _MOST_JOINED:
            joined.clear()
        days: Iterable[date] = (first + ONE_DAY * n for n in range((last - first).days + 1))
        spans = merge_spans(span for day in days for span in opening_intervals(timetable, day))
        found = joined[first, last] = tuple(spans)
    return found


def current_opening(timetable: Timetable, now: datetime, horizon_days: int = 1) -> Span | None:
    """The opening that `now` falls in, or None when closed.

    It is followed over adjoining days from yesterday to `horizon_days` ahead; a clinic open
    round the clock has no closing time within them.
    """
    today = to_local(timetable.zone, now).date()
    spans = opening_spans(timetable, today - ONE_DAY, today + ONE_DAY * horizon_days)
    return next((span for span in spans if now in span), None)


def is_open(timetable: Timetable, now: datetime) -> bool:
    """Whether `now` falls in an opening; the closing instant itself does not."""
    return current_opening(timetable, now) is not None


def next_opening(timetable: Timetable, now: datetime, horizon_days: int = 14) -> datetime | None:
    """The first instant after `now` at which closed doors open, on a day up to `horizon_days` on.

    While open it is the opening after this one. None when there is none in that time.
    """
    today = to_local(timetable.zone, now).date()
    spans = opening_spans(timetable, today - ONE_DAY, today + ONE_DAY * horizon_days)
    return next((span.start for span in spans if span.start > as_utc(now)), None)

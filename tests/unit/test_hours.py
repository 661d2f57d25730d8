"""Opening hours, in six zones with different habits of changing the clock."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueapp.domain.hours import (
    OpeningException,
    OpeningRule,
    Timetable,
    current_opening,
    is_open,
    next_opening,
    opening_intervals,
)
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused
from queueapp.domain.spans import merge_spans
from tests.unit.clocks import (
    BERLIN,
    DAY,
    FIVE,
    every_five_minutes,
    five_minute_times,
    span,
    utc,
    zones_and_days,
)

OPENINGS = st.lists(
    st.tuples(st.sampled_from([-1, 0, 0, 1]), five_minute_times, five_minute_times), max_size=4
)
OTHERS = (
    st.just([])
    | st.just([(None, None)])
    | st.lists(st.tuples(five_minute_times, five_minute_times), max_size=2)
)
BESIDE = st.sampled_from([-1, 0, 1])


@st.composite
def timetables(draw: st.DrawFn, zone: str, day: date) -> Timetable:
    """Up to four weekly openings and one exceptional day, around `day`."""
    rules = [
        OpeningRule((day + DAY * n).weekday(), opens, closes) for n, opens, closes in draw(OPENINGS)
    ]
    other = day + DAY * draw(BESIDE)
    exceptions = [OpeningException(other, opens, closes) for opens, closes in draw(OTHERS)]
    return Timetable(zone, tuple(rules), tuple(exceptions))


def hours_as_written(timetable: Timetable, day: date) -> list[tuple[datetime, datetime]]:
    """The wall-clock (opens, closes) of a day's openings, read straight off the rules."""
    pairs = [(e.opens, e.closes) for e in timetable.exceptions if e.day == day] or [
        (r.opens, r.closes) for r in timetable.rules if r.weekday == day.weekday()
    ]
    return [
        (
            datetime.combine(day, opens),
            datetime.combine(day if opens < closes else day + DAY, closes),
        )
        for opens, closes in pairs
        if opens is not None and closes is not None
    ]


def open_instants(timetable: Timetable, day: date, around: int = 2) -> set[datetime]:
    """Every five minutes at which someone who watches the clock finds the doors open.

    The doors open when the clock first shows the opening time and shut when it first shows the
    closing time, or has jumped past it: so what counts is the latest time it has shown so far.
    """
    walls = [
        wall
        for n in range(-around, around + 1)
        for wall in hours_as_written(timetable, day + DAY * n)
    ]
    tz, latest, found = ZoneInfo(timetable.zone), datetime(1, 1, 1), set()  # noqa: DTZ001
    for instant in every_five_minutes(day - DAY * (around + 1), day + DAY * (around + 2)):
        latest = max(latest, instant.astimezone(tz).replace(tzinfo=None))
        if any(opens <= latest < closes for opens, closes in walls):
            found.add(instant)
    return found


# Opening hours


def test_hours_on_an_ordinary_day_with_a_lunch_break() -> None:
    table = Timetable(
        BERLIN,
        (
            OpeningRule(0, time(14), time(18)),
            OpeningRule(0, time(8), time(12)),
            OpeningRule(1, time(8), time(12)),
        ),
    )
    assert opening_intervals(table, date(2024, 1, 15)) == [
        span("2024-01-15 07:00", "2024-01-15 11:00"),
        span("2024-01-15 13:00", "2024-01-15 17:00"),
    ]
    assert opening_intervals(table, date(2024, 1, 17)) == []
    assert is_open(table, utc("2024-01-15 07:00"))
    assert not is_open(table, utc("2024-01-15 06:59"))
    assert not is_open(table, utc("2024-01-15 11:00"))
    assert next_opening(table, utc("2024-01-15 06:00")) == utc("2024-01-15 07:00")
    assert next_opening(table, utc("2024-01-15 07:00")) == utc("2024-01-15 13:00")
    assert next_opening(table, utc("2024-01-16 12:00")) == utc("2024-01-22 07:00")
    assert next_opening(table, utc("2024-01-16 12:00"), 5) is None
    assert next_opening(table, utc("2024-01-16 12:00"), 6) == utc("2024-01-22 07:00")


def test_exceptions_replace_the_rules_of_their_day_only() -> None:
    daily = tuple(OpeningRule(n, time(8), time(18)) for n in range(7))
    table = Timetable(
        BERLIN,
        daily,
        (
            OpeningException(date(2024, 12, 24), time(8), time(10)),
            OpeningException(date(2024, 12, 24), time(11), time(12)),
            OpeningException(date(2024, 12, 25)),
        ),
    )
    assert opening_intervals(table, date(2024, 12, 24)) == [
        span("2024-12-24 07:00", "2024-12-24 09:00"),
        span("2024-12-24 10:00", "2024-12-24 11:00"),
    ]
    assert opening_intervals(table, date(2024, 12, 25)) == []
    assert next_opening(table, utc("2024-12-24 11:00")) == utc("2024-12-26 07:00")


def test_a_night_runs_over_midnight_and_over_the_change_of_clocks() -> None:
    table = Timetable(BERLIN, (OpeningRule(5, time(22), time(6)),))
    # Saturdays: 8 hours by the clock, 7 and 9 in real time when the clocks change.
    assert opening_intervals(table, date(2024, 3, 30)) == [
        span("2024-03-30 21:00", "2024-03-31 04:00")
    ]
    assert opening_intervals(table, date(2024, 10, 26)) == [
        span("2024-10-26 20:00", "2024-10-27 05:00")
    ]
    assert is_open(table, utc("2024-10-27 04:59"))
    closed_sunday = Timetable(BERLIN, table.rules, (OpeningException(date(2024, 10, 27)),))
    assert is_open(closed_sunday, utc("2024-10-27 04:59"))


def test_hours_inside_the_spring_gap_are_no_opening_and_cut_short_beside_it() -> None:
    sunday = date(2024, 3, 31)
    assert opening_intervals(Timetable(BERLIN, (OpeningRule(6, time(2), time(3)),)), sunday) == []
    table = Timetable(
        BERLIN, (OpeningRule(6, time(1), time(2, 30)), OpeningRule(6, time(2, 45), time(4)))
    )
    assert opening_intervals(table, sunday) == [span("2024-03-31 00:00", "2024-03-31 02:00")]


def test_round_the_clock_has_no_next_opening_and_no_gaps() -> None:
    table = Timetable(BERLIN, tuple(OpeningRule(n, time(), time()) for n in range(7)))
    assert opening_intervals(table, date(2024, 10, 27)) == [
        span("2024-10-26 22:00", "2024-10-27 23:00")
    ]
    now = utc("2024-10-27 12:00")
    assert is_open(table, now)
    assert next_opening(table, now) is None
    assert current_opening(table, now, 7) == span("2024-10-25 22:00", "2024-11-03 23:00")


def test_an_opening_is_followed_over_adjoining_days() -> None:
    table = Timetable(
        BERLIN, (OpeningRule(0, time(18), time()), OpeningRule(1, time(), time(9, 30)))
    )
    night = span("2024-01-15 17:00", "2024-01-16 08:30")
    assert current_opening(table, utc("2024-01-15 20:00")) == night
    assert current_opening(table, utc("2024-01-16 08:00")) == night
    assert current_opening(table, utc("2024-01-16 08:30")) is None


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("weekday", lambda: OpeningRule(7, time(8), time(9))),
        ("closes", lambda: OpeningException(date(2024, 1, 1), time(8), None)),
        ("opens", lambda: OpeningException(date(2024, 1, 1), None, time(8))),
        (
            "exceptions",
            lambda: Timetable(
                BERLIN,
                (),
                (
                    OpeningException(date(2024, 1, 1)),
                    OpeningException(date(2024, 1, 1), time(8), time(9)),
                ),
            ),
        ),
    ],
)
def test_hours_that_make_no_sense_are_refused_by_field(field: str, wrong: object) -> None:
    with pytest.raises(Refused) as refused:
        wrong()  # type: ignore[operator]
    assert refused.value.field == field


@settings(max_examples=3 * settings.default.max_examples)
@given(st.data(), zones_and_days())
def test_doors_are_open_exactly_when_the_clock_on_the_wall_says(
    data: st.DataObject, where: tuple[str, date]
) -> None:
    zone, day = where
    table = data.draw(timetables(zone, day))
    expected = open_instants(table, day)
    probes = every_five_minutes(day - DAY, day + DAY * 2)
    computed = merge_spans(s for n in range(-2, 3) for s in opening_intervals(table, day + DAY * n))
    assert {p for p in probes if any(p in s for s in computed)} == expected & set(probes)
    for probe in probes[::17]:
        assert is_open(table, probe) == (probe in expected)
    now = data.draw(st.sampled_from(probes[: 2 * 288]))
    opens = [
        p
        for p in every_five_minutes(day - DAY, day + DAY * 3)
        if p > now and p in expected and p - FIVE not in expected
    ]
    upcoming = next_opening(table, now, 1)
    if upcoming is not None:
        assert upcoming == opens[0]
    else:
        last = to_local(zone, now).date() + DAY
        assert all(to_local(zone, p).date() > last for p in opens)

"""Free slots and pool intervals: no wrong slot, none missing, also when the clocks change."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from queueapp.domain.hours import OpeningRule, Timetable, opening_spans
from queueapp.domain.refusal import Refused
from queueapp.domain.slots import Slot, free_slots, pool_slots, wall_clock_steps
from queueapp.domain.spans import Span, merge_spans
from tests.unit.clocks import BERLIN, DAY, span, utc, zones_and_days

MINUTE = timedelta(minutes=1)
OPEN_END = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))

minutes = st.integers(0, 1439).map(lambda n: time(n // 60, n % 60))
small_hours = st.integers(0, 240).map(lambda n: time(n // 60, n % 60))
steps = st.sampled_from([5, 7, 10, 12, 15, 20, 30, 45, 60, 90, 120]).map(lambda n: MINUTE * n)


openings = st.lists(
    st.tuples(st.sampled_from([0, 1]), minutes | small_hours, minutes | small_hours),
    min_size=1,
    max_size=3,
)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Timetable, date]:
    """A timetable with one to three openings on a day and the next."""
    zone, day = draw(zones_and_days())
    rules = [
        OpeningRule((day + DAY * n).weekday(), opens, closes) for n, opens, closes in draw(openings)
    ]
    return Timetable(zone, tuple(rules)), day


def clock(zone: str, instants: list[datetime]) -> list[str]:
    """What the local clock shows, with the offset where a time could be either of two."""
    return [i.astimezone(ZoneInfo(zone)).strftime("%H:%M%z") for i in instants]


def starts_on_the_clock(
    zone: str, first: datetime, last: datetime, step: timedelta
) -> set[datetime]:
    """The instants on a step, found by looking at the clock every minute."""
    tz, count, every = ZoneInfo(zone), (last - first) // MINUTE, step // MINUTE
    shown = (first.astimezone(UTC) + MINUTE * n for n in range(count))
    clocks = ((i, i.astimezone(tz)) for i in shown)
    return {i for i, wall in clocks if (wall.hour * 60 + wall.minute) % every == 0}


def in_a_rule(table: Timetable, start: datetime) -> bool:
    """Whether the local wall time, read off `start`, lies in that day's or the night's rule.

    In a repeated hour the doors stay as they were when the clock was set back, so there the time
    the clock had reached before counts.
    """
    tz = ZoneInfo(table.zone)
    local = start.astimezone(tz)
    shown = [(start - MINUTE * n).astimezone(tz) for n in range(181)] if local.fold else [local]
    reached = max(moment.replace(tzinfo=None) for moment in shown)
    for rule in table.rules:
        for day in (reached.date(), reached.date() - DAY):
            opens = datetime.combine(day, rule.opens)
            closes = datetime.combine(day if rule.opens < rule.closes else day + DAY, rule.closes)
            if day.weekday() == rule.weekday and opens <= reached < closes:
                return True
    return False


# Concrete days, by hand


def test_a_plain_morning_with_one_booking_and_buffers() -> None:
    found = free_slots(
        [span("2024-01-15 09:00", "2024-01-15 11:00")],
        [span("2024-01-15 09:50", "2024-01-15 10:10")],
        MINUTE * 20,
        MINUTE * 10,
        BERLIN,
        *OPEN_END,
        buffer_before=MINUTE * 5,
        buffer_after=MINUTE * 5,
    )
    # Local 10:00 to 12:00, busy 10:50 to 11:10; 10:00 lacks the buffer before, 11:40 the one after.
    assert clock(BERLIN, [s.start for s in found]) == [
        "10:10+0100", "10:20+0100", "11:20+0100", "11:30+0100",
    ]  # fmt: skip
    assert {s.length for s in found} == {MINUTE * 20}


def test_back_to_back_is_free_and_the_edges_of_duty_are_used() -> None:
    found = free_slots(
        [span("2024-01-15 09:00", "2024-01-15 10:00")],
        [span("2024-01-15 09:20", "2024-01-15 09:40")],
        MINUTE * 20,
        MINUTE * 20,
        BERLIN,
        *OPEN_END,
    )
    assert [s.start for s in found] == [utc("2024-01-15 09:00"), utc("2024-01-15 09:40")]


def test_notice_and_horizon_limit_the_starts() -> None:
    found = free_slots(
        [span("2024-01-15 09:00", "2024-01-15 12:00")],
        [],
        MINUTE * 30,
        MINUTE * 30,
        BERLIN,
        earliest=utc("2024-01-15 09:30"),
        latest=utc("2024-01-15 11:00"),
    )
    assert [s.start.strftime("%H:%M") for s in found] == ["09:30", "10:00", "10:30"]
    assert not free_slots(
        [span("2024-01-15 09:00", "2024-01-15 12:00")], [], MINUTE, MINUTE, BERLIN, *OPEN_END[::-1]
    )


def test_spans_on_duty_are_not_joined_unless_asked() -> None:
    shifts = [
        span("2024-01-15 09:00", "2024-01-15 09:30"),
        span("2024-01-15 09:30", "2024-01-15 10:00"),
    ]
    hour = (MINUTE * 60, MINUTE * 30, BERLIN)
    assert free_slots(shifts, [], *hour, *OPEN_END) == []
    assert free_slots(merge_spans(shifts), [], *hour, *OPEN_END) == [
        Slot(utc("2024-01-15 09:00"), utc("2024-01-15 10:00"))
    ]


def test_overlapping_shifts_offer_a_time_once() -> None:
    shift = span("2024-01-15 09:00", "2024-01-15 10:00")
    longer = span("2024-01-15 09:00", "2024-01-15 11:00")
    found = free_slots([shift, longer], [], MINUTE * 60, MINUTE * 60, BERLIN, *OPEN_END)
    assert [s.start.hour for s in found] == [9, 10]


def test_kathmandu_steps_follow_its_own_clock() -> None:
    # 10:00 in Nepal is 04:15 UTC: steps counted in UTC would be a quarter of an hour off.
    found = free_slots(
        [span("2024-06-30 04:00", "2024-06-30 06:15")],
        [], MINUTE * 30, MINUTE * 60, "Asia/Kathmandu", *OPEN_END,
    )  # fmt: skip
    assert [s.start for s in found] == [utc("2024-06-30 04:15"), utc("2024-06-30 05:15")]


@pytest.mark.parametrize(
    ("zone", "start", "end", "step", "expected"),
    [
        (
            BERLIN, "2024-03-31 00:20", "2024-03-31 01:40", 20,
            ["01:20+0100", "01:40+0100", "03:00+0200", "03:20+0200"],
        ),
        (
            BERLIN, "2024-10-27 00:20", "2024-10-27 02:20", 20,
            ["02:20+0200", "02:40+0200", "02:00+0100", "02:20+0100", "02:40+0100", "03:00+0100"],
        ),
        (
            # 45 minutes from midnight: 01:30, then 02:15 is skipped, 03:00, 03:45.
            BERLIN, "2024-03-31 00:00", "2024-03-31 02:00", 45,
            ["01:30+0100", "03:00+0200", "03:45+0200"],
        ),
        (
            "America/New_York", "2024-11-03 05:30", "2024-11-03 07:30", 30,
            ["01:30-0400", "01:00-0500", "01:30-0500", "02:00-0500"],
        ),
        (
            "Australia/Lord_Howe", "2024-10-05 15:00", "2024-10-05 16:30", 20,
            ["01:40+1030", "02:40+1100", "03:00+1100", "03:20+1100"],
        ),
        (
            "Australia/Lord_Howe", "2024-04-06 14:30", "2024-04-06 16:00", 20,
            ["01:40+1100", "01:40+1030", "02:00+1030", "02:20+1030"],
        ),
        (
            # Midnight is skipped: the day starts at 01:00.
            "America/Santiago", "2024-09-08 03:00", "2024-09-08 05:00", 30,
            ["23:00-0400", "23:30-0400", "01:00-0300", "01:30-0300"],
        ),
        (
            "America/Santiago", "2024-04-07 02:00", "2024-04-07 04:30", 30,
            ["23:00-0300", "23:30-0300", "23:00-0400", "23:30-0400", "00:00-0400"],
        ),
        (
            "Africa/Casablanca", "2024-03-10 01:30", "2024-03-10 03:00", 30,
            ["02:30+0100", "02:00+0000", "02:30+0000"],
        ),
        # A step that does not divide the day starts afresh at midnight.
        (BERLIN, "2024-01-15 21:00", "2024-01-16 06:59", 420, ["00:00+0100", "07:00+0100"]),
    ],
)  # fmt: skip
def test_steps_where_the_clocks_change(
    zone: str, start: str, end: str, step: int, expected: list[str]
) -> None:
    found = list(wall_clock_steps(zone, utc(start), utc(end), MINUTE * step))
    assert clock(zone, found) == expected


def test_a_slot_over_the_change_lasts_its_real_length() -> None:
    found = free_slots(
        [span("2024-10-27 00:00", "2024-10-27 02:00")],
        [], MINUTE * 90, MINUTE * 30, BERLIN, *OPEN_END,
    )  # fmt: skip
    # From 02:00 summer time, 90 minutes on the clock has been set back: it is 02:30 again.
    assert clock(BERLIN, [found[0].start, found[0].end]) == ["02:00+0200", "02:30+0100"]
    assert [s.start for s in found] == [utc("2024-10-27 00:00"), utc("2024-10-27 00:30")]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("length", {"length": timedelta()}),
        ("step", {"step": timedelta()}),
        ("step", {"step": timedelta(seconds=90)}),
        ("step", {"step": timedelta(days=2)}),
        ("buffer_before", {"buffer_before": -MINUTE}),
        ("buffer_after", {"buffer_after": -MINUTE}),
        ("timezone", {"zone": "Berlin"}),
    ],
)
def test_bad_lengths_are_refused_by_field(field: str, values: dict[str, object]) -> None:
    good: dict[str, object] = {
        "spans_on_duty": [span("2024-01-15 09:00", "2024-01-15 10:00")],
        "busy": [], "length": MINUTE * 10, "step": MINUTE * 10, "zone": BERLIN,
        "earliest": OPEN_END[0], "latest": OPEN_END[1],
    }  # fmt: skip
    assert len(free_slots(**good)) == 6  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        free_slots(**good | values)  # type: ignore[arg-type]
    assert refused.value.field == field


# Over generated schedules


@settings(max_examples=4 * settings.default.max_examples)
@given(
    schedules(),
    st.lists(st.tuples(st.integers(-60, 2940), st.integers(1, 240)), max_size=6),
    st.integers(1, 100).map(lambda n: MINUTE * n),
    steps,
    st.sampled_from([0, 5, 17]).map(lambda n: MINUTE * n),
    st.sampled_from([0, 10]).map(lambda n: MINUTE * n),
    st.tuples(st.integers(-600, 2000), st.integers(0, 3000)),
)
@example(  # Open only for a time that the spring skips, and then over a repeated hour.
    (Timetable(BERLIN, (OpeningRule(6, time(2, 10), time(2, 50)),)), date(2024, 3, 31)),
    [],
    MINUTE * 5,
    MINUTE * 5,
    timedelta(),
    timedelta(),
    (-600, 3000),
)
@example(
    (Timetable(BERLIN, (OpeningRule(6, time(2, 30), time(3)),)), date(2024, 10, 27)),
    [], MINUTE * 10, MINUTE * 10, timedelta(), timedelta(), (-600, 3000),
)  # fmt: skip
def test_no_wrong_slot_and_none_missing(
    schedule: tuple[Timetable, date],
    bookings: list[tuple[int, int]],
    length: timedelta,
    step: timedelta,
    before: timedelta,
    after: timedelta,
    window: tuple[int, int],
) -> None:
    table, day = schedule
    tz = ZoneInfo(table.zone)
    duty = opening_spans(table, day, day + DAY)
    origin = datetime.combine(day, time(), UTC) - DAY / 2
    busy = [Span(origin + MINUTE * at, origin + MINUTE * (at + n)) for at, n in bookings]
    earliest, latest = origin + MINUTE * window[0], origin + MINUTE * sum(window)
    found = free_slots(duty, busy, length, step, table.zone, earliest, latest, before, after)
    for slot in found:
        local = slot.start.astimezone(tz)
        assert in_a_rule(table, slot.start)
        assert slot.end - slot.start == length
        assert local.second == 0
        assert (local.hour * 60 + local.minute) % (step // MINUTE) == 0
        naive = local.replace(tzinfo=None, fold=0)
        assert naive.replace(tzinfo=tz, fold=local.fold).astimezone(UTC) == slot.start
        assert earliest <= slot.start < latest
        held = (slot.start - before, slot.end + after)
        assert any(d.start <= held[0] and held[1] <= d.end for d in duty)
        assert not any(b.start < held[1] and held[0] < b.end for b in busy)
    expected = {
        start
        for d in duty
        for start in starts_on_the_clock(table.zone, d.start, d.end, step)
        if earliest <= start < latest
        and d.start <= start - before
        and start + length + after <= d.end
        and not any(b.start < start + length + after and start - before < b.end for b in busy)
    }
    assert [s.start for s in found] == sorted(expected)


# Pools


def test_a_pool_counts_what_is_taken_in_each_interval() -> None:
    found = pool_slots(
        [span("2024-01-15 09:10", "2024-01-15 11:00")],
        MINUTE * 30,
        3,
        # The odd one at 09:40 counts to its interval; four in the last one are one too many.
        {utc("2024-01-15 09:30"): 1, utc("2024-01-15 09:40"): 1, utc("2024-01-15 10:30"): 4},
        BERLIN,
    )
    assert [(s.start.strftime("%H:%M"), free) for s, free in found] == [
        ("09:30", 1), ("10:00", 3), ("10:30", 0),
    ]  # fmt: skip
    noon = pool_slots(
        [span("2024-01-15 09:00", "2024-01-15 11:00")], MINUTE * 30, 3, {}, BERLIN,
        earliest=utc("2024-01-15 09:30"), latest=utc("2024-01-15 10:30"),
    )  # fmt: skip
    assert [s.start.strftime("%H:%M") for s, _ in noon] == ["09:30", "10:00"]


def test_two_hour_pools_do_not_overlap_in_the_repeated_hour() -> None:
    found = pool_slots([span("2024-10-26 22:00", "2024-10-27 05:00")], MINUTE * 120, 5, {}, BERLIN)
    # 02:00 comes twice, an hour apart; the second lies inside the interval of the first.
    assert clock(BERLIN, [s.start for s, _ in found]) == ["00:00+0200", "02:00+0200", "04:00+0100"]


def test_a_pool_refuses_a_negative_capacity_and_an_odd_interval() -> None:
    for field, interval, capacity in (("capacity", MINUTE, -1), ("interval", MINUTE / 2, 1)):
        with pytest.raises(Refused) as refused:
            pool_slots([], interval, capacity, {}, BERLIN)
        assert refused.value.field == field


@settings(max_examples=3 * settings.default.max_examples)
@given(schedules(), steps, st.integers(0, 4), st.data())
def test_pool_intervals_are_disjoint_exact_and_count_every_booking_once(
    schedule: tuple[Timetable, date], interval: timedelta, capacity: int, data: st.DataObject
) -> None:
    table, day = schedule
    spans = opening_spans(table, day, day + DAY)
    empty = pool_slots(spans, interval, capacity, {}, table.zone)
    assert all(free == capacity for _, free in empty)
    slots = [slot for slot, _ in empty]
    assert all(a.end <= b.start for a, b in pairwise(slots))
    for slot in slots:
        assert slot.end - slot.start == interval
        assert any(s.covers(slot) for s in spans)
        assert slot.start in starts_on_the_clock(
            table.zone, slot.start, slot.start + MINUTE, interval
        )
    if slots:
        taken = Counter(data.draw(st.lists(st.sampled_from(slots), max_size=8)))
        counted = pool_slots(
            spans, interval, capacity, {s.start: n for s, n in taken.items()}, table.zone
        )
        assert counted == [(s, max(0, capacity - taken[s])) for s in slots]

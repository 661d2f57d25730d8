"""The local clock and service days, in six zones with different habits of changing the clock."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from queueapp.domain.hours import Timetable, is_open
from queueapp.domain.localtime import (
    local_to_utc,
    parse_zone,
    service_day,
    service_day_span,
    to_local,
)
from queueapp.domain.refusal import Refused
from queueapp.domain.spans import Span
from tests.unit.clocks import (
    BERLIN,
    DAY,
    FIVE,
    every_five_minutes,
    five_minute_times,
    utc,
    zones_and_days,
)

# Reading the local clock


@pytest.mark.parametrize(
    ("zone", "day", "wall", "expected"),
    [
        (BERLIN, "2024-01-15", "09:00", "2024-01-15 08:00"),
        (BERLIN, "2024-07-15", "09:00", "2024-07-15 07:00"),
        # Skipped: 02:00 to 03:00 on 31 March 2024 in Berlin, all of it means 03:00 (01:00 UTC).
        (BERLIN, "2024-03-31", "01:59", "2024-03-31 00:59"),
        (BERLIN, "2024-03-31", "02:00", "2024-03-31 01:00"),
        (BERLIN, "2024-03-31", "02:30", "2024-03-31 01:00"),
        (BERLIN, "2024-03-31", "03:00", "2024-03-31 01:00"),
        (BERLIN, "2024-03-31", "03:10", "2024-03-31 01:10"),
        # Twice: 02:00 to 03:00 on 27 October 2024; the first is summer time.
        (BERLIN, "2024-10-27", "02:30", "2024-10-27 00:30"),
        (BERLIN, "2024-10-27", "03:00", "2024-10-27 02:00"),
        ("America/New_York", "2024-03-10", "02:30", "2024-03-10 07:00"),
        ("America/New_York", "2024-11-03", "01:30", "2024-11-03 05:30"),
        # Half an hour: 02:00 to 02:30 skipped, later 01:30 to 02:00 twice.
        ("Australia/Lord_Howe", "2024-10-06", "02:15", "2024-10-05 15:30"),
        ("Australia/Lord_Howe", "2024-10-06", "02:30", "2024-10-05 15:30"),
        ("Australia/Lord_Howe", "2024-04-07", "01:45", "2024-04-06 14:45"),
        ("Asia/Kathmandu", "2024-06-30", "10:00", "2024-06-30 04:15"),
        # Midnight itself is skipped, the day begins at 01:00.
        ("America/Santiago", "2024-09-08", "00:00", "2024-09-08 04:00"),
        # The last hour before midnight comes twice; midnight comes once.
        ("America/Santiago", "2024-04-06", "23:30", "2024-04-07 02:30"),
        ("America/Santiago", "2024-04-07", "00:00", "2024-04-07 04:00"),
        ("Africa/Casablanca", "2024-03-10", "02:30", "2024-03-10 01:30"),
        ("Africa/Casablanca", "2024-04-14", "02:30", "2024-04-14 02:00"),
    ],
)
def test_a_wall_time_is_the_first_instant_that_shows_it(
    zone: str, day: str, wall: str, expected: str
) -> None:
    instant = local_to_utc(zone, date.fromisoformat(day), time.fromisoformat(wall))
    assert instant == utc(expected)
    assert instant.utcoffset() == timedelta()


@settings(max_examples=5 * settings.default.max_examples)
@given(zones_and_days(), five_minute_times, five_minute_times)
def test_wall_times_come_back_and_keep_their_order(
    where: tuple[str, date], wall: time, later: time
) -> None:
    zone, day = where
    instant = local_to_utc(zone, day, wall)
    local = to_local(zone, instant)
    asked = datetime.combine(day, wall)
    assert local.replace(tzinfo=None) >= asked
    assert local.fold == 0
    # Just before, no instant of the last two days has shown the time yet.
    tz = ZoneInfo(zone)
    before = [(instant - FIVE * n).astimezone(tz).replace(tzinfo=None) for n in range(1, 577)]
    assert max(before) < asked
    if later >= wall:
        assert local_to_utc(zone, day, later) >= instant


@pytest.mark.parametrize(
    "name", ["Europe/Berln", "europe/berlin", "", "../etc/passwd", "Europe", "right/UTC", "CEST"]
)
def test_an_unknown_zone_is_refused_by_the_name_of_its_field(name: str) -> None:
    with pytest.raises(Refused, match=r"Give an IANA name such as [A-Z]") as refused:
        parse_zone(name, "site.timezone")
    assert refused.value.field == "site.timezone"
    with pytest.raises(Refused):
        Timetable(name)


def test_a_misspelt_zone_is_put_right() -> None:
    with pytest.raises(Refused, match=r"such as Europe/Berlin\."):
        parse_zone("Europe/Berln")


def test_naive_instants_are_refused() -> None:
    naive = datetime(2024, 1, 1)  # noqa: DTZ001
    for read in (
        lambda: to_local(BERLIN, naive),
        lambda: service_day(BERLIN, naive),
        lambda: is_open(Timetable(BERLIN), naive),
        lambda: Span(naive, utc("2024-01-02 00:00")),
    ):
        with pytest.raises(ValueError, match="no time zone"):
            read()


# Service days


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, date(2024, 3, 31), 23),
        (BERLIN, date(2024, 10, 27), 25),
        (BERLIN, date(2024, 6, 1), 24),
        ("Australia/Lord_Howe", date(2024, 10, 6), 23.5),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
        ("Asia/Kathmandu", date(2024, 6, 30), 24),
        ("America/Santiago", date(2024, 4, 6), 25),
        ("America/Santiago", date(2024, 9, 8), 23),
        ("Africa/Casablanca", date(2024, 3, 10), 25),
    ],
)
def test_calendar_days_have_their_real_length(zone: str, day: date, hours: float) -> None:
    assert service_day_span(zone, day, time()).length == timedelta(hours=hours)


def test_the_small_hours_belong_to_the_day_before() -> None:
    # 03:59 and 04:00 on 27 October in Berlin; the clock went back at 03:00, so this is UTC+1.
    assert service_day(BERLIN, utc("2024-10-27 02:59")) == date(2024, 10, 26)
    assert service_day(BERLIN, utc("2024-10-27 03:00")) == date(2024, 10, 27)
    assert service_day_span(BERLIN, date(2024, 10, 26)).length == timedelta(hours=25)
    assert service_day_span(BERLIN, date(2024, 10, 27)).length == timedelta(hours=24)


def test_a_clock_set_back_over_midnight_does_not_reopen_yesterday() -> None:
    # St John's set its clocks from 00:01 back to 23:01 the day before, in 2010.
    zone, midnight = "America/St_Johns", utc("2010-11-07 02:30")
    seen = [service_day(zone, midnight + timedelta(minutes=n), time()) for n in (-1, 0, 1, 59, 61)]
    assert seen == [date(2010, 11, 6)] + [date(2010, 11, 7)] * 4


@settings(max_examples=3 * settings.default.max_examples)
@given(zones_and_days(), five_minute_times)
def test_service_days_follow_each_other_without_gap_or_return(
    where: tuple[str, date], starts_at: time
) -> None:
    zone, day = where
    days = [service_day_span(zone, day + DAY * n, starts_at) for n in range(-2, 3)]
    assert [a.end for a in days[:-1]] == [b.start for b in days[1:]]
    ends = (days[0].start.astimezone(ZoneInfo(zone)), days[-1].end.astimezone(ZoneInfo(zone)))
    change = ends[1].utcoffset() - ends[0].utcoffset()  # type: ignore[operator]
    clock = ends[1].replace(tzinfo=None) - ends[0].replace(tzinfo=None)
    assert sum((d.length for d in days), timedelta()) == clock - change
    previous = date.min
    for instant in every_five_minutes(day - DAY, day + DAY)[::3]:
        found = service_day(zone, instant, starts_at)
        assert found >= previous
        assert instant in service_day_span(zone, found, starts_at)
        previous = found

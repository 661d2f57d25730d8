"""Zones with different habits of changing their clocks, and days on which they do."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import strategies as st

from queueapp.domain.spans import Span

BERLIN = "Europe/Berlin"
# An hour at 01:00 UTC; an hour at 02:00 local; half an hour; never, at +05:45; an hour at local
# midnight; an hour back for Ramadan instead of forward for summer.
CHANGE_DAYS = {
    BERLIN: [date(2024, 3, 31), date(2024, 10, 27), date(2025, 3, 30), date(2025, 10, 26)],
    "America/New_York": [date(2024, 3, 10), date(2024, 11, 3), date(2025, 11, 2)],
    "Australia/Lord_Howe": [date(2024, 4, 7), date(2024, 10, 6), date(2025, 4, 6)],
    "Asia/Kathmandu": [date(2024, 6, 30)],
    "America/Santiago": [date(2024, 4, 6), date(2024, 9, 8), date(2025, 4, 5), date(2025, 9, 7)],
    "Africa/Casablanca": [date(2024, 3, 10), date(2024, 4, 14), date(2025, 4, 6)],
}
FIVE = timedelta(minutes=5)
DAY = timedelta(days=1)

# Often 00:00 to 03:55, where most clocks change.
five_minute_times = st.one_of(st.integers(0, 47), st.integers(0, 287)).map(
    lambda n: time(n // 12, n % 12 * 5)
)


ANY_DAY = st.dates(date(2023, 1, 1), date(2025, 12, 31))
NEAR_A_CHANGE = {
    zone: st.builds(
        lambda day, n: day + DAY * n, st.sampled_from(changes), st.sampled_from([-1, 0, 1])
    )
    | ANY_DAY
    for zone, changes in CHANGE_DAYS.items()
}
ZONES = st.sampled_from(sorted(CHANGE_DAYS))


@st.composite
def zones_and_days(draw: st.DrawFn) -> tuple[str, date]:
    """A zone and a day, mostly one on or beside a change of its clocks."""
    zone = draw(ZONES)
    return zone, draw(NEAR_A_CHANGE[zone])


def utc(text: str) -> datetime:
    """`2024-03-31 01:00` as a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    return Span(utc(start), utc(end))


def every_five_minutes(first: date, last: date) -> list[datetime]:
    start = datetime.combine(first, time(), UTC)
    return [start + FIVE * n for n in range((last - first).days * 288)]

"""A room's page as it is read."""

import re
from datetime import UTC, datetime, timedelta

from queueapp.domain.localtime import to_local


def words(html: str) -> str:
    """What is read while names are shown: no tags, single spaces."""
    html = re.sub(r"<svg hidden>.*?</svg>\s*<a class=\"skip\"", "<a", html, flags=re.S)
    html = re.sub(r'<span class="pn-alt">.*?</span>', "", html, flags=re.S)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    return re.sub(r" ([,.:;])", r"\1", text)


def clock(minutes: float) -> str:
    """The wall clock so many minutes from now; take it once where it is used twice."""
    return f"{to_local('Europe/London', datetime.now(UTC) + timedelta(minutes=minutes)):%H:%M}"


def event_in(html: str) -> str:
    """The fact that the page offers to take back."""
    found = re.search(r'name="event" value="(\d+)"', html)
    assert found, words(html)
    return found[1]


def untimed(said: str) -> str:
    """What was said, with every clock time as 10:00: the clock runs while tests do."""
    return re.sub(r"\b\d\d:\d\d\b", "10:00", said)

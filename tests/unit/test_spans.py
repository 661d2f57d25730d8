"""Set arithmetic on stretches of time."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.domain.spans import Span, intersect_spans, merge_spans, subtract_spans
from tests.unit.clocks import BERLIN, utc

minutes = st.integers(0, 40)
span_lists = st.lists(
    st.builds(
        lambda a, b: Span(
            utc("2024-01-01 00:00") + timedelta(minutes=min(a, b)),
            utc("2024-01-01 00:00") + timedelta(minutes=max(a, b)),
        ),
        minutes,
        minutes,
    ),
    max_size=5,
)


def as_minutes(spans: list[Span]) -> set[datetime]:
    moments = [utc("2024-01-01 00:00") + timedelta(minutes=n) for n in range(41)]
    return {m for m in moments if any(m in s for s in spans)}


@given(span_lists, span_lists)
def test_span_arithmetic_agrees_with_sets_of_minutes(one: list[Span], other: list[Span]) -> None:
    merged = merge_spans(one)
    assert as_minutes(merged) == as_minutes(one)
    assert all(a.end < b.start for a, b in pairwise(merged))
    assert as_minutes(subtract_spans(one, other)) == as_minutes(one) - as_minutes(other)
    assert as_minutes(intersect_spans(one, other)) == as_minutes(one) & as_minutes(other)


def test_a_span_is_kept_in_utc_and_does_not_end_before_it_starts() -> None:
    local = datetime(2024, 10, 27, 1, tzinfo=ZoneInfo(BERLIN))
    night = Span(local, local.replace(hour=4))
    assert night.length == timedelta(hours=4)
    with pytest.raises(ValueError, match="before the start"):
        Span(night.end, night.start)

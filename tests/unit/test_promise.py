"""What is told: looked up, rounded outward, kept count of."""

from dataclasses import replace
from datetime import timedelta
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.domain.quantiles import Forecast, JoinTable, Quantiles
from queueapp.domain.rules import SiteRules
from queueapp.waits.promise import (
    COLD_START,
    FORECAST,
    NOBODY_ON_DUTY,
    cold_start_quote,
    join_quote,
    percent_not_reached,
    quote,
    range_words,
    said_range,
    spoken_range,
)
from tests.unit.waiting_rooms import NOW, at

TABLE = JoinTable(
    (0, 1, 3), (Quantiles(0, 60, 300), Quantiles(200, 400, 900), Quantiles(600, 900, 1800))
)
MADE = Forecast(1, NOW, join={(1, None): TABLE}, mean_s={1: 600.0}, until_s=7200.0)


@given(low=st.floats(0, 90_000), width=st.floats(0, 90_000))
def test_a_spoken_range_is_never_narrower_and_never_one_moment(low: float, width: float) -> None:
    low_min, high_min = spoken_range(low, low + width)
    assert low_min * 60 <= low
    assert high_min * 60 >= low + width
    assert high_min - low_min >= 1
    assert low - low_min * 60 <= 300
    assert high_min * 60 - (low + width) <= 600


@given(low=st.floats(0, 9_000), width=st.floats(0, 9_000), more=st.floats(0, 900))
def test_a_later_range_is_never_told_as_an_earlier_one(
    low: float, width: float, more: float
) -> None:
    first, then = spoken_range(low, low + width), spoken_range(low + more, low + width + more)
    assert first[0] <= then[0]
    assert first[1] <= then[1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ((0, 0), "0–5 min"),
        ((90, 200), "0–5 min"),
        ((200, 400), "3–7 min"),
        ((430, 431), "7–8 min"),
        ((600, 600), "10–12 min"),
        ((700, 1130), "10–20 min"),
        ((1290, 2050), "20–35 min"),
        ((1800, 1800), "30–35 min"),
    ],
)
def test_ranges_are_told_in_round_minutes(seconds: tuple[float, float], words: str) -> None:
    assert range_words(*spoken_range(*seconds)) == words


@pytest.mark.parametrize("bad", [(nan, 60), (-1, 60), (60, inf), (120, 60)])
def test_what_is_no_range_is_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="not a range"):
        spoken_range(*bad)


def test_a_rank_is_looked_up_and_aged() -> None:
    said = join_quote(MADE, at(0), 1, None, 1, None)
    assert (said.low_s, said.mid_s, said.high_s, said.basis) == (200, 400, 900, FORECAST)
    between = join_quote(MADE, at(50), 1, None, 2, None)
    assert (between.low_s, between.mid_s, between.high_s) == (350, 600, 1300)
    beyond = join_quote(MADE, at(0), 1, None, 5, None)
    assert (beyond.low_s, beyond.mid_s, beyond.high_s) == (1000, 1400, 2700)
    assert join_quote(MADE, at(30), 1, None, 0, None).low_s == 0


def test_a_quote_never_reaches_beyond_closing_without_saying_so() -> None:
    said = join_quote(MADE, at(0), 1, None, 3, at(1200))
    assert said.high_s == 1200
    assert said.not_reached > 0
    assert join_quote(MADE, at(0), 1, None, 3, at(3600)).not_reached == 0


def test_a_share_never_called_ends_the_range_with_the_last_shift() -> None:
    table = JoinTable((0,), (Quantiles(600, 1200, inf, 0.3, 0.2),))
    said = join_quote(replace(MADE, join={(1, None): table}), at(60), 1, None, 4, None)
    assert (said.low_s, said.mid_s, said.high_s) == (540, 1140, 7140)
    assert said.not_reached == 0.2


def test_a_wish_if_possible_waits_for_its_clinician_until_it_is_released() -> None:
    own = JoinTable((0,), (Quantiles(1500, 2400, 3600),))
    made = replace(MADE, join={**MADE.join, (1, 7): own})

    def said(released_s: float | None) -> tuple[float, float, float]:
        found = join_quote(made, at(0), 1, 7, 0, None, released_s=released_s)
        return found.low_s, found.mid_s, found.high_s

    assert said(None) == (1500, 2400, 3600)
    assert said(5000) == (1500, 2400, 3600)
    assert said(1800) == (1500, 1800, 1800)
    assert said(0) == (0, 60, 300)


def test_a_booked_patient_is_told_their_own_place() -> None:
    made = replace(MADE, booked={5: Quantiles(120, 240, 420)})

    def said(appointment_id: int | None) -> float:
        return quote(
            made, at(0), 1, None, 3, None, rules=SiteRules(), servers=1, mean_s=600,
            appointment_id=appointment_id,
        ).mid_s  # fmt: skip

    assert said(5) == 240
    assert said(6) == said(None) == 900
    assert Forecast.from_json(made.to_json()).booked == made.booked


@pytest.mark.parametrize(("chance", "said"), [(0.0, None), (0.09, None), (0.1, 10), (0.34, 30)])
def test_a_small_chance_of_not_being_called_is_not_said(chance: float, said: int | None) -> None:
    assert percent_not_reached(chance) == said


def test_nobody_on_duty_is_a_marked_guess() -> None:
    table = JoinTable((0,), (Quantiles(inf, inf, inf, 1.0, 1.0),))
    for forecast in (replace(MADE, join={(1, None): table}), replace(MADE, join={})):
        said = join_quote(forecast, at(0), 1, None, 0, None)
        assert said.basis == NOBODY_ON_DUTY
        assert said.not_reached == 1.0
        assert isfinite(said.high_s)


def test_an_old_forecast_is_not_quoted_from() -> None:
    def basis(forecast: Forecast | None, seconds: float) -> str:
        return quote(
            forecast,
            at(seconds),
            1,
            None,
            0,
            None,
            rules=SiteRules(),
            servers=2,
            mean_s=600,
        ).basis

    assert basis(MADE, 60) == FORECAST
    assert basis(MADE, 61) == COLD_START
    assert basis(None, 0) == COLD_START


@given(
    rank=st.integers(0, 200),
    servers=st.integers(0, 9),
    free=st.integers(0, 9),
    mean_s=st.floats(1, 7200),
)
def test_a_cold_start_rises_with_the_rank_and_falls_with_help(
    rank: int, servers: int, free: int, mean_s: float
) -> None:
    said = cold_start_quote(rank, servers, mean_s, free=free)
    assert 0 <= said.low_s <= said.mid_s <= said.high_s < inf
    more = cold_start_quote(rank + 1, servers, mean_s, free=free)
    fewer = cold_start_quote(rank, max(servers - 1, 0), mean_s, free=free)
    for worse in (more, fewer):
        assert said.low_s <= worse.low_s
        assert said.mid_s <= worse.mid_s
        assert said.high_s <= worse.high_s


def test_a_cold_start_is_wide() -> None:
    said = cold_start_quote(3, 2, 600)
    assert said.mid_s == 1200
    assert said.high_s > 2 * said.low_s
    assert cold_start_quote(0, 2, 600, free=1).low_s == 0


def test_what_is_kept_is_what_is_told() -> None:
    low, high = said_range(cold_start_quote(3, 2, 600))
    assert low == timedelta(minutes=7)
    assert high == timedelta(minutes=45)

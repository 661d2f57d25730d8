"""Ranges that keep their word: by class and number ahead, whatever drifts, and in time."""

import random
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.domain.outcomes import NOW_S, Place, Wait
from queueapp.domain.quantiles import Forecast, JoinTable, Quantiles
from queueapp.domain.visit import PreferenceKind
from queueapp.waits.calibration import ABOVE, NOW, Calibrator, Practice, practised
from queueapp.waits.kept import kept
from queueapp.waits.promise import join_quote
from tests.unit.waiting_rooms import NOW as TODAY
from tests.unit.waiting_rooms import at, person, room_full, shift

TABLE = JoinTable(
    tuple(range(9)), tuple(Quantiles(60 * n, 90 * n + 60, 120 * n + 240) for n in range(9))
)
MADE = Forecast(1, TODAY, join={(1, None): TABLE}, mean_s={1: 600.0}, until_s=36000.0)
ENDS = st.tuples(st.floats(-0.9, 2.0), st.floats(-0.9, 2.0))
GROUPS = ("all", "ahead 0", "ahead 1", "ahead 2", "ahead 3", "ahead 6", "far", "class walk_in")


@pytest.mark.parametrize("drift", ["steady", "step", "slow", "bad days"])
def test_four_in_five_are_covered_in_every_class_and_place_whatever_drifts(drift: str) -> None:
    """The raw range is far too narrow for the booked at the back, too wide for others in front."""
    dice = random.Random(7)
    practice = Practice()
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    bad = 1.0
    for i in range(9000):
        if i % 100 == 0:
            bad = dice.lognormvariate(0, 0.3)
        factor = {
            "steady": 1.0, "step": 1.0 if i < 4000 else 1.8, "slow": 1 + i / 6000, "bad days": bad,
        }[drift]  # fmt: skip
        booked, ahead = dice.random() < 0.4, dice.choice([0, 5])
        place = Place(1, "booked" if booked else "walk_in", ahead)
        wait = (
            factor * dice.lognormvariate(0, (0.6 if ahead else 0.2) * (1.5 if booked else 1)) * 300
        )
        told_at = 60.0 * i
        low, high = practice.tell(Wait(place, told_at, 150, 550, told_at + wait))
        assert 0 <= low <= high
        if i > 2000:
            for name in (place.entry_class, f"{ahead} ahead"):
                counted[name][(wait >= low) + (wait > high)] += 1
    assert len(counted) == 4
    for below, inside, above in counted.values():
        told = below + inside + above
        assert 0.78 < inside / told < 0.82
        assert 0.07 < below / told < 0.13
        assert 0.07 < above / told < 0.13


def test_a_class_of_few_is_told_something_by_others_and_all_by_two_of_its_own() -> None:
    """A hundred narrow misses of walk-ins widen a little what the first urgent patient is told."""
    waits = [Wait(Place(1, "walk_in", 1), 100.0 * n, 200, 400, 100.0 * n + 450) for n in range(100)]
    urgent = Place(1, "urgent", 1)
    calibrator = practised(waits, 1e6)
    assert calibrator.told(Place(1, "walk_in", 1), 200, 400)[1] > 445
    assert "class urgent" not in calibrator.moved
    assert calibrator.told(urgent, 200, 400)[1] > 405
    assert practised([], 0.0).told(urgent, 200, 400) == (200, 400)
    own = [Wait(urgent, 2e6 + 100.0 * n, 200, 400, 2e6 + 100.0 * n + 450) for n in range(2)]
    assert practised(own, 3e6, calibrator).told(urgent, 200, 400)[1] > 445


def test_a_class_of_few_soon_keeps_its_own_word() -> None:
    """One in forty is urgent and waits far more evenly than those whose outcomes move the ends."""
    dice = random.Random(11)
    practice = Practice()
    beyond = [0, 0]
    for i in range(8000):
        urgent = i % 40 == 0
        wait = 300 * dice.lognormvariate(0, 0.25 if urgent else 0.6)
        place = Place(1, "urgent" if urgent else "walk_in", 1)
        told_at = 60.0 * i
        low, high = practice.tell(Wait(place, told_at, 200, 450, told_at + wait))
        if urgent and i > 1000:
            beyond[0] += wait < low
            beyond[1] += wait > high
    told = len(range(1040, 8000, 40))
    assert all(0.06 < missed / told < 0.14 for missed in beyond)


def test_who_still_waits_at_the_end_of_the_range_counts_at_once() -> None:
    late = Wait(Place(1, "walk_in", 0), 0.0, 100, 300, 5000.0)
    for called_at in (5000.0, None):
        one = replace(late, called_at=called_at)
        assert practised([one], 299.0).moved == {}
        known = practised([one], 301.0).moved["all"]
        assert known[ABOVE] > 0
    # It is counted once, however the wait ends.
    assert practised([late], 6000.0).moved["all"][ABOVE] == known[ABOVE]


def test_now_is_a_minute_and_longer_where_free_clinicians_are_slow_to_call() -> None:
    place = Place(1, "walk_in", 0).told(NOW_S - 1)
    assert place.now
    prompt = [Wait(place, 100.0 * n, 0, 0, 100.0 * n) for n in range(500)]
    assert practised(prompt, 1e6).told(place, 0, 0) == (0, NOW_S)
    slow = [Wait(place, 1000.0 * n, 0, 0, 1000.0 * n + 400) for n in range(500)]
    assert 380 < practised([*prompt, *slow], 1e6).told(place, 0, 0)[1] < 420
    assert set(practised(slow, 1e6).moved) == {NOW}


@given(moved=st.fixed_dictionaries({}, optional=dict.fromkeys(GROUPS, ENDS)))
def test_more_ahead_is_never_told_less_however_outcomes_moved_the_ends(
    moved: dict[str, tuple[float, float]],
) -> None:
    made = replace(MADE, moved=moved)
    before = (0.0, 0.0, 0.0)
    for rank in range(12):
        said = join_quote(made, at(30), 1, None, rank, at(20_000))
        told = said.low_s, said.mid_s, said.high_s
        assert 0 <= said.low_s <= said.mid_s <= said.high_s
        assert all(less <= more for less, more in zip(before, told, strict=True))
        assert said.ahead == rank
        # What is learned from is the range before: it knows nothing of what was moved.
        assert said.raw_s == join_quote(MADE, at(30), 1, None, rank, at(20_000)).raw_s
        before = told
    again = Forecast.from_json(made.to_json())
    assert again.moved == {g: (round(a, 4), round(b, 4)) for g, (a, b) in moved.items()}


def test_those_waiting_are_told_calibrated_ranges_that_rise_along_their_line() -> None:
    line = [person(n, arrived=-60.0 * (9 - n)) for n in range(1, 9)]
    line[4] = replace(line[4], preference=PreferenceKind.ONLY, clinicians=frozenset({1}))
    raw = Forecast(
        1, TODAY, entries={n: Quantiles(50.0 * n, 60.0 * n, 70.0 * n + 30) for n in range(1, 9)}
    )
    room = room_full(line, [shift(1)])
    calibrator = Calibrator({"ahead 0": (0.1, 4.0), "class walk_in": (0.2, 0.1)})
    made = kept(raw, room, calibrator)
    assert made.moved == calibrator.moved
    # The first is told far more than the raw range, so nobody behind may be told less.
    scale = 30.0 + 20
    assert made.entries[1].p90 == pytest.approx(100 + scale * 4.1)
    for one, after in zip(range(1, 8), range(2, 9), strict=True):
        if 5 not in (one, after):
            assert made.entries[one].p10 <= made.entries[after].p10
            assert made.entries[one].p90 <= made.entries[after].p90
    assert made.entries[5].p90 == pytest.approx(380 + 0.1 * (380 - 250))
    assert kept(raw, room, Calibrator()).entries == raw.entries

"""How long a visit takes: what history teaches, and how little a few odd visits do."""

from datetime import timedelta
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapp.domain.snapshot import Served
from queueapp.waits.durations import ANY_REASON, Durations, learn
from queueapp.waits.learned import from_json, to_json
from tests.unit.waiting_rooms import NOW


def served(
    seconds: float, service: int = 1, reason: int | None = None, clinician: int | None = 1
) -> Served:
    started = NOW - timedelta(days=1)
    return Served(service, reason, "walk_in", clinician, started, seconds)


def spread(mean_s: float, n: int, seed: int = 1) -> list[float]:
    """Lognormal lengths with that median."""
    return [mean_s * exp(0.5 * z) for z in np.random.default_rng(seed).standard_normal(n)]


def visit_s(durations: Durations, *who: int | None) -> float:
    return float(durations.table(*who).mean())  # type: ignore[arg-type]


def test_without_history_a_visit_takes_as_long_as_planned_give_or_take() -> None:
    durations = learn([], service_default_s={1: 900}, planned_s={5: 300})
    assert visit_s(durations, 1) == pytest.approx(900, rel=0.02)
    assert visit_s(durations, 1, 5) == pytest.approx(300, rel=0.02)
    low, high = np.quantile(durations.table(1), [0.1, 0.9])
    assert high / low > 3
    assert visit_s(durations, 77) == pytest.approx(600, rel=0.02)


def test_three_odd_visits_move_a_clinician_little_and_three_hundred_nearly_all_the_way() -> None:
    others = [served(s, clinician=1) for s in spread(600, 300)]
    few = learn([*others, *(served(1800, clinician=2) for _ in range(3))])
    many = learn([*others, *(served(s, clinician=2) for s in spread(1800, 300, seed=2))])
    assert few.factor(1, 2) / few.factor(1, 1) < 1.4
    assert many.factor(1, 2) / many.factor(1, 1) == pytest.approx(3.0, rel=0.15)


def test_a_reason_learns_its_own_length_and_starts_from_its_plan() -> None:
    history = [served(s, reason=5) for s in spread(1200, 200)]
    history += [served(s, reason=6) for s in spread(400, 200, seed=2)]
    durations = learn(history, service_default_s={1: 600}, planned_s={5: 600, 6: 600, 7: 300})
    assert np.median(durations.table(1, 5)) == pytest.approx(1200, rel=0.12)
    assert np.median(durations.table(1, 6)) == pytest.approx(400, rel=0.12)
    assert visit_s(durations, 1, 7) < visit_s(durations, 1, 5) / 2


def test_a_button_never_pressed_teaches_nothing() -> None:
    usual = [served(s) for s in spread(600, 100)]
    forgotten = [served(9 * 3600.0) for _ in range(5)] + [served(0.5) for _ in range(5)]
    assert visit_s(learn([*usual, *forgotten]), 1) == visit_s(learn(usual), 1)


def test_the_shape_follows_history_once_there_is_much_of_it() -> None:
    two_kinds = [served(s) for s in [300.0] * 400 + [1200.0] * 400]
    table = learn(two_kinds).table(1)
    between = np.mean((table > 450) & (table < 800))
    assert between < 0.2


def test_more_history_narrows_what_is_unsure() -> None:
    assert learn([]).learned(1).unsure > learn([served(600)] * 20).learned(1).unsure
    assert learn([served(600)] * 20).learned(1).unsure > 0.05


def test_what_is_left_widens_with_the_time_run() -> None:
    durations = learn([], service_default_s={1: 600})
    widths = []
    for elapsed in (1200, 3000, 6000, 12000):
        low, high = np.quantile(durations.remaining(1, None, None, elapsed), [0.1, 0.9])
        widths.append(high - low)
    assert widths == sorted(widths)
    assert len(set(widths)) == len(widths)


def test_one_visit_in_a_hundred_is_asked_about_and_again_ever_later() -> None:
    durations = learn([served(s) for s in spread(900, 400)], service_default_s={2: 120})
    limit = durations.plausible_s(1, None, 1)
    lengths = spread(900, 10_000, seed=3)
    assert 0.004 < np.mean([s > limit for s in lengths]) < 0.02
    assert durations.plausible_s(2, None, None) == 600  # a quick one is not nagged about
    again = [limit]
    for _ in range(3):
        again.append(durations.plausible_s(1, None, 1, again[-1]))
    gaps = np.diff(again)
    assert gaps[0] > 300
    assert (np.diff(gaps) > 0).all()
    assert durations.plausible_s(1, None, 1, 60) == limit  # what was said early changes nothing


def test_a_reason_nobody_knows_yet_is_as_spread_as_all_of_them_together() -> None:
    """Who is still to come may come for anything: short and long reasons, mixed as they come."""
    short, long_ = spread(300, 300), spread(1500, 100, seed=2)
    history = [served(s, reason=5) for s in short] + [served(s, reason=6) for s in long_]
    durations = learn(history, service_default_s={1: 600}, planned_s={5: 300, 6: 1500})
    logs = np.log([*short, *long_])
    told = np.log(durations.table(1, ANY_REASON))
    assert told.mean() == pytest.approx(logs.mean(), abs=0.1)
    assert told.std() == pytest.approx(logs.std(), rel=0.1)
    # One whose reason is known, or who has none, is told more narrowly.
    for reason in (5, 6, None):
        assert np.log(durations.table(1, reason)).std() < told.std() * 0.8
    few = learn(history[:20], service_default_s={1: 600}, planned_s={5: 300, 6: 1500})
    assert (few.table(1, ANY_REASON) == few.table(1, None)).all()  # too few to mix
    assert (from_json(to_json(durations)).table(1, ANY_REASON) > 0).all()
    assert from_json(to_json(durations)).table(1, ANY_REASON) == pytest.approx(
        durations.table(1, ANY_REASON), rel=0.01
    )


@given(
    elapsed=st.floats(0, 1e6),
    lengths=st.lists(st.floats(1, 1e5), max_size=30),
    seed=st.integers(0, 99),
)
def test_draws_are_lengths_whatever_history_holds(
    elapsed: float, lengths: list[float], seed: int
) -> None:
    durations = learn([served(s) for s in lengths], service_default_s={1: 600})
    rng = np.random.default_rng(seed)
    for draws in (
        durations.draw(rng, 1, None, 1, 50),
        durations.draw_remaining(rng, 1, 3, 1, elapsed, 50),
        durations.draw_gap(rng, 50),
    ):
        assert draws.shape == (50,)
        assert np.isfinite(draws).all()
        assert (draws >= 0).all()


def test_gaps_and_walks_follow_what_was_seen_but_not_a_lunch_break() -> None:
    def one(gap: float, walk: float) -> Served:
        return Served(1, None, "walk_in", 1, NOW, 600, gap_seconds=gap, walk_seconds=walk)

    durations = learn([one(120, 10)] * 400 + [one(3600, 4000)] * 50)
    assert durations.gap.mean() == pytest.approx(120, rel=0.1)
    assert durations.walk.mean() == pytest.approx(10, rel=0.2)
    assert durations.mean_s(1) == pytest.approx(
        visit_s(durations, 1) + durations.gap.mean() + durations.walk.mean()
    )

"""What may be said of a target from so many people, and what is only noise."""

import pytest

from queueapp.domain.control import limits, share_of_all
from queueapp.domain.verdicts import Verdict, share_difference, verdict, wilson


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe 1998, table I: 81 of 263 and 15 of 148, at 95 %.
    assert wilson(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148, 0.95) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_difference_of_shares_is_newcombes() -> None:
    # Newcombe 1998 (II), table II, method 10: 56/70 against 48/80.
    assert share_difference(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert share_difference(0, 0, 1, 2) is None


@pytest.mark.parametrize(
    ("hits", "of", "said"),
    [
        (58, 62, Verdict.MEETING),
        (15, 26, Verdict.MISSING),
        (34, 41, Verdict.TOO_CLOSE),
        (8, 12, Verdict.TOO_FEW),
        (0, 4, Verdict.TOO_FEW),
        (0, 0, Verdict.TOO_FEW),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(hits: int, of: int, said: Verdict) -> None:
    assert verdict(hits, of, 0.8) is said


def test_the_middle_is_per_event_and_one_bad_day_stands_out_where_noise_does_not() -> None:
    # Ten days of 100 at 80 %, give or take; one small day; then one day of ruin.
    ordinary = [(h, 100) for h in (80, 78, 83, 79, 81, 77, 82, 80, 79, 81)]
    assert share_of_all([(1, 1), (1, 3)]) == 0.5
    lines = limits([*ordinary, (2, 4), (6, 20)])
    assert [line.signal for line in lines] == [""] * 11 + ["outside"]
    assert lines[10].high - lines[10].low > 2 * (lines[0].high - lines[0].low)
    shifted = limits([(70, 100)] * 8 + [(76, 100)] * 8)
    assert [n for n, line in enumerate(shifted) if line.signal == "run"] == [7, 15]
    assert limits(ordinary[:5]) == []

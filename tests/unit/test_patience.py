"""Who gives up: learned also from those who were called first, and played forward."""

from dataclasses import replace

import pytest

from queueapp.domain.patience import ENOUGH, KNOTS, patience
from queueapp.waits.durations import Durations
from queueapp.waits.forecast import forecast
from tests.unit.waiting_rooms import CALM, person, room_full, shift

FIXED = Durations.fixed({1: 137.313}, walk_s=21.19, gap_s=8.37)


def test_who_was_called_first_counts_only_while_they_waited() -> None:
    called_early = [(300.0, False)] * 60
    called_late = [(900.0, False)] * 30
    gave_up = [(600.0, True)] * ENOUGH
    known = patience([*called_early, *gave_up, *called_late])
    # Of the sixty still there after ten minutes, half gave up then; those called early say nothing.
    assert known[-1] == (600.0, pytest.approx(0.5))
    assert patience([*called_early, *gave_up[1:], *called_late]) == ()
    many = patience([(float(n), True) for n in range(1000)])
    assert len(many) <= KNOTS + 1
    assert many[-1][1] == pytest.approx(0)
    shares = [share for _, share in many]
    assert shares == sorted(shares, reverse=True)


def test_who_gives_up_shortens_the_wait_of_those_behind_but_has_a_wait_themselves() -> None:
    line = [person(n, -300 + n) for n in range(1, 9)]
    room = room_full(line, [shift(1)])
    each = 137.313 + 21.19 + 8.37
    stay = forecast(room, FIXED, draws=400, seed=1).entries
    assert stay[8].p10 == stay[8].p90 == pytest.approx(7 * each)
    # Half of them give up after ten minutes: in five minutes from now.
    habits = replace(CALM, patience=((600.0, 0.5),))
    some = forecast(replace(room, habits=habits), FIXED, draws=400, seed=1).entries
    assert [some[n] for n in (1, 2)] == [stay[n] for n in (1, 2)]
    assert some[8].p10 < some[8].p50 < stay[8].p50
    assert some[8].p90 <= stay[8].p90
    # Between one and seven of those ahead are seen in any draw; the one who is next is not "never".
    assert some[8].p10 >= 2 * each
    assert {q.not_reached for q in some.values()} == {0}
    # Who has outlasted that stays.
    patient = replace(room_full([person(n, -900 + n) for n in range(1, 9)], [shift(1)]))
    told = forecast(replace(patient, habits=habits), FIXED, draws=400, seed=1).entries
    assert told[8].p10 == pytest.approx(7 * each)

"""The simulated forecast put right by history: rising, repeatable, and silent where it must be."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from queueapp.domain.ordering import Candidate
from queueapp.domain.passages import Passage
from queueapp.domain.snapshot import InRoom, Snapshot
from queueapp.domain.visit import PreferenceKind
from queueapp.waits.corrected import ENOUGH, Taught, corrected
from queueapp.waits.durations import learn
from queueapp.waits.forecast import forecast
from queueapp.waits.teaching import teach
from tests.unit.made_days import BLOOD, DAY_S, FIRST_DAY, GP, made_days
from tests.unit.waiting_rooms import person, room_full, shift

ZONE = ZoneInfo("UTC")
NOW_S = FIRST_DAY + 5 * DAY_S + 13 * 3600
NOW = datetime.fromtimestamp(NOW_S, UTC)
RECORD = made_days(6, a_day=100)
USUAL = learn([], service_default_s={GP: 900, BLOOD: 500})
LATELY = [p for p in RECORD if p.arrived > FIRST_DAY + 5 * DAY_S]


@pytest.fixture(scope="module")
def taught() -> Taught:
    found = teach([p for p in RECORD if p.arrived < FIRST_DAY + 5 * DAY_S], ZONE,
                  FIRST_DAY + 5 * DAY_S)  # fmt: skip
    assert found is not None
    return found


def snapshot(waiting: Sequence[Candidate], *, here: bool = True, **more: object) -> Snapshot:
    """Three clinicians on duty, two of them in a room with somebody."""
    shifts = [
        replace(
            shift(n, services),
            starts_at=NOW - timedelta(hours=5),
            ends_at=NOW + timedelta(hours=4),
            free_places=0,
            is_open=here,
        )
        for n, services in ((11, (GP, BLOOD)), (12, (GP, BLOOD)), (13, (BLOOD,)))
    ]
    inside = [
        InRoom(900 + n, GP if n < 13 else BLOOD, None, "walk_in", n, n, True,
               NOW - timedelta(minutes=n - 8))
        for n in (11, 12, 13)
    ] if here else []  # fmt: skip
    return replace(
        room_full(waiting, shifts), taken_at=NOW, zone="UTC", in_rooms=tuple(inside),
        services=(GP, BLOOD), **more,
    )  # fmt: skip


def line(count: int) -> list[Candidate]:
    """`count` who wait, the longest first."""
    found = []
    for n in range(1, count + 1):
        came = NOW - timedelta(minutes=40 - 3 * n)
        found.append(
            replace(
                person(n, service_id=BLOOD if n % 3 == 0 else GP),
                arrived_at=came,
                reference_at=came,
                due_by=came + timedelta(hours=1),
            )
        )
    return found


def test_history_changes_what_is_told_and_more_ahead_is_never_less(taught: Taught) -> None:
    room = snapshot(line(9))
    plain = forecast(room, USUAL, draws=200, seed=1)
    told = corrected(plain, room, taught, LATELY)
    assert told == corrected(plain, room, taught, LATELY)
    assert told.entries != plain.entries
    table = told.join[GP, None]
    assert table != plain.join[GP, None]
    assert told.join[GP, 11] == plain.join[GP, 11]
    for one in (table, told.join[BLOOD, None]):
        for less, more in pairwise(one.quantiles):
            assert less.p10 <= more.p10
            assert less.p50 <= more.p50
            assert less.p90 <= more.p90
    for quantiles in (*told.entries.values(), *table.quantiles):
        assert 0 <= quantiles.p10 <= quantiles.p50 <= quantiles.p90
    # What happens later changes nothing of it.
    later = [p for p in LATELY if p.arrived <= NOW_S]
    assert corrected(plain, room, taught, later) == told


def test_the_simulation_keeps_the_word_where_history_knows_nothing(taught: Taught) -> None:
    away = snapshot(line(3), here=False)
    plain = forecast(away, USUAL, draws=100, seed=1)
    assert corrected(plain, away, taught, LATELY) == plain
    # A break of hours for everybody: a range far from any that was ever seen.
    ends = NOW + timedelta(hours=3)
    resting = snapshot(line(3), breaks={n: ((NOW + timedelta(seconds=1), ends),) for n in (11, 12)})
    plain = forecast(resting, USUAL, draws=100, seed=1)
    told = corrected(plain, resting, taught, LATELY)
    assert told.entries[2].p10 == plain.entries[2].p10 > 3600
    only = replace(line(1)[0], preference=PreferenceKind.ONLY, clinicians=frozenset({12}))
    one = snapshot([only])
    plain = forecast(one, USUAL, draws=100, seed=1)
    assert corrected(plain, one, taught, LATELY).entries == plain.entries


def test_a_short_history_teaches_nothing() -> None:
    few = [p for p in RECORD if p.counts][: ENOUGH - 1]
    assert teach(few, ZONE, NOW_S) is None
    assert teach([*few, Passage(9999, GP, "walk_in", 0.0, 0.0)], ZONE, NOW_S) is None

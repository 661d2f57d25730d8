"""The forecast: it calls in the order the rules call, and it never says what cannot be."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf, isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueapp.domain.ordering import Candidate, Move
from queueapp.domain.snapshot import Expected, Habits, InRoom, Snapshot
from queueapp.domain.visit import PreferenceKind, Presence
from queueapp.waits.durations import Durations, learn
from queueapp.waits.forecast import Forecast, Quantiles, forecast
from queueapp.waits.people import booked
from queueapp.waits.plan import make_plan
from queueapp.waits.simulate import simulate
from tests.unit.waiting_rooms import CALM, at, person, play, room_full, rooms, shift

# No round numbers: two things then happen at one moment only when they should.
FIXED = Durations.fixed({1: 137.313, 2: 211.717}, walk_s=21.19, gap_s=8.37)
USUAL = learn([], service_default_s={1: 600, 2: 480})


def check(snapshot: Snapshot) -> dict[int, float]:
    """Simulated and played call times are the same; hands them back."""
    plan = make_plan(snapshot, FIXED, draws=2, seed=1)
    outcome = simulate(plan)
    simulated = {
        c.entry_id: float(outcome.called[i, 0])
        for i, c in enumerate(plan.waiting)
        if outcome.called[i, 0] < inf
    }
    played = play(snapshot, FIXED)
    waiting = {c.entry_id for c in snapshot.waiting}
    assert simulated == pytest.approx({e: t for e, t in played.items() if e in waiting}, abs=0.01)
    return simulated


@settings(max_examples=40)
@given(rooms())
def test_calls_at_the_very_moments_the_rules_would(snapshot: Snapshot) -> None:
    check(snapshot)


def test_a_wish_if_possible_holds_others_back_until_it_is_released() -> None:
    away = shift(2, is_open=False, starts_at=at(2000))
    wish = person(1, -1200, 3600, preference=PreferenceKind.IF_POSSIBLE, clinicians=frozenset({2}))
    assert check(room_full([wish], [shift(1), away]))[1] == 1800
    # Whose clinician goes home before it would be released is held back no longer than that.
    gone = shift(2, paused_until=at(900), ends_at=at(700))
    assert check(room_full([wish], [shift(1), gone]))[1] == 700


def test_a_move_falls_away_when_its_anchor_is_called() -> None:
    # Clinician 1 calls the anchor past the moved one, who wants clinician 2 alone: then the next
    # two of clinician 2 are due before the moved one again.
    only = {"preference": PreferenceKind.ONLY, "clinicians": frozenset({2})}
    line = [
        person(1, -3000),
        person(2, -100, move=Move(1, at(-10)), **only),
        person(3, -2900, **only),
        person(4, -2800, **only),
    ]
    busy = shift(2, is_open=False, starts_at=at(60))
    called = check(room_full(line, [shift(1), busy]))
    assert called[1] == 0
    assert called[3] < called[4] < called[2]
    stays = check(room_full(line, [replace(busy, starts_at=at(-60), is_open=True, shift_id=0)]))
    assert stays[2] < stays[3]


def test_a_move_stays_while_its_anchor_is_asked_for() -> None:
    # The anchor's own anchor is called, but the anchor itself, of whom nobody knows whether they
    # are here, still stands where they are due.
    line = [
        person(1, -3000),
        person(2, -2900, presence=Presence.UNCONFIRMED, move=Move(1, at(-20))),
        person(3, -100, presence=Presence.OUT, move=Move(2, at(-10))),
        *(person(n, -2000 + n) for n in range(4, 9)),
    ]
    called = check(room_full(line, [shift(1)], back_by={3: at(200)}))
    assert called[1] == 0
    assert called[4] < called[3] < called[6]


def test_many_ahead_who_are_out_hide_nobody_who_is_here() -> None:
    out = [person(n, -3000 + n, presence=Presence.OUT) for n in range(1, 41)]
    back_by = {c.entry_id: at(5000) for c in out}
    called = check(room_full([*out, person(99, -60)], [shift(1)], back_by=back_by))
    assert called[99] == 0


@settings(max_examples=30)
@given(rooms(), st.integers(0, 2**31))
def test_quotes_are_waits_whatever_the_room(snapshot: Snapshot, seed: int) -> None:
    habits = Habits(arrivals_per_hour={(1, "walk_in", 11): 8, (2, "urgent", 11): 3})
    said = forecast(replace(snapshot, habits=habits), USUAL, draws=20, seed=seed)
    tables = [q for table in said.join.values() for q in table.quantiles]
    for q in [*said.entries.values(), *tables]:
        assert not any(isnan(v) for v in (q.p10, q.p50, q.p90, q.miss, q.not_reached))
        assert 0 <= q.p10 <= q.p50 <= q.p90
        assert 0 <= q.not_reached <= 1
        assert 0 <= q.miss <= 1
    for table in said.join.values():
        for less, more in pairwise(table.at(rank) for rank in range(table.ranks[-1] + 9)):
            assert less.p10 <= more.p10
            assert less.p50 <= more.p50
            assert less.p90 <= more.p90
    for c in snapshot.waiting:
        if c.presence is Presence.UNCONFIRMED:
            assert c.entry_id not in said.entries
        elif c.presence is Presence.OUT:
            back = (snapshot.back_by[c.entry_id] - snapshot.taken_at).total_seconds()
            assert said.entries[c.entry_id].p10 >= back


@settings(max_examples=12)
@given(rooms(), st.integers(0, 2**31))
def test_same_seed_same_quotes(snapshot: Snapshot, seed: int) -> None:
    first = forecast(snapshot, USUAL, draws=20, seed=seed)
    assert forecast(snapshot, USUAL, draws=20, seed=seed) == first


@settings(max_examples=25)
@given(
    waits=st.lists(st.integers(1, 3000), min_size=1, max_size=12, unique=True),
    clinicians=st.integers(2, 4),
    one_more=st.integers(1, 3000),
    seed=st.integers(0, 1000),
)
def test_more_ahead_or_one_clinician_fewer_never_shortens_a_quote(
    waits: list[int], clinicians: int, one_more: int, seed: int
) -> None:
    line = [person(n, -waited) for n, waited in enumerate(waits, 1)]
    staff = [shift(n) for n in range(1, clinicians + 1)]
    usual = forecast(room_full(line, staff), USUAL, draws=40, seed=seed)
    fuller = room_full([*line, person(99, -one_more)], staff)
    for other in (
        forecast(fuller, USUAL, draws=40, seed=seed),
        forecast(room_full(line, staff[:-1]), USUAL, draws=40, seed=seed),
    ):
        for entry, q in usual.entries.items():
            later = other.entries[entry]
            assert (q.p10, q.p50, q.p90) <= (later.p10, later.p50, later.p90)
            assert q.p50 <= later.p50
            assert q.p90 <= later.p90


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_who_joins_waits_what_the_same_person_would_wait_in_line(rank: int) -> None:
    staff = [shift(1, free_places=0), shift(2, free_places=0)]
    inside = tuple(InRoom(900 + n, 1, None, "walk_in", n, n, True, at(-120 * n)) for n in (1, 2))
    line = [person(n, -600 + n) for n in range(1, 5)]
    told = forecast(room_full(line, staff, in_rooms=inside), USUAL, draws=400, seed=3)
    joiner = person(50, 0, 3600 - 600 + rank + 0.5)
    joined = room_full([*line, joiner], staff, in_rooms=inside)
    wait = forecast(joined, USUAL, draws=400, seed=3).entries[50]
    table = told.join[1, None].at(rank)
    assert (table.p10, table.p50, table.p90) == (wait.p10, wait.p50, wait.p90)
    assert wait.p10 > 0


def test_a_walk_in_is_called_before_who_has_much_longer_to_wait() -> None:
    inside = (InRoom(900, 1, None, "walk_in", 1, 1, True, at(-10)),)
    patient = [person(n, -n, 4 * 3600) for n in range(1, 6)]
    staff = [shift(1, free_places=0)]
    alone = forecast(room_full([], staff, in_rooms=inside), USUAL, draws=200, seed=3)
    among = forecast(room_full(patient, staff, in_rooms=inside), USUAL, draws=200, seed=3)
    assert among.join[1, None].at(0) == alone.join[1, None].at(0)


def test_a_clinician_without_anybody_is_found_by_who_joins() -> None:
    # Who waits is out: the clinician is free until then, and not only after.
    room = room_full([person(1, presence=Presence.OUT)], [shift(1)], back_by={1: at(1000)})
    said = forecast(room, FIXED, draws=2, seed=3)
    assert said.join[1, None].at(0).p90 == 0
    assert said.entries[1].p10 == 1000


def test_who_wants_only_one_clinician_waits_for_that_clinician() -> None:
    inside = (InRoom(900, 1, None, "walk_in", 1, 1, True, at(-10)),)
    room = room_full([], [shift(1, free_places=0), shift(2)], in_rooms=inside)
    join = forecast(room, USUAL, draws=200, seed=3).join
    assert join[1, None].at(0).p90 == 0
    assert join[1, 2].at(0).p90 == 0
    assert join[1, 1].at(0).p10 > 60


def test_nobody_on_duty_is_said_not_capped() -> None:
    line = [person(1), person(2, preference=PreferenceKind.ONLY, clinicians=frozenset({9}))]
    said = forecast(room_full(line, [shift(1)]), USUAL, draws=50, seed=1)
    assert said.entries[1].not_reached == 0
    assert said.entries[2] == Quantiles(inf, inf, inf, miss=1.0, not_reached=1.0)
    alone = forecast(room_full(line, []), USUAL, draws=50, seed=1)
    assert alone.entries[1].not_reached == 1
    assert alone.join[1, None].at(0).not_reached == 1


def test_closing_before_the_line_is_through_is_a_chance_not_a_wait() -> None:
    line = [person(n, -900 + n) for n in range(1, 13)]
    said = forecast(room_full(line, [shift(1)], closes_at=at(3600)), USUAL, draws=200, seed=1)
    assert said.entries[1].not_reached == 0
    assert said.entries[12].not_reached > 0.9
    assert said.until_s == 3600


def test_one_not_there_at_the_start_may_still_be_late() -> None:
    late = shift(1, is_open=False, starts_at=at(-300))
    guess = forecast(room_full([person(1)], [late]), USUAL, draws=400, seed=1).entries[1]
    assert 0 < guess.p10 < 300 < guess.p90
    told = shift(1, is_open=False, starts_at=at(1200), declared_delay=timedelta(minutes=25))
    said = forecast(room_full([person(1)], [told]), USUAL, draws=50, seed=1).entries[1]
    assert said.p10 == said.p90 == 1200


def test_a_shift_to_come_has_a_place_though_its_room_is_taken_or_unknown() -> None:
    for room_id in (1, None):
        later = shift(2, is_open=False, starts_at=at(900), room_id=room_id, free_places=0)
        said = forecast(room_full([person(1)], [later]), USUAL, draws=10, seed=1).entries[1]
        assert said.p10 == said.p90 == 900
    full = forecast(room_full([person(1)], [shift(1, free_places=0)]), USUAL, draws=10, seed=1)
    assert full.entries[1].not_reached == 1


def test_a_pause_without_an_end_is_a_wide_wait_not_forever() -> None:
    forever = datetime.max.replace(tzinfo=UTC)
    room = room_full([person(1)], [shift(1, paused_until=forever)])
    told = forecast(room, USUAL, draws=400, seed=1).entries[1]
    assert told.p10 < 300 < 1200 < told.p90 < inf


def test_urgent_arrivals_and_the_booked_lengthen_the_wait() -> None:
    line = [person(n, -300 + n) for n in range(1, 9)]
    room = room_full(line, [shift(1), shift(2)])
    calm = forecast(room, USUAL, draws=200, seed=1).entries[8]
    urgent = Habits(0.0, (0.0, 0.0), {(1, "urgent", h): 4.0 for h in range(24)})
    busy = forecast(replace(room, habits=urgent), USUAL, draws=200, seed=1).entries[8]
    assert busy.p50 > calm.p50 * 1.1
    who = person(0, 600, 900, entry_class="booked")
    booked = replace(room, expected=(Expected(1, who, at(600), timedelta(minutes=10)),))
    surely = forecast(booked, USUAL, draws=200, seed=1).entries[8]
    absent = replace(booked, habits=replace(CALM, no_show=1.0))
    assert surely.p50 > calm.p50 * 1.1
    assert forecast(absent, USUAL, draws=200, seed=1).entries[8] == calm


def test_the_longer_a_booked_patient_is_overdue_the_less_they_are_counted_on() -> None:
    room = room_full([], [shift(1)], habits=Habits(no_show=0.2, lateness_s=(0.0, 300.0)))
    chance = []
    for overdue in (0, 300, 600):
        who = person(0, -overdue, 900, entry_class="booked")
        expected = Expected(1, who, at(-overdue), timedelta(minutes=10))
        comers = booked(room, USUAL, [expected], 500, 1)
        chance.append(float((comers.free_from < inf).mean()))
        assert comers.free_from.min() >= 0
    assert chance[0] > chance[1] > chance[2]


def test_who_has_a_booking_and_checks_in_now_waits_by_their_own_time_and_wish() -> None:
    # Clinician 1 is free in 108.37 s, clinician 2 in 58.37 s.
    inside = (InRoom(901, 1, None, "walk_in", 1, 1, True, at(100 - 137.313)),
              InRoom(902, 1, None, "walk_in", 2, 2, True, at(50 - 137.313)))  # fmt: skip
    staff = [shift(1, free_places=0), shift(2, free_places=0)]
    who = person(0, 300, 900, entry_class="booked")
    later = Expected(6, who, at(4000), timedelta(minutes=10))

    def wait(line: Sequence[Candidate] = (), *, resting: float = 0, **wish: object) -> float:
        one = Expected(5, replace(who, **wish), at(300), timedelta(minutes=10))
        breaks = {1: ((at(1), at(resting)),)} if resting else {}
        room = room_full(line, staff, in_rooms=inside, expected=(one, later), breaks=breaks)
        said = forecast(room, FIXED, draws=2, seed=1).booked
        assert set(said) == {5}
        assert said[5].p10 == said[5].p90
        return round(said[5].p50, 2)

    own = {"clinicians": frozenset({1})}
    assert wait() == wait([person(1, -60)]) == 58.37
    assert wait([person(1, -3000)]) == 108.37
    assert wait(preference=PreferenceKind.ONLY, **own) == 108.37
    assert wait(resting=2000, preference=PreferenceKind.ONLY, **own) == 2000
    # Due at 1200 s, so others may call ten minutes before.
    assert wait(resting=2000, preference=PreferenceKind.IF_POSSIBLE, **own) == 600


def test_a_clinician_not_there_yet_is_as_late_as_others_were() -> None:
    late = replace(CALM, late_starts_s=(0.0, 0.0, 0.0, 1500.0))

    def wait(starts_at: float, **more: object) -> Quantiles:
        view = shift(1, is_open=False, starts_at=at(starts_at), **more)
        room = room_full([person(1)], [view], habits=late)
        return forecast(room, USUAL, draws=200, seed=1).entries[1]

    assert (wait(600).p10, wait(600).p90) == (600, 2100)
    # Overdue by five minutes: it is one of those who come late.
    assert wait(-300).p10 == wait(-300).p90 == 1200
    assert wait(600, declared_delay=timedelta(minutes=5)).p90 == 600


def test_called_but_not_started_is_a_walk_and_a_whole_visit() -> None:
    def wait(started: bool) -> float:
        inside = (InRoom(900, 1, None, "walk_in", 1, 1, started, at(-100)),)
        room = room_full([person(1)], [shift(1, free_places=0)], in_rooms=inside)
        return forecast(room, FIXED, draws=2, seed=1).entries[1].p50

    assert wait(True) == pytest.approx(137.313 - 100 + 8.37)
    assert wait(False) == pytest.approx(137.313 + 8.37)


@settings(max_examples=12)
@given(rooms())
def test_stored_and_read_again_it_says_the_same(snapshot: Snapshot) -> None:
    said = forecast(snapshot, USUAL, draws=20, seed=1)
    read = Forecast.from_json(json.loads(json.dumps(said.to_json(), allow_nan=False)))
    assert read.to_json() == said.to_json()
    assert read.made_at == said.made_at
    assert read.entries.keys() == said.entries.keys()
    for entry, q in said.entries.items():
        again = read.entries[entry]
        assert (q.p50 == again.p50 == inf) or abs(q.p50 - again.p50) <= 0.5


def test_a_forecast_of_another_version_is_refused() -> None:
    stored = forecast(room_full([], []), USUAL, draws=2, seed=1).to_json()
    with pytest.raises(ValueError, match="version"):
        Forecast.from_json(stored | {"version": 0})

"""The order is total and fair, wishes are kept, and nobody is silently stuck: over all rooms."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from queueapp.domain.ordering import (
    Candidate,
    Move,
    ShiftView,
    Why,
    ahead_of,
    in_order,
    is_released,
    is_stranded,
    next_for,
    reason,
    why_not,
)
from queueapp.domain.rules import SiteRules
from queueapp.domain.visit import PreferenceKind, Presence

NOW = datetime(2026, 1, 13, 10, 0, tzinfo=UTC)
RULES = SiteRules()
FEATURES = ("step-free", "couch")


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def person(number: int, came: float = -20, target: float = 60, **more: Any) -> Candidate:
    values: dict[str, Any] = {
        "entry_id": number,
        "visit_id": number,
        "service_id": 1,
        "entry_class": "walk_in",
        "band": 1,
        "due_by": at(came + target),
        "arrived_at": at(came),
        "number": number,
        "reference_at": at(came),
        "target": timedelta(minutes=target),
    }
    return Candidate(**(values | more))


def on_shift(clinician: int = 1, **more: Any) -> ShiftView:
    values: dict[str, Any] = {
        "shift_id": clinician,
        "clinician_id": clinician,
        "services": frozenset({1}),
        "starts_at": at(-60),
        "ends_at": at(240),
        "is_open": True,
        "room_id": clinician,
        "room_features": frozenset(FEATURES),
    }
    return ShiftView(**(values | more))


# Few different values, so that ties are the rule and not the exception. Made once: a strategy that
# is made for every person of every room is half of what these tests would cost.
TRAITS = st.fixed_dictionaries(
    {
        "came": st.sampled_from([-30, -20, -10, 0]),
        "target": st.sampled_from([0, 10, 20, 60]),
        "band": st.sampled_from([0, 1, 1, 1]),
        "service_id": st.sampled_from([1, 2]),
        "presence": st.sampled_from([Presence.HERE, *Presence]),
        "passed_over_until": st.sampled_from([None, at(-1), at(5)]),
        "preference": st.sampled_from(PreferenceKind),
        "clinicians": st.frozensets(st.sampled_from([1, 2, 3])),
        "needs": st.frozensets(st.sampled_from(FEATURES)),
        "visit_busy": st.booleans(),
    }
)
MOVES = st.none() | st.builds(Move, st.integers(1, 6), st.integers(-9, 0).map(at))
DUTIES = st.fixed_dictionaries(
    {
        "services": st.frozensets(st.sampled_from([1, 2])),
        "starts_at": st.sampled_from([at(-60), at(15), at(90)]),
        "ends_at": st.sampled_from([at(5), at(240)]),
        "is_open": st.booleans(),
        "room_features": st.frozensets(st.sampled_from(FEATURES)),
    }
)


def people(*, moves: bool = True, most: int = 6) -> st.SearchStrategy[list[Candidate]]:
    """One to `most` who wait; a move's anchor is one of them."""

    def line(drawn: list[tuple[dict[str, Any], Move | None]]) -> list[Candidate]:
        return [
            person(n, **one, move=move and replace(move, before_id=1 + move.before_id % len(drawn)))
            for n, (one, move) in enumerate(drawn, start=1)
        ]

    drawn = st.tuples(TRAITS, MOVES if moves else st.none())
    return st.lists(drawn, min_size=1, max_size=most).map(line)


def rota() -> st.SearchStrategy[list[ShiftView]]:
    """One to three shifts."""
    drawn = st.lists(DUTIES, min_size=1, max_size=3)
    return drawn.map(lambda duties: [on_shift(n, **one) for n, one in enumerate(duties, start=1)])


def ids(line: Sequence[Candidate]) -> list[int]:
    return [c.entry_id for c in line]


def effective(line: Sequence[Candidate]) -> list[Candidate]:
    """Those whose move counts, oldest move first."""
    bands = {c.entry_id: c.band for c in line}
    moved = [
        c
        for c in line
        if c.move and c.move.before_id != c.entry_id and bands[c.move.before_id] == c.band
    ]
    return sorted(moved, key=lambda c: (c.move.made_at, c.entry_id) if c.move else ())


@given(people(), st.randoms())
def test_the_order_is_one_however_it_is_asked_for(line: list[Candidate], random: Any) -> None:
    shuffled = list(line)
    random.shuffle(shuffled)
    assert ids(in_order(shuffled)) == ids(in_order(line))
    assert sorted(ids(in_order(line))) == ids(line)


@given(people(moves=False))
def test_of_two_one_is_first_and_a_third_changes_nothing(line: list[Candidate]) -> None:
    place = {entry_id: n for n, entry_id in enumerate(ids(in_order(line)))}
    for a in line:
        for b in line:
            if a is b:
                continue
            first = in_order([a, b])[0]
            assert first is in_order([b, a])[0]
            assert (first is a) == (place[a.entry_id] < place[b.entry_id])


@given(people())
def test_emergencies_are_first_whatever_is_moved(line: list[Candidate]) -> None:
    bands = [c.band for c in in_order(line)]
    assert bands == sorted(bands)


@given(people())
def test_a_move_changes_places_and_nothing_else(line: list[Candidate]) -> None:
    due = {c.entry_id: (c.due_by, c.reference_at, c.target) for c in line}
    moved = in_order(line)
    assert {c.entry_id: (c.due_by, c.reference_at, c.target) for c in moved} == due
    unmoved = [c for c in line if c not in effective(line)]
    assert [c for c in moved if c in unmoved] == in_order(unmoved)


@given(people())
def test_the_newest_move_stands_directly_before_its_anchor(line: list[Candidate]) -> None:
    moves = effective(line)
    assume(moves)
    newest = moves[-1]
    assert newest.move is not None
    order = ids(in_order(line))
    assert order.index(newest.move.before_id) == order.index(newest.entry_id) + 1


@given(people())
def test_a_move_falls_away_with_its_anchor(line: list[Candidate]) -> None:
    for moved in effective(line)[-1:]:
        assert moved.move is not None
        rest = [c for c in line if c.entry_id != moved.move.before_id]
        without = [replace(c, move=None) if c is moved else c for c in rest]
        assert ids(in_order(rest)) == ids(in_order(without))


@given(people(), rota())
def test_who_is_called_may_be_called_and_is_the_first_who_may(
    line: list[Candidate], shifts: list[ShiftView]
) -> None:
    for shift in shifts:
        called = next_for(shift, line, shifts, NOW, RULES)
        before = []
        for one in in_order(line):
            if one == called:
                break
            before.append(one)
        assert all(why_not(one, shift, shifts, NOW, RULES) for one in before)
        if called is None:
            continue
        assert called.presence is Presence.HERE
        assert not called.visit_busy
        assert called.passed_over_until is None or called.passed_over_until <= NOW
        assert called.service_id in shift.services
        assert called.needs <= shift.room_features
        if called.preference is PreferenceKind.ONLY:
            assert shift.clinician_id in called.clinicians


@given(people(most=4), rota(), st.sampled_from([p for p in Presence if p is not Presence.HERE]))
def test_who_is_not_here_is_never_called(
    line: list[Candidate], shifts: list[ShiftView], presence: Presence
) -> None:
    away = [replace(c, presence=presence) for c in line]
    for shift in shifts:
        assert next_for(shift, away, shifts, NOW, RULES) is None


@given(people(moves=False, most=4), rota())
def test_nobody_is_silently_stuck(line: list[Candidate], shifts: list[ShiftView]) -> None:
    """Either the desk is told that nobody can serve an entry, or somebody will call it."""
    for one in line:
        ready = replace(one, presence=Presence.HERE, visit_busy=False)
        if is_stranded(one, shifts, NOW):
            assert all(why_not(ready, s, shifts, NOW, RULES) for s in shifts)
            continue
        latest = max(ready.due_by, ready.passed_over_until or NOW)
        callers = [s for s in shifts if next_for(s, [ready], shifts, latest, RULES)]
        assert callers
        if one.preference is PreferenceKind.ONLY:
            assert {s.clinician_id for s in callers} <= one.clinicians


@given(people(moves=False, most=3))
def test_an_only_whose_clinicians_go_home_is_stranded(line: list[Candidate]) -> None:
    for one in line:
        wish = replace(one, preference=PreferenceKind.ONLY, clinicians=frozenset({3}), needs=set())
        shifts = [on_shift(n, services=frozenset({1, 2})) for n in (1, 2, 3)]
        assert not is_stranded(wish, shifts, NOW)
        assert is_stranded(wish, shifts[:2], NOW)
        assert is_stranded(wish, [*shifts[:2], replace(shifts[2], ends_at=NOW)], NOW)


@given(
    st.integers(0, 60),
    st.sampled_from([(-60, 240), (5, 240), (-60, 3), (200, 300)]),
    st.integers(0, 70),
)
def test_a_wish_if_possible_holds_others_back_until_ten_minutes_before_due(
    target: int, hours: tuple[int, int], after: int
) -> None:
    one = person(
        1, came=0, target=target, preference=PreferenceKind.IF_POSSIBLE, clinicians=frozenset({2})
    )
    other = on_shift(1)
    wished = on_shift(2, starts_at=at(hours[0]), ends_at=at(hours[1]))
    now = at(after)
    comes_in_time = hours[0] < target and hours[1] > after
    released = after >= target - 10 or not comes_in_time
    assert is_released(one, [other, wished], now, RULES) == released
    why = why_not(one, other, [other, wished], now, RULES)
    assert why is (None if released else Why.WAITS_FOR_WISH)
    assert why_not(one, wished, [other, wished], now, RULES) is None


@given(
    waiting=st.lists(st.sampled_from([0, 10, 15, 60]), min_size=1, max_size=6),
    newcomers=st.lists(
        st.lists(st.tuples(st.sampled_from([0, 10, 15, 60]), st.integers(-10, 0)), max_size=3),
        min_size=25,
        max_size=25,
    ),
)
def test_nobody_starves_however_many_come_after(
    waiting: list[int], newcomers: list[list[tuple[int, int]]]
) -> None:
    """Every five minutes one is called and up to three come, some with an earlier reference.

    A reference lies at most the grace before coming, so after `due_by` + grace nobody can go
    before: an entry waits for at most those before it now and those who come until then.
    """
    line = [person(n, came=0, target=target) for n, target in enumerate(waiting, start=1)]
    watched, shift = max(line, key=lambda c: c.key), on_shift()
    bound = len(line)
    number = len(line)
    for step, coming in enumerate(newcomers):
        now = at(5 * step)
        for target, early in coming:
            number += 1
            line.append(person(number, came=5 * step + early, target=target, arrived_at=now))
            bound += now <= watched.due_by + RULES.grace
        called = next_for(shift, line, [shift], now, RULES)
        assert called is not None
        line.remove(called)
        if called is watched:
            assert step < bound
            return
        if now > watched.due_by + RULES.grace:
            assert called.key < watched.key
    assert len(newcomers) < bound


@given(people(), rota())
def test_those_ahead_are_here_and_share_a_clinician(
    line: list[Candidate], shifts: list[ShiftView]
) -> None:
    order = in_order(line)
    for place, one in enumerate(order):
        assert 0 <= ahead_of(one, line, shifts) <= place
        assert ahead_of(one, line, []) == 0
        here = sum(c.presence is Presence.HERE for c in order[:place])
        everyone = [replace(c, needs=frozenset(), preference=PreferenceKind.NONE) for c in line]
        mine = next(c for c in everyone if c.entry_id == one.entry_id)
        assert ahead_of(mine, everyone, [on_shift(services=frozenset({1, 2}))]) == here


@pytest.mark.parametrize(
    ("one", "said", "sentence"),
    [
        (person(1), {}, "Came 09:40, target 60 min, so due by 10:40."),
        (
            person(1, came=-10, target=15, entry_class="booked"),
            {"scheduled_at": at(-10)},
            "Booked 09:50, target 15 min, so due by 10:05.",
        ),
        (
            person(1, came=-10, target=15, entry_class="booked"),
            {"scheduled_at": at(-25)},
            "Booked 09:35, came 09:50, target 15 min, so due by 10:05.",
        ),
        (
            person(1, came=-3, target=10, entry_class="urgent"),
            {},
            "Urgent since 09:57, target 10 min, so due by 10:07.",
        ),
        (
            person(1, came=-3, target=10, entry_class="onward"),
            {},
            "Sent on at 09:57, target 10 min, so due by 10:07.",
        ),
        (
            person(1, preference=PreferenceKind.ONLY),
            {"wish": "Dr Rao"},
            "Came 09:40, target 60 min, so due by 10:40. Only Dr Rao.",
        ),
        (
            person(1, preference=PreferenceKind.IF_POSSIBLE),
            {"wish": "Dr Rao"},
            "Came 09:40, target 60 min, so due by 10:40. Dr Rao if possible.",
        ),
        (person(1), {"moved_before": "B12"}, "Moved by the desk before B12. Due by 10:40."),
        (person(1, band=0), {"moved_before": "B12"}, "Emergency: called before everyone else."),
    ],
)
def test_the_reason_can_be_read_aloud(one: Candidate, said: dict[str, Any], sentence: str) -> None:
    assert reason(one, lambda instant: f"{instant:%H:%M}", **said) == sentence

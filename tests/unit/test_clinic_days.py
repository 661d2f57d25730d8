"""Made-up clinic days: what they hold, run by the product's own rules, and what is told on them."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest

from queueapp.commands.bench_promises import FIRST, rehearse
from queueapp.commands.clinic_days import LATE_START, ClinicDay, clinic_day, weekdays
from queueapp.commands.promise_figures import figures
from queueapp.commands.rehearsal import Stay
from queueapp.domain.quantiles import Quantiles
from queueapp.domain.visit import PreferenceKind
from queueapp.waits.revise import Step, next_step

DAYS = weekdays(FIRST, 5)
NOW = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)


@cache
def days(seed: int) -> tuple[ClinicDay, ...]:
    return tuple(clinic_day(day, seed) for day in DAYS)


# Of a clinic where fewer come than usual, a day costs half.
SEED, BUSY = 7, 0.8


@cache
def run() -> list[list[Stay]]:
    return rehearse(SEED, 2, 1, busy=BUSY, draws=20, every_s=1800)


def test_a_day_is_the_same_whenever_asked_and_holds_what_a_clinic_meets() -> None:
    assert clinic_day(DAYS[0], 5) == days(5)[0] != days(6)[0]
    guests = [g for day in days(5) for g in day.guests]
    booked = [g for g in guests if g.scheduled_at]
    walk_ins = [g for g in guests if not g.scheduled_at]
    assert {g.entry_class for g in guests} == {"booked", "walk_in", "urgent"}
    assert 0.05 < sum(not g.shows for g in booked) / len(booked) < 0.16
    assert all(g.shows for g in walk_ins)
    assert all(g.clinician for g in booked)
    assert {g.preference for g in walk_ins} == set(PreferenceKind)
    assert min(g.visit_s for g in guests) >= 60
    for day in days(5):
        late = [d for d in day.duties if d.begins_at - d.planned_from == LATE_START]
        assert len(late) == 1
        assert all(d.planned_from < d.rest[0] < d.rest[1] < d.planned_to for d in day.duties)
    assert {d.says_at is None for day in days(5) for d in day.duties} == {True, False}
    assert all(d.weekday() < 5 for d in weekdays(date(2025, 3, 7), 3))


def test_the_day_runs_by_the_rules() -> None:
    as_made = (clinic_day(day, SEED, busy=BUSY) for day in DAYS[:3])
    for made, stays in zip(as_made, run(), strict=True):
        duties = {d.number: d for d in made.duties}
        assert len(stays) > 0.9 * sum(g.shows for g in made.guests)
        served: dict[int, list[Stay]] = {n: [] for n in duties}
        for one in stays:
            assert not (one.called_at and one.left_at)
            if one.called_at is None or one.clinician is None:
                continue
            duty = duties[one.clinician]
            served[one.clinician].append(one)
            assert one.guest.service in duty.services
            assert duty.begins_at <= one.called_at
            assert not duty.rest[0] <= one.called_at < duty.rest[1]
            if one.guest.preference is PreferenceKind.ONLY:
                assert one.clinician == one.guest.clinician
        for mine in served.values():
            mine.sort(key=lambda s: s.called_at or NOW)
            for before, then in pairwise(mine):
                assert before.finished_at is not None
                assert then.called_at is not None
                assert before.finished_at <= then.called_at


def test_what_is_told_holds_better_than_a_mean_and_a_slip_is_told_before() -> None:
    found = figures(run()[:2], run()[2:])
    waited = found["waited"]
    assert waited["n"] > 60
    assert waited["mae_s"] < 0.8 * waited["mae_class_mean_s"]
    assert waited["cover_said"] > 0.7
    classes = found["classes"]
    assert set(classes) == {"everybody", "booked", "walk_in", "urgent"}
    everybody = classes["everybody"]
    assert everybody["now"]["n"] + everybody["range"]["n"] == everybody["all"]["n"]
    assert everybody["now"]["cover_80"] > 0.9
    assert 0.7 < everybody["range"]["cover_80"] < 0.9
    # Who was told before is calibrated by what came of it.
    assert any(s.told.raw_s != (s.told.low_s, s.told.high_s) for s in run()[2])
    assert found["revised"] < 0.25
    assert found["outran"] > 3
    assert found["outran_told_before"] > 0.5
    for one in (s for day in run()[2:] for s in day):
        if one.apologised_at:
            assert one.revised_at is not None
            assert one.revised_at < one.apologised_at


@pytest.mark.parametrize(
    ("median", "number", "has_range", "step"),
    [
        (600.0, 1, True, Step.KEEP),
        (601.0, 1, True, Step.REVISE),
        (601.0, 2, True, Step.APOLOGISE),
        (601.0, 3, False, Step.KEEP),
        (float("inf"), 1, True, Step.KEEP),
    ],
)
def test_a_range_is_told_anew_once_when_the_call_is_likelier_after_it(
    median: float, number: int, has_range: bool, step: Step
) -> None:
    high_at = NOW + timedelta(seconds=600) if has_range else None
    said = Quantiles(0.0, median, max(median, 900.0))
    assert next_step(said, NOW, number, high_at) is step
    assert next_step(None, NOW, number, high_at) is Step.KEEP

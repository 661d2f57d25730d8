"""Accuracy on a log: baselines as published, no look ahead, ranges that keep their word."""

import csv
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from click.testing import CliRunner, Result

from queueapp.cli import group
from queueapp.domain.passages import Passage, mended
from queueapp.integrations.visit_log import LogRow, write_log
from queueapp.waits import baselines
from queueapp.waits.backtest import OURS, NothingToScoreError, Told, backtest, figures, score
from queueapp.waits.floor import Floor, events
from tests.unit.made_days import DAY_S, FIRST_DAY, made_days

UTC = ZoneInfo("UTC")
RECORD = made_days(7, a_day=100)
TRAIN = [p for p in RECORD if p.arrived < FIRST_DAY + 5 * DAY_S]
TEST = [p for p in RECORD if p.arrived >= FIRST_DAY + 5 * DAY_S]
END = float("inf")


@pytest.fixture(scope="module")
def told() -> Told:
    return backtest(TRAIN, TEST, UTC)


def test_what_is_told_is_a_range_of_seconds_for_each_who_waited_and_was_served(told: Told) -> None:
    assert sorted(told.numbers) == sorted(p.number for p in TEST if p.counts)
    for name in (OURS, *baselines.NAMES):
        low, mid, high, mean = told.methods[name].T
        assert np.isfinite(told.methods[name]).all()
        assert (low >= 0).all()
        assert (high >= low).all()
        assert (mean >= 0).all()
        if name == OURS:
            assert ((low <= mid) & (mid <= high)).all()
    found = figures(told)["methods"]
    assert isinstance(found, dict)
    best = min(found[name]["mae_s"] for name in baselines.NAMES)
    assert found[OURS]["mae_s"] < best


def test_what_comes_later_changes_nothing_of_what_was_told(told: Told) -> None:
    turn = FIRST_DAY + 5 * DAY_S + 13 * 3600
    dice = random.Random(4)

    def other(at: float | None) -> float | None:
        return at if at is None or at <= turn else at + dice.uniform(1, 3000)

    altered = [
        replace(p, called=other(p.called), ended=other(p.ended), left=other(p.left))
        for p in TEST
        if p.arrived <= turn
    ]
    # Who was called after the turn is there no more, or is another's patient.
    altered = [
        replace(p, clinician=11) if p.called and p.called > turn and p.number % 2 else p
        for p in altered
    ]
    again = backtest(TRAIN, altered, UTC, limit_days=1)
    before = dict(zip(told.numbers, told.methods[OURS], strict=True))
    les = dict(zip(told.numbers, told.methods[baselines.LES], strict=True))
    told_by_then = [p.number for p in altered if p.counts]
    assert len(told_by_then) > 30
    for number, row, base in zip(
        again.numbers, again.methods[OURS], again.methods[baselines.LES], strict=True
    ):
        assert row.tolist() == before[number].tolist()
        assert base.tolist() == les[number].tolist()
    # So the same log gives the same figures. The control: what happened before the turn counts.
    earlier = [replace(p, called=p.called and p.called + 400) for p in altered]
    control = backtest(TRAIN, earlier, UTC, limit_days=1)
    assert control.methods[OURS].tolist() != again.methods[OURS].tolist()


def test_a_log_too_short_to_learn_from_is_told_widely() -> None:
    first, later = TRAIN[:40], [p for p in TRAIN if p.arrived > FIRST_DAY + DAY_S][:60]
    wide = backtest(first, later, UTC)
    said = score(wide.methods[OURS], wide.waits)
    assert said["cover_80"] > 60
    with pytest.raises(NothingToScoreError, match="training files"):
        backtest(later, first, UTC)


def test_baselines_are_those_published() -> None:
    """Two serve, one waits; worked out by hand."""
    record = [
        Passage(0, 1, "a", 0.0, 0.0, 0.0, 300.0, clinician=1),
        Passage(1, 1, "a", 100.0, 100.0, 300.0, 700.0, clinician=1),
        Passage(2, 1, "a", 150.0, 150.0, 350.0, None, clinician=2),
        Passage(3, 1, "a", 360.0, 360.0, left=900.0),
        Passage(4, 1, "a", 420.0, 420.0, 800.0, clinician=1),
    ]
    floor = Floor().tell_all(e for e in events(record) if e[0] <= 420 and e[3].number < 4)
    floor.now = 420.0
    seen = dict(zip(baselines.SEEN, baselines.seen(floor, record[4]), strict=True))
    assert seen[baselines.LES] == 200
    assert seen[baselines.HOL] == 60
    assert seen[baselines.ROLLING] == 200
    # (1 ahead + 1) x 300 s / 2 busy.
    assert seen[baselines.QUEUE] == 300
    points = np.array([[1.0, 1.0, 1.0, 100.0], [1.0, 1.0, 1.0, 200.0], [1.0, 1.0, 1.0, 400.0]])
    known = np.array([True, True, False])
    waits, hours = np.array([50.0, 150.0, 999.0]), np.array([9, 10, 9])
    said = baselines.told(points, hours, waits, known)
    # Least squares: (100 x 50 + 200 x 150) / (100² + 200²) = 0.7.
    assert said[baselines.RESCALED][:, 1] == pytest.approx([70, 140, 280])
    assert said[baselines.HOUR][:, 1].tolist() == [50, 150, 50]
    # Ratios 0.5 and 0.75 of the past: a tenth and nine tenths of the way.
    assert said[baselines.QUEUE][2] == pytest.approx([210, 400, 290])


def test_figures_are_worked_out_as_defined() -> None:
    said = np.array([[10.0, 20.0, 30.0, 25.0], [10.0, 20.0, 30.0, 25.0]])
    found = score(said, np.array([5.0, 28.0]))
    assert found == {
        "mae_s": 11.5, "rmse_s": pytest.approx(14.3, abs=0.01), "bias_s": 3.5, "cover_80": 50.0,
        "below": 50.0, "above": 0.0, "winkler_s": 45.0,
    }  # fmt: skip


def test_a_wait_no_clock_can_have_shown_is_none() -> None:
    wrong = Passage(1, 1, "a", 100.0, 100.0, 100.0 + 86398, 100.0 + 86398 + 60)
    [one] = mended([wrong])
    assert (one.called, one.ended, one.counts) == (100.0, 160.0, False)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(group, ["backtest", *arguments])

    return run


def test_the_command_takes_several_files_and_logs_without_finish_times(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    # Too few to learn a model from, which takes long: how well it tells is asserted above.
    parts = [TRAIN[:150], TRAIN[150:300], TEST]
    names = [str(tmp_path / f"{i}.csv.gz") for i in range(3)]
    for name, part in zip(names, parts, strict=True):
        write_log(Path(name), map(_row, part), "UTC")
    out = tmp_path / "figures.json"
    arguments = ["--train", *names[:2], "--test", names[2], "--limit-days", "1"]
    done = run(*arguments, "--class-credit", "urgent=600", "--json", str(out))
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert set(found["methods"]) == set(found["ahead_3_plus"]) == {OURS, *baselines.NAMES}
    assert found["n"] == sum(p.counts and p.arrived < FIRST_DAY + 6 * DAY_S for p in TEST)
    assert 0 < found["n_ahead_3_plus"] < found["n"]
    assert "mae_s" in done.output
    wrong = run(*arguments, "--class-credit", "urgent")
    assert wrong.exit_code == 2
    assert "priority=90" in wrong.output
    with (tmp_path / "empty.csv").open("w") as stream:
        csv.writer(stream).writerow(["entry_id", "service", "class", "arrived_at", "outcome"])
    none = run("--train", names[0], "--test", str(tmp_path / "empty.csv"))
    assert none.exit_code == 1
    assert "nobody who waited" in none.output


def test_a_log_of_call_in_times_alone_told_months_later(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    """No names, no ends, nobody knows when those who left did; some had a time."""
    names = []
    for name, part, days in (("train", TRAIN, 0), ("test", TEST, 240)):
        rows = [
            replace(
                row,
                clinician="",
                arrived_at=row.at + timedelta(days=days),
                called_at=row.called_at and row.called_at + timedelta(days=days),
                left_at=None,
                scheduled_at=row.at + timedelta(days=days, minutes=5) if n % 3 == 0 else None,
            )
            for n, row in enumerate(map(_row, part))
        ]
        assert any(row.outcome == "left_without_being_seen" for row in rows)
        names.append(str(tmp_path / f"{name}.csv"))
        write_log(Path(names[-1]), rows, "UTC")
    done = run("--train", names[0], "--test", names[1], "--limit-days", "1", "--json", "-")
    assert done.exit_code == 0, done.output

    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is no figure")

    found = json.loads(done.stdout, parse_constant=refuse)
    for methods in (found["methods"], found["ahead_3_plus"]):
        best = min(methods[name]["mae_s"] for name in baselines.NAMES)
        assert methods[OURS]["mae_s"] < 1.1 * best
        assert 60 < methods[OURS]["cover_80"] < 95
        # Those of whom nobody knows when they went do not wait for months.
        assert all(found["mean_wait_s"] * 5 > one["mae_s"] for one in methods.values())


def _row(one: Passage) -> LogRow:
    from datetime import UTC as utc
    from datetime import datetime

    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else datetime.fromtimestamp(round(seconds), utc)

    return LogRow(
        entry_id=str(one.number), service=f"service {one.service}", entry_class=one.entry_class,
        outcome="finished" if one.called else "left_without_being_seen",
        arrived_at=at(one.arrived), called_at=at(one.called), left_at=at(one.left),
        clinician=str(one.clinician or ""),
    )  # fmt: skip

"""How well promises are kept on made-up clinic days: coverage, error, revisions, fair warning."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import inf
from statistics import fmean, pstdev
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from queueapp.commands import base
from queueapp.commands.bench_machine import machine
from queueapp.commands.clinic_days import PLANNED_S, ZONE, ClinicDay, clinic_day, weekdays
from queueapp.commands.promise_figures import figures
from queueapp.commands.rehearsal import PLANNED_SERVICE_S, Rehearsal, Stay
from queueapp.domain.localtime import to_local
from queueapp.domain.outcomes import Place, Wait
from queueapp.domain.passages import Passage
from queueapp.domain.quantiles import Forecast
from queueapp.domain.snapshot import Habits, Served, Snapshot
from queueapp.waits.calibration import Calibrator, practised
from queueapp.waits.corrected import Taught, corrected
from queueapp.waits.durations import Durations, learn
from queueapp.waits.forecast import forecast
from queueapp.waits.kept import kept

FIRST = date(2025, 3, 3)
# Numbers of passages since the lesson begin here; the lesson is renewed after so many days.
_TODAY, _LESSON = 100_000, 5
_WIDE = 100


def history(days: Iterable[Sequence[Stay]]) -> list[Served]:
    """What durations are learned from."""
    return [
        Served(
            s.guest.service, s.guest.reason, s.candidate.entry_class, s.clinician, s.started_at,
            (s.finished_at - s.started_at).total_seconds(), s.walk_gap[1], s.walk_gap[0],
        )
        for day in days for s in day if s.started_at and s.finished_at
    ]  # fmt: skip


def habits(days: Sequence[Sequence[Stay]], made: Sequence[ClinicDay]) -> Habits:
    """What the days say of those who stay away, come late or come unannounced."""
    stays = [s for day in days for s in day]
    late = [
        (s.joined_at - s.guest.scheduled_at).total_seconds() for s in stays if s.guest.scheduled_at
    ]
    rate: dict[tuple[int, str, int], float] = defaultdict(float)
    for s in stays:
        if s.guest.scheduled_at is None:
            hour = to_local(ZONE, s.joined_at).hour
            rate[s.guest.service, s.candidate.entry_class, hour] += 1 / len(days)
    missed = sum(not g.shows for day in made for g in day.guests)
    starts = [
        (d.begins_at - d.planned_from).total_seconds() if d.says_at is None else 0.0
        for day in made for d in day.duties
    ]  # fmt: skip
    return Habits(
        no_show=missed / (len(late) + missed),
        lateness_s=(fmean(late), pstdev(late)),
        arrivals_per_hour=dict(rate),
        late_starts_s=tuple(sorted(starts)),
    )


def passages(stays: Iterable[Stay], now: datetime, first: int = 0) -> list[Passage]:
    """Waits as the learned part reads them, as they stand at `now`."""
    return [
        Passage(
            number=first + i,
            service=s.guest.service,
            entry_class=s.candidate.entry_class,
            arrived=s.joined_at.timestamp(),
            due=s.candidate.due_by.timestamp(),
            called=_by(s.called_at, now),
            ended=_by(s.finished_at, now),
            left=_by(s.left_at, now),
            clinician=s.clinician if _by(s.called_at, now) else None,
        )
        for i, s in enumerate(stays)
    ]


def _by(at: datetime | None, now: datetime) -> float | None:
    return at.timestamp() if at is not None and at <= now else None


def waits(stays: Iterable[Stay]) -> Iterator[Wait]:
    """What ranges are calibrated by: who was told one and was called, or still waits."""
    for s in stays:
        if s.told.raw_s is not None and s.left_at is None:
            low, high = s.told.raw_s
            place = Place(s.guest.service, s.candidate.entry_class, s.ahead).told(high)
            called = s.called_at.timestamp() if s.called_at else None
            yield Wait(place, s.joined_at.timestamp(), low, high, called)


@dataclass(slots=True)
class Teller:
    """Makes forecasts by what the days so far taught, as the worker does.

    `known` is what outcomes up to the last evening asked of the ranges.
    """

    durations: Durations
    draws: int
    taught: Taught | None = None
    since: list[Stay] = field(default_factory=list)
    known: Calibrator = field(default_factory=Calibrator)

    def __call__(self, snapshot: Snapshot, stays: list[Stay]) -> Forecast:
        made = forecast(snapshot, self.durations, draws=self.draws, seed=1)
        now = snapshot.taken_at
        if self.taught is not None:
            lately = passages([*self.since, *stays], now, first=_TODAY)
            made = corrected(made, snapshot, self.taught, lately)
        today = practised(waits(stays), now.timestamp(), self.known)
        return kept(made, snapshot, today)

    def end_of_day(self, stays: list[Stay]) -> None:
        """Take the day in."""
        self.since += stays
        self.known = practised((w for w in waits(stays) if w.called_at), inf, self.known)


def silent(snapshot: Snapshot, _stays: list[Stay]) -> Forecast:
    """A forecast of nothing: nobody is told anything on days that only teach."""
    return Forecast(0, snapshot.taken_at)


def rehearse(
    seed: int, train: int, test: int, *, busy: float = 1.0, draws: int = 60,
    learned: bool = False, every_s: float = 60.0, on_day: Callable[[], None] = lambda: None,
) -> list[list[Stay]]:  # fmt: skip
    """`train` days that teach and `test` days that are told by what the days before taught.

    From half of the train days on people are told already, so that outcomes calibrate. Lessons are
    learned anew every five days; `every_s` seconds lie between two looks at whether a promise still
    holds (each arrival is one too); `learned` puts the learned model on top.
    """
    days: list[list[Stay]] = []
    made: list[ClinicDay] = []
    told: Teller | None = None
    known = Habits()
    first = (train + 1) // 2
    for number, day in enumerate(weekdays(FIRST, train + test)):
        made.append(clinic_day(day, seed, busy=busy))
        if number == first or (number > first and (number - train) % _LESSON == 0):
            known = habits(days, made[:-1])
            lesson = learn(history(days), service_default_s=PLANNED_SERVICE_S, planned_s=PLANNED_S)
            outcomes = told.known if told else Calibrator()
            taught = _taught(days, made[-1].opens_at) if learned else None
            if taught:
                outcomes = taught.calibrator.with_now_of(outcomes)
            told = Teller(lesson, draws, taught, known=outcomes)
        every = timedelta(seconds=every_s) if number >= train else timedelta(days=1)
        run = Rehearsal(made[-1], known, told or silent, every)
        days.append(run.run())
        if told:
            told.end_of_day(days[-1])
        on_day()
    return days


def _taught(days: Sequence[Sequence[Stay]], now: datetime) -> Taught | None:
    from queueapp.waits.teaching import teach

    return teach(passages((s for d in days for s in d), now), ZoneInfo(ZONE), now.timestamp())


@click.command()
@click.option("--days", default=20, show_default=True, type=click.IntRange(1, 500))
@click.option("--train", default=10, show_default=True, type=click.IntRange(2, 100),
              help="Days before them that teach.")  # fmt: skip
@click.option("--seed", "seeds", multiple=True, default=(1,), show_default=True,
              type=click.IntRange(0), help="Given again: one more clinic.")  # fmt: skip
@click.option("--busy", default=1.0, show_default=True, help="Multiplies how many come.")
@click.option("--draws", default=60, show_default=True, type=click.IntRange(10, 5000))
@click.option("--every", "every_s", default=60.0, show_default=True,
              help="Seconds between two looks at whether promises still hold.")  # fmt: skip
@click.option("--learned", is_flag=True, help="With the model learned from waits on top.")
@base.json_option
def command(
    days: int, train: int, seeds: tuple[int, ...], busy: float, draws: int, every_s: float,
    learned: bool, json_file: str | None,
) -> None:  # fmt: skip
    """How well promises are kept on made-up clinic days, by the product's own rules.

    About ten seconds of a processor per day, two with `--every 36000` (looks at arrivals alone).
    """
    began = process_time()
    taught, told = [], []
    with base.progress() as bar:
        task = bar.add_task("Clinic days", total=len(seeds) * (train + days))
        for seed in seeds:
            run = rehearse(
                seed, train, days, busy=busy, draws=draws, learned=learned, every_s=every_s,
                on_day=lambda: bar.advance(task),
            )  # fmt: skip
            taught += run[:train]
            told += run[train:]
    found: dict[str, Any] = {
        "generated": True, "seeds": list(seeds), "train_days": train, "busy": busy,
        "draws": draws, "every_s": every_s, "learned": learned,
        "cpu_s": round(process_time() - began, 1),
    }  # fmt: skip
    found |= machine() | figures(taught, told)
    if json_file != "-":
        _show(found)
    base.write_json(json_file, found)


def _show(found: dict[str, Any]) -> None:
    waited = found["waited"]
    click.echo(
        f"Generated: {found['patients']} patients on {found['days']} days. Error of those who"
        f" waited {waited['mae_s']} s, class mean x position {waited['mae_class_mean_s']} s."
        f" Revised {found['revised']:.1%}; told before the first promise broke"
        f" {found['outran_told_before'] or 0:.1%} of {found['outran']}."
    )
    table = Table(box=None, title="In per cent; said: the range as it is told, in whole minutes")
    for name in ("class", "of those", "n", "inside 80 %", "below", "above", "said"):
        table.add_column(name, justify="right" if name not in ("class", "of those") else "left")
    for label, parts in found["classes"].items():
        for part, kept_ in parts.items():
            shares = (kept_[name] for name in ("cover_80", "below", "above", "cover_said"))
            cells = ("-" if one is None else f"{100 * one:.1f}" for one in shares)
            table.add_row(label, part, str(kept_["n"]), *cells)
    Console(width=_WIDE).print(table)

"""How well promises are kept on made-up clinic days: coverage, error, revisions, fair warning."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import fmean, pstdev
from typing import TextIO
from zoneinfo import ZoneInfo

import click

from queueapp.commands.clinic_days import PLANNED_S, ZONE, ClinicDay, clinic_day, weekdays
from queueapp.commands.promise_figures import figures
from queueapp.commands.rehearsal import PLANNED_SERVICE_S, Rehearsal, Stay
from queueapp.domain.localtime import to_local
from queueapp.domain.passages import Passage
from queueapp.domain.quantiles import Forecast
from queueapp.domain.snapshot import Habits, Served, Snapshot
from queueapp.waits.corrected import Taught, corrected
from queueapp.waits.durations import Durations, learn
from queueapp.waits.forecast import forecast

FIRST = date(2025, 3, 3)
# Numbers of passages since the lesson begin here; the lesson is renewed after so many days.
_TODAY, _LESSON = 100_000, 10


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


@dataclass(slots=True)
class Teller:
    """Makes forecasts by what the days so far taught, as the worker does."""

    durations: Durations
    draws: int
    taught: Taught | None = None
    since: list[Stay] = field(default_factory=list)

    def __call__(self, snapshot: Snapshot, stays: list[Stay]) -> Forecast:
        plain = forecast(snapshot, self.durations, draws=self.draws, seed=1)
        if self.taught is None:
            return plain
        now = snapshot.taken_at
        lately = passages([*self.since, *stays], now, first=_TODAY)
        return corrected(plain, snapshot, self.taught, lately)


def silent(snapshot: Snapshot, _stays: list[Stay]) -> Forecast:
    """A forecast of nothing: nobody is told anything on days that only teach."""
    return Forecast(0, snapshot.taken_at)


def rehearse(
    seed: int, train: int, test: int, *, busy: float = 1.0, draws: int = 60,
    learned: bool = False, every_s: float = 60.0,
) -> list[list[Stay]]:  # fmt: skip
    """`train` days that teach and `test` days that are told by what the days before taught.

    Lessons are learned anew every ten days; `every_s` seconds lie between two looks at whether a
    promise still holds (each arrival is one too); `learned` puts the learned model on top.
    """
    days: list[list[Stay]] = []
    made: list[ClinicDay] = []
    told: Teller | None = None
    known = Habits()
    for number, day in enumerate(weekdays(FIRST, train + test)):
        made.append(clinic_day(day, seed, busy=busy))
        if number >= train and (number - train) % _LESSON == 0:
            known = habits(days, made[:-1])
            lesson = learn(history(days), service_default_s=PLANNED_SERVICE_S, planned_s=PLANNED_S)
            told = Teller(lesson, draws, _taught(days, made[-1].opens_at) if learned else None)
        every = timedelta(seconds=every_s) if told else timedelta(days=1)
        run = Rehearsal(made[-1], known, told or silent, every)
        days.append(run.run())
        if told:
            told.since += days[-1]
    return days


def _taught(days: Sequence[Sequence[Stay]], now: datetime) -> Taught | None:
    from queueapp.waits.teaching import teach

    return teach(passages((s for d in days for s in d), now), ZoneInfo(ZONE), now.timestamp())


@click.command()
@click.option("--days", default=20, show_default=True, type=click.IntRange(1, 500))
@click.option("--train", default=10, show_default=True, type=click.IntRange(1, 100),
              help="Days before them that teach.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.option("--busy", default=1.0, show_default=True, help="Multiplies how many come.")
@click.option("--draws", default=60, show_default=True, type=click.IntRange(10, 5000))
@click.option("--every", "every_s", default=60.0, show_default=True,
              help="Seconds between two looks at whether promises still hold.")  # fmt: skip
@click.option("--learned", is_flag=True, help="With the model learned from waits on top.")
@click.option("--json", "out", type=click.File("w"), default="-", help="Where the figures go.")
def command(
    days: int, train: int, seed: int, busy: float, draws: int, every_s: float, learned: bool,
    out: TextIO,
) -> None:  # fmt: skip
    """How well promises are kept on made-up clinic days, by the product's own rules."""
    run = rehearse(
        seed, train, days, busy=busy, draws=draws, learned=learned, every_s=every_s
    )  # fmt: skip
    made = {"generated": True, "seed": seed, "train_days": train, "busy": busy, "draws": draws}
    json.dump(made | figures(run[:train], run[train:]), out, indent=1)
    out.write("\n")

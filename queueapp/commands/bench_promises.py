"""How well promises are kept on made-up clinic days: coverage, error, revisions, fair warning."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from statistics import fmean, pstdev
from typing import Any
from zoneinfo import ZoneInfo

from queueapp.commands.clinic_days import PLANNED_S, ZONE, clinic_day, weekdays
from queueapp.commands.rehearsal import PLANNED_SERVICE_S, Rehearsal, Stay
from queueapp.domain.localtime import to_local
from queueapp.domain.passages import Passage
from queueapp.domain.quantiles import Forecast
from queueapp.domain.snapshot import Habits, Served, Snapshot
from queueapp.waits.corrected import Taught, corrected
from queueapp.waits.durations import learn
from queueapp.waits.forecast import forecast

FIRST = date(2025, 3, 3)
Told = Callable[[Snapshot, list[Stay]], Forecast]
_DAY = timedelta(days=1)


def history(days: Iterable[Sequence[Stay]]) -> list[Served]:
    """What durations are learned from."""
    return [
        Served(
            s.guest.service, s.guest.reason, s.candidate.entry_class, s.clinician, s.started_at,
            (s.finished_at - s.started_at).total_seconds(), s.walk_gap[1], s.walk_gap[0],
        )
        for day in days for s in day if s.started_at and s.finished_at
    ]  # fmt: skip


def habits(days: Sequence[Sequence[Stay]], missed: int) -> Habits:
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
    return Habits(missed / (len(late) + missed), (fmean(late), pstdev(late)), dict(rate))


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


def rehearse(
    seed: int,
    train: int,
    test: int,
    *,
    busy: float,
    draws: int,
    learned: bool,
    every_s: float = 120.0,
) -> list[list[Stay]]:
    """Days `train` to `train + test`, told by what the days before taught."""
    days: list[list[Stay]] = []
    for number, day in enumerate(weekdays(FIRST, train + test)):
        made = clinic_day(day, seed, busy=busy)
        if number < train:
            # Nobody is told anything here, so that teaching days cost nothing.
            told: Told = lambda snapshot, _: Forecast(0, snapshot.taken_at)  # noqa: E731
            known = Habits()
        elif number == train or (number - train) % 10 == 0:
            durations = learn(
                history(days), service_default_s=PLANNED_SERVICE_S, planned_s=PLANNED_S
            )
            missed = sum(
                not g.shows for d in weekdays(FIRST, number)
                for g in clinic_day(d, seed, busy=busy).guests
            )  # fmt: skip
            known = habits(days, missed)
            taught = _taught(days, made.opens_at) if learned else None
            last = len(days)

            def told(snapshot: Snapshot, stays: list[Stay]) -> Forecast:
                plain = forecast(snapshot, durations, draws=draws, seed=1)
                if taught is None:
                    return plain
                lately = [s for d in days[last:] for s in d] + stays
                return corrected(
                    plain, snapshot, taught, passages(lately, snapshot.taken_at, 100_000)
                )

        every = timedelta(hours=24) if number < train else timedelta(seconds=every_s)
        days.append(Rehearsal(made, known, told, PLANNED_SERVICE_S, every).run())
    return days


def _taught(days: Sequence[Sequence[Stay]], now: datetime) -> Taught | None:
    from queueapp.waits.teaching import teach

    return teach(passages((s for d in days for s in d), now), ZoneInfo(ZONE), now.timestamp())


def figures(train: Sequence[Sequence[Stay]], test: Sequence[Sequence[Stay]]) -> dict[str, Any]:
    """Of the test days; the baseline's means are learned from the train days."""
    sums: dict[tuple[int, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for s in (s for d in train for s in d):
        if s.wait_s:
            row = sums[s.guest.service, s.candidate.entry_class]
            row[0] += s.wait_s
            row[1] += s.ahead + 1
    stays = [s for d in test for s in d]
    waited = [s for s in stays if s.wait_s]

    def point(s: Stay) -> float:
        total, places = sums[s.guest.service, s.candidate.entry_class]
        return total / max(places, 1) * (s.ahead + 1)

    def group(rows: list[Stay]) -> dict[str, Any]:
        waits = [s.wait_s or 0.0 for s in rows]
        pairs = list(zip(rows, waits, strict=True))
        return {
            "n": len(rows),
            "mean_wait_s": round(fmean(waits)),
            "cover_80": share(s.told.low_s <= w <= s.told.high_s for s, w in pairs),
            "below": share(w < s.told.low_s for s, w in pairs),
            "above": share(w > s.told.high_s for s, w in pairs),
            "cover_said": share(s.called_at and s.low_at <= s.called_at <= s.high_at for s in rows),
            "mae_s": round(fmean(abs(s.told.mid_s - w) for s, w in pairs), 1),
            "mae_class_mean_s": round(fmean(abs(point(s) - w) for s, w in pairs), 1),
            "width_s": round(fmean(s.told.high_s - s.told.low_s for s in rows)),
        }

    outran = [s for s in stays if (s.called_at or s.left_at or s.high_at) > s.high_at]
    found: dict[str, Any] = {
        "days": len(test),
        "patients": len(stays),
        "at_once": share(s.wait_s == 0 for s in stays),
        "called": share(bool(s.called_at) for s in stays),
        "waited": group(waited),
        "revised": share(s.revised_at is not None for s in stays),
        "apologised": share(s.apologised_at is not None for s in stays),
        "outran": len(outran),
        "outran_told_before": share(
            s.revised_at is not None and s.revised_at < s.high_at for s in outran
        ),
        "groups": {},
    }
    by: dict[str, list[Stay]] = defaultdict(list)
    for s in waited:
        by[f"class {s.candidate.entry_class}"].append(s)
        by[f"wish {s.candidate.entry_class} {s.guest.preference.value}"].append(s)
        by[f"service {s.guest.service}"].append(s)
        by[f"ahead {min(s.ahead, 6)}"].append(s)
        by[f"basis {s.told.basis}"].append(s)
    found["groups"] = {name: group(rows) for name, rows in sorted(by.items())}
    return found


def share(flags: Iterable[object]) -> float | None:
    """The share that is true, None of nothing."""
    kept = [bool(f) for f in flags]
    return round(sum(kept) / len(kept), 4) if kept else None

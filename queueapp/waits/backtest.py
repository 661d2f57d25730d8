"""Accuracy on a log: every method says what it would have said then, and is scored by what came."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.passages import Passage
from queueapp.waits import baselines
from queueapp.waits.correction import HIGH, LOW, MEAN, MID, Floats
from queueapp.waits.moments import day_begins, moments
from queueapp.waits.teaching import learned, raw_ranges, warmed

OURS = "queueapp"
FAR = 3
MISS_COSTS = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What was said of n waits, by method: (n, 4) p10, p50, p90 and mean, in seconds."""

    waits: Floats
    ahead: NDArray[np.intp]
    methods: dict[str, Floats]
    numbers: tuple[int, ...]


class NothingToScoreError(Exception):
    """The logs hold no wait to learn from or none to tell; the message says which."""


def backtest(
    train: Iterable[Passage],
    test: Iterable[Passage],
    zone: ZoneInfo,
    *,
    seed: int = 0,
    limit_days: int | None = None,
    on_replay: Callable[[int, int], None] = lambda done, total: None,
    on_day: Callable[[int, int], None] = lambda done, total: None,
) -> Told:
    """Tell each wait of `test` from what was known at that moment, learning anew after each day.

    `limit_days` keeps the first days of the test. Raises NothingToScoreError.
    """
    train, test = list(train), list(test)
    record = moments([*train, *test], zone, on_progress=on_replay)
    scored = np.isin(record.number, [p.number for p in test])
    days = np.unique(record.day[scored])[:limit_days]
    if not len(days):
        raise NothingToScoreError("The test files hold nobody who waited and was served.")
    known = record.known_by(day_begins(int(days[0]), zone))
    if not known.any():
        raise NothingToScoreError(
            "The training files hold nobody who waited and was served before the first test day."
        )
    teller = warmed(record, known, seed)
    told: dict[str, list[Floats]] = {name: [] for name in (OURS, *baselines.NAMES)}
    chosen = []
    for done, day in enumerate(days):
        on_day(done, len(days))
        known = record.known_by(day_begins(int(day), zone))
        today = np.flatnonzero(scored & (record.day == day))
        chosen.append(today)
        raw = raw_ranges(record, today, learned(record, known, seed))
        told[OURS].append(teller.tell(record, today, raw))
        others = baselines.told(record.seen, record.hour, record.waits, known)
        for name, said in others.items():
            told[name].append(said[today][:, [0, 1, 2, 1]])
    on_day(len(days), len(days))
    which = np.concatenate(chosen)
    return Told(
        waits=record.waits[which],
        ahead=record.ahead[which],
        methods={name: np.concatenate(parts) for name, parts in told.items()},
        numbers=tuple(int(n) for n in record.number[which]),
    )


def figures(told: Told) -> dict[str, object]:
    """The figures of a backtest as plain numbers, by method; the further ahead beside all."""
    far = told.ahead >= FAR
    found: dict[str, object] = {
        "n": len(told.waits),
        "n_ahead_3_plus": int(far.sum()),
        "mean_wait_s": round(float(told.waits.mean()), 1),
        "methods": {name: score(said, told.waits) for name, said in told.methods.items()},
    }
    if far.any():
        found["ahead_3_plus"] = {
            name: score(said[far], told.waits[far]) for name, said in told.methods.items()
        }
    return found


def score(said: Floats, waits: Floats) -> dict[str, float]:
    """One method's figures: the median for MAE and bias, the mean for RMSE; shares in per cent.

    The interval score (Winkler 1972; Gneiting & Raftery 2007) of an 80 % range is its width and ten
    times what it missed by.
    """
    low, mid, high, mean = (said[:, i] for i in (LOW, MID, HIGH, MEAN))
    below, above = waits < low, waits > high
    missed = np.maximum(low - waits, 0.0) + np.maximum(waits - high, 0.0)
    return {
        "mae_s": round(float(np.abs(mid - waits).mean()), 2),
        "rmse_s": round(float(np.sqrt(((mean - waits) ** 2).mean())), 2),
        "bias_s": round(float((mid - waits).mean()), 2),
        "cover_80": round(100 * float((~below & ~above).mean()), 2),
        "below": round(100 * float(below.mean()), 2),
        "above": round(100 * float(above.mean()), 2),
        "winkler_s": round(float((high - low + MISS_COSTS * missed).mean()), 2),
    }

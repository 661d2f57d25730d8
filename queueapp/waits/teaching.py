"""What is told for waits like these: the learned forecast, and ranges that keep their word."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.outcomes import Place, Wait
from queueapp.domain.passages import Passage
from queueapp.waits.calibration import Practice
from queueapp.waits.corrected import ENOUGH, Taught
from queueapp.waits.correction import HIGH, LOW, MANY, MEAN, MID, Correction, fit
from queueapp.waits.durations import Floats
from queueapp.waits.floor import Floor
from queueapp.waits.moments import Moments, moments

# Of a long history the share that is told by a model of the rest, to calibrate by; of a short one
# the parts that its days are dealt into.
HELD_BACK = 1 / 3
FOLDS = 3


def learned(moments: Moments, known: NDArray[np.bool_], seed: int) -> Correction | None:
    """The model for everything known; None while that is too little."""
    if int(known.sum()) < ENOUGH:
        return None
    return fit(moments.rows[known], moments.waits[known], seed=seed)


class Teller:
    """Tells ranges in the order of arrival; each outcome counts from when it was known."""

    def __init__(self) -> None:
        self.practice = Practice()

    def tell(self, moments: Moments, which: NDArray[np.intp], raw: Floats) -> Floats:
        """(n, 4) p10, p50, p90 and mean in seconds for some of the moments, in their order.

        `raw` (n, 4) is what the model says for them.
        """
        told = raw.copy()
        for row, i in enumerate(which):
            wait = Wait(
                Place(int(moments.service[i]), moments.entry_class[i], int(moments.ahead[i])),
                float(moments.arrived[i]),
                float(raw[row, LOW]),
                float(raw[row, HIGH]),
                float(moments.called[i]),
            )
            low, high = self.practice.tell(wait)
            told[row] = low, min(max(raw[row, MID], low), high), high, raw[row, MEAN]
        return told


def teach(
    passages: Iterable[Passage], zone: ZoneInfo, now: float, *, seed: int = 0
) -> Taught | None:
    """What these passages teach by `now` (seconds since 1970); None while they are too few."""
    floor = Floor()
    record = moments((p for p in passages if p.arrived < now), zone, floor=floor, until=now)
    known = record.known_by(now)
    correction = learned(record, known, seed)
    if correction is None:
        return None
    practice = warmed(record, known, seed).practice
    practice.catch_up(now)
    return Taught(correction, practice.calibrator, floor, zone, now, int(known.sum()))


def warmed(moments: Moments, known: NDArray[np.bool_], seed: int) -> Teller:
    """A teller that has practised on what is known, told by models that have not seen it.

    Of a long history the last third, by a model of the rest. A short one needs all of its days:
    each is told by a model of the others but those dealt with it (cross-conformal, Vovk 2015).
    """
    teller = Teller()
    days = np.unique(moments.day[known])
    if len(days) < 2:
        return teller
    waits = int(known.sum())
    if waits >= MANY:
        folds = [days[-max(round(len(days) * HELD_BACK), 1) :]]
    else:
        # Dealt by chance: every fifth of weekdays would be one day of the week.
        dealt = np.random.default_rng(seed).permutation(days)
        folds = [dealt[i::FOLDS] for i in range(min(FOLDS, len(days)))]
    raw = np.zeros((len(moments), 4))
    held = np.zeros(len(moments), dtype=np.bool_)
    for fold in folds:
        mine = known & np.isin(moments.day, fold)
        correction = learned(moments, known & ~mine, seed)
        if correction is None and waits >= ENOUGH:
            # What is told will come from a model: the closed form says nothing about that.
            continue
        which = np.flatnonzero(mine)
        raw[which] = raw_ranges(moments, which, correction)
        held |= mine
    later = np.flatnonzero(held)
    teller.tell(moments, later, raw[later])
    return teller


def raw_ranges(moments: Moments, which: NDArray[np.intp], correction: Correction | None) -> Floats:
    """(n, 4) p10, p50, p90 and mean by the model, or without any history, uncalibrated."""
    if correction is None or not len(which):
        cold = moments.cold[which]
        return np.column_stack([cold, cold[:, MID]])
    return correction.predict(moments.rows[which])

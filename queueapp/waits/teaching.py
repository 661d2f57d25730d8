"""What is told for waits like these: the learned forecast, and ranges that keep their word."""

import heapq
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.passages import Passage
from queueapp.waits.calibration import Calibrator
from queueapp.waits.corrected import ENOUGH, Taught
from queueapp.waits.correction import HIGH, LOW, MID, Correction, fit
from queueapp.waits.durations import Floats
from queueapp.waits.floor import Floor
from queueapp.waits.moments import Moments, moments

# The share of history that is told by a model which has not seen it, to calibrate by.
HELD_BACK = 1 / 3


def learned(moments: Moments, known: NDArray[np.bool_], seed: int) -> Correction | None:
    """The model for everything known; None while that is too little."""
    if int(known.sum()) < ENOUGH:
        return None
    return fit(moments.rows[known], moments.waits[known], seed=seed)


class Teller:
    """Tells ranges in the order of arrival; each outcome counts from when it was known."""

    def __init__(self) -> None:
        self.calibrator = Calibrator()
        self._pending: list[tuple[float, int, int, int, float, float, float]] = []

    def tell(
        self, moments: Moments, which: NDArray[np.intp], correction: Correction | None
    ) -> Floats:
        """(n, 4) p10, p50, p90 and mean in seconds for some of the moments, in their order."""
        told = _raw(moments, which, correction)
        for place, i in enumerate(which):
            self.catch_up(float(moments.arrived[i]))
            service, ahead = int(moments.service[i]), int(moments.ahead[i])
            raw_low, raw_high = float(told[place, LOW]), float(told[place, HIGH])
            low, high = self.calibrator.told(service, ahead, raw_low, raw_high)
            told[place, [LOW, HIGH]] = low, high
            told[place, MID] = min(max(told[place, MID], low), high)
            called, wait = float(moments.called[i]), float(moments.waits[i])
            outcome = (called, int(i), service, ahead, raw_low, raw_high, wait)
            heapq.heappush(self._pending, outcome)
        return told

    def catch_up(self, now: float) -> None:
        """Take in the outcomes known by `now`."""
        while self._pending and self._pending[0][0] <= now:
            _, _, service, ahead, low, high, wait = heapq.heappop(self._pending)
            self.calibrator.learn(service, ahead, low, high, wait)


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
    teller = warmed(record, known, seed)
    teller.catch_up(now)
    return Taught(correction, teller.calibrator, floor, zone, now, int(known.sum()))


def warmed(moments: Moments, known: NDArray[np.bool_], seed: int) -> Teller:
    """A teller that has practised on the last third of what is known, by a model of the rest."""
    teller = Teller()
    days = np.unique(moments.day[known])
    if len(days) < 2:
        return teller
    split = days[-max(round(len(days) * HELD_BACK), 1)]
    earlier = known & (moments.day < split)
    later = np.flatnonzero(known & (moments.day >= split))
    teller.tell(moments, later, learned(moments, earlier, seed))
    return teller


def _raw(moments: Moments, which: NDArray[np.intp], correction: Correction | None) -> Floats:
    if correction is None or not len(which):
        cold = moments.cold[which]
        return np.column_stack([cold, cold[:, MID]])
    return correction.predict(moments.rows[which])

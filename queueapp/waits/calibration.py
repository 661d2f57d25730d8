"""Ranges that keep their word: what was told is compared with what came, and the ends are moved.

Conformalised quantile regression (Romano, Patterson & Candès 2019) on the latest outcomes, each
side by itself, with the share that may miss adapted as they come in (Gibbs & Candès 2021), in steps
that grow smaller (Angelopoulos, Barber & Bates 2024). Outcomes are kept by service and number
ahead, so that the back of the line is as honest as the front.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from math import ceil, sqrt

MISS = 0.1
# How fast the share adapts: fast while outcomes are few, never slower than the second.
STEP, SLOWEST = 0.3, 0.005
KEPT = 1000
ENOUGH = 100
# Numbers ahead from which a group begins.
GROUPS = (0, 1, 2, 3, 6)


def group_of(ahead: int) -> int:
    """The group a number ahead belongs to."""
    return max(g for g in GROUPS if g <= max(ahead, 0))


@dataclass(slots=True)
class _Side:
    """One end of the range: how far outcomes lay beyond it, in widths of the range."""

    miss: float = MISS
    seen: int = 0
    latest: deque[float] = field(default_factory=deque)
    ordered: list[float] = field(default_factory=list)

    def offset(self) -> float:
        """How far the end has to move out, in widths; negative moves it in."""
        place = ceil((len(self.ordered) + 1) * (1.0 - self.miss)) - 1
        return self.ordered[min(max(place, 0), len(self.ordered) - 1)] if self.ordered else 0.0

    def learn(self, beyond: float) -> None:
        missed = beyond > self.offset()
        self.seen += 1
        step = max(STEP / sqrt(self.seen + 100), SLOWEST)
        self.miss = min(max(self.miss + step * (MISS - missed), 0.005), 0.4)
        self.latest.append(beyond)
        insort(self.ordered, beyond)
        if len(self.latest) > KEPT:
            del self.ordered[bisect_left(self.ordered, self.latest.popleft())]


class Calibrator:
    """Learns from outcomes in the order in which they become known."""

    def __init__(self) -> None:
        self._sides: dict[Hashable, tuple[_Side, _Side]] = {}

    def told(self, service: int, ahead: int, low: float, high: float) -> tuple[float, float]:
        """The range to tell for a raw one in seconds; 0 <= low <= high."""
        width = _width(low, high)
        for key in _keys(service, ahead):
            sides = self._sides.get(key)
            if sides is not None and len(sides[0].ordered) >= ENOUGH:
                below, above = sides
                first, last = low - width * below.offset(), high + width * above.offset()
                first = max(min(first, last), 0.0)
                return first, max(first, last)
        return max(low, 0.0), max(high, 0.0)

    def learn(self, service: int, ahead: int, low: float, high: float, wait: float) -> None:
        """Take in how long one waited, for whom the raw range was from `low` to `high`."""
        width = _width(low, high)
        for key in _keys(service, ahead):
            below, above = self._sides.setdefault(key, (_Side(), _Side()))
            below.learn((low - wait) / width)
            above.learn((wait - high) / width)


def _keys(service: int, ahead: int) -> Iterator[Hashable]:
    """From the closest group to everybody."""
    group = group_of(ahead)
    yield service, group
    yield group
    yield None


def _width(low: float, high: float) -> float:
    return max(high - low, 10.0)

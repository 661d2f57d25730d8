"""Which of a row of shares is out of the ordinary, and which is only noise."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

_SIDE = 8
_SIGMAS = 3.0
# The mean distance of two neighbours, in standard deviations, where nothing but chance is at work.
_NEIGHBOURS = 1.128
_ENOUGH = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """Between `low` and `high` (0-1) a share is ordinary; `signal` says why it is not."""

    low: float
    high: float
    signal: str = ""


def limits(counts: Sequence[tuple[int, int]]) -> list[Limits]:
    """Laney's p′ limits for (hits, of) per period, each `of` above 0; none below six periods.

    The middle is the share of all periods together, per event. Days differ by more than the dice
    do, so the width follows how far neighbours lie apart, never less than chance alone.
    """
    if len(counts) < _ENOUGH:
        return []
    middle = share_of_all(counts)
    widths = [sqrt(middle * (1 - middle) / of) or 1e-9 for _, of in counts]
    far = [(h / of - middle) / w for (h, of), w in zip(counts, widths, strict=True)]
    apart = fmean(abs(b - a) for a, b in itertools.pairwise(far)) / _NEIGHBOURS
    found = []
    for n, ((hits, of), width) in enumerate(zip(counts, widths, strict=True)):
        half = _SIGMAS * width * max(apart, 1.0)
        low, high = max(0.0, middle - half), min(1.0, middle + half)
        last = far[max(0, n - _SIDE + 1) : n + 1]
        run = len(last) == _SIDE and (all(z > 0 for z in last) or all(z < 0 for z in last))
        outside = not low <= hits / of <= high
        found.append(Limits(low, high, "outside" if outside else "run" if run else ""))
    return found


def share_of_all(counts: Sequence[tuple[int, int]]) -> float:
    """The share of all periods together, per event; 0 without any."""
    everyone = sum(of for _, of in counts)
    return sum(hits for hits, _ in counts) / everyone if everyone else 0.0

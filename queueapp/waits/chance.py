"""Random numbers that belong to somebody: the same person keeps theirs from forecast to forecast.

Common random numbers (Glasserman & Yao 1992): a quote then changes because the queue changed, not
because the dice were thrown again, and one person more never shuffles the others' luck.
"""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from queueapp.waits.durations import LEVELS, Floats

Words = NDArray[np.uint32]
# Whose streams: what each is for, and whose.
Owners = Sequence[tuple["Stream", int]]
_STEP = LEVELS.bit_length() - 1
_MOST_BEFORE = 4096
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIXING = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


class Stream(IntEnum):
    """What a stream of random numbers is for."""

    ENTRY = 1
    EXPECTED = 3
    ARRIVALS = 4
    SHIFT = 5
    DAY = 6
    JOIN = 7
    ARRIVED = 8
    ELSEWHERE = 9
    COMING = 10
    LATENESS = 11
    PATIENCE = 12
    PATIENCE_TO_COME = 13


class Part(IntEnum):
    """Which of the three levels that lie in one word."""

    WALK = 0
    VISIT = 1
    GAP = 2


def stream(seed: int, kind: Stream, number: int) -> np.random.Generator:
    """The stream of one person, shift or kind of arrival; `seed` and `number` are >= 0."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, number, int(kind)]))


def words(seed: int, owners: Owners, draws: int) -> Words:
    """One random word per owner and draw (N, D): the first of each owner's stream.

    SplitMix64 (Steele, Lea & Flood 2014), all streams at once: each begins at a place of the cycle
    of 2**64 that seed, kind and number say.
    """
    start = np.full(len(owners), seed, dtype=np.uint64)
    for part in np.array(owners, dtype=np.uint64).reshape(-1, 2).T:
        start = _mixed((start + part) * _GOLDEN)
    found = start[:, None] + _GOLDEN * np.arange(1, (draws + 1) // 2 + 1, dtype=np.uint64)
    return _mixed(found).view(np.uint32)[:, :draws]


def _mixed(found: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The words that far apart places of the cycle stand for; `found` is used up."""
    for shift, factor in _MIXING:
        found ^= found >> shift
        found *= factor
    found ^= found >> np.uint64(31)
    return found


def levels(found: Words, part: Part) -> NDArray[np.uint32]:
    """Indices into a table of LEVELS quantiles, of words' shape; the parts are independent."""
    levels: NDArray[np.uint32] = (found >> np.uint32(_STEP * part)) & np.uint32(LEVELS - 1)
    return levels


def shares(found: Words) -> Floats:
    """Uniform numbers in [0, 1), of words' shape."""
    uniform: Floats = found * np.float64(2.0**-32)
    return uniform


def number_of(kind: int, index: int) -> int:
    """The stream number of the `index`-th arrival of a kind."""
    return kind * _MOST_BEFORE + index

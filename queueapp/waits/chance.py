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

    One generator is set to the start of each stream in turn: making one takes longer than using it.
    """
    found = np.empty((len(owners), draws), dtype=np.uint32)
    dice = np.random.Philox(key=seed)
    state = dice.state
    for row, (kind, number) in zip(found, owners, strict=True):
        state["state"]["counter"][:] = (0, 0, number, int(kind))
        dice.state = state
        row[:] = dice.random_raw((draws + 1) // 2).view(np.uint32)[:draws]
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

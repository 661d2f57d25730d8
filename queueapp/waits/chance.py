"""Random numbers that belong to somebody: the same person keeps theirs from forecast to forecast.

Common random numbers (Glasserman & Yao 1992): a quote then changes because the queue changed, not
because the dice were thrown again, and one person more never shuffles the others' luck.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from queueapp.waits.durations import LEVELS


class Stream(IntEnum):
    """What a stream of random numbers is for."""

    ENTRY = 1
    EXPECTED = 3
    ARRIVALS = 4
    SHIFT = 5
    DAY = 6
    JOIN = 7
    WALKS = 8
    VISITS = 9
    GAPS = 10


def stream(seed: int, kind: Stream, number: int) -> np.random.Generator:
    """The stream of one person, shift or kind of arrival; `seed` and `number` are >= 0."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, number, int(kind)]))


def levels(generator: np.random.Generator, rows: int, draws: int) -> NDArray[np.uint16]:
    """Indices (rows, draws) into a table of LEVELS quantiles."""
    return generator.integers(0, LEVELS, size=(rows, draws), dtype=np.uint16)

"""Random numbers that belong to somebody: the same person keeps theirs from forecast to forecast.

Common random numbers (Glasserman & Yao 1992): a quote then changes because the queue changed, not
because the dice were thrown again, and one person more never shuffles the others' luck.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from queueapp.waits.durations import LEVELS, Floats

Words = NDArray[np.uint32]
Number = TypeVar("Number", np.float32, np.float64)
# Whose streams: what they are for, and whose.
Owners = Sequence[tuple["Stream", Sequence[int]]]
# So many are mixed at a time: what lies near the processor is mixed twice as fast.
_AT_ONCE = 64
_STEP = LEVELS.bit_length() - 1
_MOST_BEFORE = 4096
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIXING = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST_SHIFT = np.uint64(31)


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
    return next(streams(seed, kind, [number]))


def streams(seed: int, kind: Stream, numbers: Iterable[int]) -> Iterator[np.random.Generator]:
    """The streams of several, each at an end when the next one begins."""
    bits = np.random.Philox(key=seed)
    chance, begins = np.random.Generator(bits), bits.state
    for number in numbers:
        begins["state"]["counter"] = np.array([0, 0, number, kind], dtype=np.uint64)
        bits.state = begins
        yield chance


def words(seed: int, owners: Owners, draws: int) -> Words:
    """One random word per owner and draw (N, D): the first of each owner's stream.

    SplitMix64 (Steele, Lea & Flood 2014), all streams at once: each begins at a place of the cycle
    of 2**64 that seed, kind and number say.
    """
    start = np.array([kind for kind, _ in owners], dtype=np.uint64)
    start += np.uint64(seed)
    start *= _GOLDEN
    _mix(start)
    start = start.repeat([len(whose) for _, whose in owners])
    start += np.array([n for _, whose in owners for n in whose], dtype=np.uint64)
    start *= _GOLDEN
    _mix(start)
    steps = _GOLDEN * np.arange(1, (draws + 1) // 2 + 1, dtype=np.uint64)
    found = np.empty((len(start), len(steps)), dtype=np.uint64)
    for first in range(0, len(start), _AT_ONCE):
        some = found[first : first + _AT_ONCE]
        np.add(start[first : first + _AT_ONCE, None], steps, out=some)
        _mix(some)
    return found.view(np.uint32)[:, :draws]


def _mix(places: NDArray[np.uint64]) -> None:
    """Change places of the cycle, however near each other, to the words they stand for."""
    for shift, factor in _MIXING:
        places ^= places >> shift
        places *= factor
    places ^= places >> _LAST_SHIFT


def pick(
    tables: NDArray[Number], found: Words, part: Part, table: Sequence[int] | None = None
) -> NDArray[Number]:
    """What the words say, of their shape (N, D); the parts of one word are independent.

    `tables` are LEVELS quantiles each, one after the other; `table` (N,) says whose is which.
    """
    first = _STEP * part
    level = found & np.uint32((LEVELS - 1) << first)
    if first:
        level >>= np.uint32(first)
    if table is not None:
        level += np.array(table, dtype=np.uint32)[:, None] * np.uint32(LEVELS)
    # None is out of range; this way of making sure takes the least time.
    return tables.take(level, mode="wrap")


def shares(found: Words) -> Floats:
    """Uniform numbers in [0, 1), of words' shape."""
    uniform: Floats = found * np.float64(2.0**-32)
    return uniform


def number_of(kind: int, index: int) -> int:
    """The stream number of the `index`-th arrival of a kind."""
    return kind * _MOST_BEFORE + index

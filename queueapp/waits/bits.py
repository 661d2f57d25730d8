"""Sets as bits of whole words, the lowest being the first in order; moments that say whose."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]
WORD = 64
ONE = np.uint64(1)
_LOW = np.array([(1 << n) - 1 for n in range(WORD + 1)], dtype=np.uint64)


def words_for(count: int) -> int:
    """How many words hold so many; at least one."""
    return max(-(-count // WORD), 1)


def pack(members: NDArray[np.bool_ | np.uint8]) -> list[Bits]:
    """Words (…), first ones first, of sets (…, n); n is a multiple of WORD."""
    sets = np.packbits(members, bitorder="little").view(np.dtype("<u8"))
    sets = sets.reshape(*members.shape[:-1], members.shape[-1] // WORD)
    return [np.ascontiguousarray(sets[..., w]) for w in range(sets.shape[-1])]


def unpack(words: Sequence[Bits]) -> NDArray[np.bool_]:
    """The sets (N, n) of words (N,) each: what `pack` was given."""
    sets = words[0][:, None] if len(words) == 1 else np.stack(words, axis=1)
    sets = sets.astype(np.dtype("<u8"), copy=False)
    return np.unpackbits(sets.view(np.uint8), axis=1, bitorder="little").view(np.bool_)


def low(count: NDArray[np.intp]) -> Bits:
    """Words in which so many of the lowest bits are set, all for more than there are."""
    return _LOW.take(count, mode="clip")


def lowest(words: Sequence[Bits]) -> tuple[NDArray[np.intp], list[Bits]]:
    """The first member of each set, one beyond the last place for none, and it alone as words."""
    bit = words[0] & -words[0]
    place: NDArray[np.intp] = np.bitwise_count(bit - ONE).astype(np.intp)
    bits = [bit]
    for n, word in enumerate(words[1:], 1):
        none = place == n * WORD
        bit = (word & -word) * none
        place += np.bitwise_count(bit - ONE) * none
        bits.append(bit)
    return place, bits


class Stamp:
    """Moments (seconds >= 0) as whole numbers that compare like them, with one of `count` numbers.

    They are the bits of a float with the number in the lowest ones: the least is at once the moment
    and whose it is. What that costs in precision is less than a microsecond in a day.
    """

    def __init__(self, count: int) -> None:
        self._numbers = np.int64((1 << max(count - 1, 1).bit_length()) - 1)
        self._moments = np.int64(~self._numbers)

    def put(self, at: NDArray[np.float64], number: NDArray[np.intp]) -> NDArray[np.int64]:
        """Moments, never earlier than they were, with their numbers."""
        bits = at.view(np.int64) + self._numbers
        bits &= self._moments
        bits |= number
        return bits

    def read(self, stamped: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """The moments and the numbers."""
        return (stamped & self._moments).view(np.float64), stamped & self._numbers

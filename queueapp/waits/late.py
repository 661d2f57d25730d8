"""Those whose place in the order differs from draw to draw: the booked to come, who may turn up.

They stand in calling order, draw by draw. In a step few draws have one of them who is called before
the first of the others: all draws are asked for that at once, and only these few looked at closely.
"""

from collections.abc import Iterable
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from queueapp.waits.bits import WORD, Bits, low, lowest, pack, unpack, words_for
from queueapp.waits.durations import Singles
from queueapp.waits.plan import Plan

Places = NDArray[np.intp]


class Late:
    """The late columns of a plan in D draws, in order (D, P).

    `rank` says who (by number among the late), `free` and `release` from when, `latest` when both
    are over; single precision keeps all of it near the processor. `ahead` are those called before
    each place of the fixed.
    """

    def __init__(self, plan: Plan) -> None:
        self.size, draws = plan.late_key.shape
        self.plan = plan
        self.width = words_for(self.size) * WORD
        self.draws = draws
        self.starts = np.arange(draws) * self.width
        # Nobody's place among the fixed is behind all of theirs.
        self.fixed = words_for(len(plan.fixed)) * WORD + 1
        self.ahead_starts = np.arange(draws) * self.fixed
        self.has_held = bool(plan.late_release.size)
        shape = (draws, self.width)
        self.key = plan.late_key.T.copy()
        self.free_by_number = plan.late_free.T.astype(np.float32)
        self.release_by_number = plan.late_release.T.astype(np.float32)
        self.rank = np.full(shape, self.size, dtype=np.int16)
        self.free: Singles = np.full(shape, np.inf, dtype=np.float32)
        self.release: Singles = np.full(shape if self.has_held else (0, 0), -np.inf, np.float32)
        count = self.width // WORD
        kinds = len(plan.late_fits)
        self.latest = self.free.copy() if self.has_held else self.free
        self.ahead: list[Bits] = [np.zeros((draws, self.fixed), np.uint64) for _ in range(count)]
        self.alive: list[Bits] = [np.zeros(draws, np.uint64) for _ in range(count)]
        self.fits: list[Bits] = [np.zeros((kinds, draws), np.uint64) for _ in range(count)]
        self.held: list[Bits] = [np.zeros((kinds, draws), np.uint64) for _ in range(count)]
        self.kind_starts = plan.kind * draws
        if self.size:
            self.lay_out(slice(None), np.ones((draws, self.size), dtype=bool))

    def lay_out(self, rows: Places | slice, there: NDArray[np.bool_]) -> None:
        """Put `rows` in the order of their keys; `there` (n, B) says who has not been called."""
        plan, size = self.plan, self.size
        keys = self.key[rows]
        rank = np.argsort(keys, axis=1)
        places = np.arange(len(keys))[:, None]
        spots = rank + places * size
        self.rank[rows, :size] = rank
        # Where in the order of the fixed each stands: between two of them the same are ahead.
        after = np.zeros((len(keys), size + 2), dtype=np.int32)
        after[:, 1:-1] = plan.fixed_key.searchsorted(keys.take(spots))
        after[:, -1] = self.fixed
        lasts = np.diff(after, axis=1).ravel()
        for n, ahead in enumerate(self.ahead):
            counted = np.tile(low(np.arange(size + 1) - n * WORD), len(keys))
            ahead[rows] = counted.repeat(lasts).reshape(len(keys), self.fixed)
        free = self.free_by_number[rows].take(spots)
        self.free[rows, :size] = free
        if self.has_held:
            release = self.release_by_number[rows].take(spots)
            self.release[rows, :size] = release
            self.latest[rows, :size] = np.maximum(free, release)
        members = np.zeros((len(keys), self.width), dtype=bool)
        members[:, :size] = there.take(spots) & (free < np.inf)
        for word, alive in zip(pack(members), self.alive, strict=True):
            alive[rows] = word
        for sets, of_all in ((self.fits, plan.late_fits), (self.held, plan.late_held)):
            for first in range(0, len(of_all), 8):
                kinds = np.packbits(of_all[first : first + 8], axis=0, bitorder="little")[0]
                here = np.zeros((len(keys), self.width), dtype=np.uint8)
                here[:, :size] = kinds.take(rank)
                for n in np.flatnonzero(of_all[first : first + 8].any(axis=1)).tolist():
                    for word, mine in zip(pack((here & np.uint8(1 << n)) != 0), sets, strict=True):
                        mine[first + n, rows] = word

    def before(
        self, rows: Places, place: Places, server: Places, now: Singles
    ) -> tuple[Places, Places]:
        """Where in `rows` one of these is called before the fixed one at `place`; whose columns.

        `server` calls at the moment `now` (each (n,)); who is called is taken out.
        """
        slot = self.kind_starts.take(server)
        slot += rows
        spot = self.ahead_starts.take(rows)
        spot += place
        words = self._candidates(rows, slot)
        for word, ahead in zip(words, self.ahead, strict=True):
            word &= ahead.take(spot)
        found = reduce(np.bitwise_or, words).nonzero()[0]
        if not len(found):
            return found, found
        ids, words = rows[found], [word[found] for word in words]
        first, bits = lowest(words)
        first += self.starts.take(ids)
        shut = (self.latest.take(first) > now[found]).nonzero()[0]
        if len(shut):
            asked = found[shut]
            is_open = self._open(ids[shut], slot[asked], now[asked])
            for word, mine in zip(words, is_open, strict=True):
                word[shut] &= mine
            first, bits = lowest(words)
            some = (first < self.width).nonzero()[0]
            found, ids, bits = found[some], ids[some], [bit[some] for bit in bits]
            first = first[some] + self.starts.take(ids)
        for alive, bit in zip(self.alive, bits, strict=True):
            alive[ids] ^= bit
        return found, self.plan.late.take(self.rank.take(first))

    def _open(self, rows: Places, slot: Places, at: Singles) -> list[Bits]:
        """Who may be called at a moment (n,) by a server of a kind."""
        now = at[:, None]
        words = pack(self.free[rows] <= now)
        if self.has_held:
            shut = pack(self.release[rows] > now)
            words = [
                w & ~(h.take(slot) & s) for w, h, s in zip(words, self.held, shut, strict=True)
            ]
        return words

    def _candidates(self, rows: Places, slot: Places) -> list[Bits]:
        return [f.take(slot) & a.take(rows) for f, a in zip(self.fits, self.alive, strict=True)]

    def soonest(self, rows: Places, server: Places) -> Singles:
        """When the first of those still to be called may be, at the earliest (n,)."""
        slot = self.kind_starts.take(server)
        slot += rows
        words = self._candidates(rows, slot)
        gate = self.free[rows]
        if self.has_held:
            held = unpack([h.take(slot) for h in self.held])
            np.maximum(gate, self.release[rows], out=gate, where=held)
        soonest: Singles = np.where(unpack(words), gate, np.float32(np.inf)).min(axis=1)
        return soonest

    def there(self, rows: Places) -> NDArray[np.bool_]:
        """Who has not been called, by number among the late (n, B)."""
        found = np.zeros((len(rows), self.size + 1), dtype=bool)
        here = unpack([a[rows] for a in self.alive])
        np.put_along_axis(found, self.rank[rows].astype(np.intp), here, axis=1)
        # Who never can be called is left out of those that are looked at, but is there.
        there: NDArray[np.bool_] = found[:, : self.size] | (self.free_by_number[rows] == np.inf)
        return there

    def hold(self, row: int, others: Iterable[int], until: float) -> None:
        """These (by number among the late) may not be called in one draw before `until`."""
        for one in others:
            place = int(np.flatnonzero(self.rank[row] == one)[0])
            self.free[row, place] = max(self.free[row, place], np.float32(until))
            self.latest[row, place] = max(self.latest[row, place], self.free[row, place])
            self.free_by_number[row, one] = self.free[row, place]

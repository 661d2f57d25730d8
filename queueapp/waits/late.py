"""Those whose place in the order differs from draw to draw: the booked to come, who may turn up.

They stand in calling order, draw by draw. Few of them are ahead of the first of the others, so they
are looked at one by one, and all at once only where that one is not there yet.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from queueapp.waits.bits import ONE, WORD, Bits, lowest, pack, unpack, words_for
from queueapp.waits.durations import Singles
from queueapp.waits.plan import Plan

Places = NDArray[np.intp]


class Late:
    """The late columns of a plan in D draws, in order (D, P) and a place that is nobody's.

    `rank` says who (by number among the late), `after` how many of the fixed are called before,
    `free` and `release` from when; single precision keeps all of it near the processor.
    """

    def __init__(self, plan: Plan) -> None:
        self.size, draws = plan.late_key.shape
        self.plan = plan
        self.width = words_for(self.size) * WORD
        self.draws, self.rows = draws, np.arange(draws)
        self.starts = self.rows * (self.width + 1)
        self.has_held = bool(plan.late_release.size)
        shape = (draws, self.width)
        self.key = plan.late_key.T.copy()
        self.free_by_number = plan.late_free.T.astype(np.float32)
        self.release_by_number = plan.late_release.T.astype(np.float32)
        self.rank = np.full((draws, self.width + 1), self.size, dtype=np.int16)
        self.after = np.full((draws, self.width + 1), np.iinfo(np.int16).max, dtype=np.int16)
        self.free: Singles = np.full(shape, np.inf, dtype=np.float32)
        self.release: Singles = np.full(shape if self.has_held else (0, 0), -np.inf, np.float32)
        self.lead = np.zeros(draws, dtype=np.int16)
        count = self.width // WORD
        kinds = len(plan.late_fits)
        self.alive: list[Bits] = [np.zeros(draws, np.uint64) for _ in range(count)]
        self.fits: list[Bits] = [np.zeros((kinds, draws), np.uint64) for _ in range(count)]
        self.held: list[Bits] = [np.zeros((kinds, draws), np.uint64) for _ in range(count)]
        self.columns = np.append(plan.late, plan.visit.shape[0])
        if self.size:
            self.lay_out(np.arange(draws), np.ones((draws, self.size), dtype=bool))

    def lay_out(self, rows: Places, there: NDArray[np.bool_]) -> None:
        """Put `rows` in the order of their keys; `there` (n, B) says who has not been called."""
        plan, size = self.plan, self.size
        keys = self.key[rows]
        rank = np.argsort(keys, axis=1)
        spots = rank + np.arange(len(rows))[:, None] * size
        self.rank[rows, :size] = rank
        self.after[rows, :size] = plan.fixed_key.searchsorted(keys.take(spots))
        free = self.free_by_number[rows].take(spots)
        self.free[rows, :size] = free
        if self.has_held:
            self.release[rows, :size] = self.release_by_number[rows].take(spots)
        self.lead[rows] = 0
        members = np.zeros((len(rows), self.width), dtype=bool)
        members[:, :size] = there.take(spots) & (free < np.inf)
        for word, alive in zip(pack(members), self.alive, strict=True):
            alive[rows] = word
        for sets, of_all in ((self.fits, plan.late_fits), (self.held, plan.late_held)):
            for first in range(0, len(of_all), 8):
                kinds = np.packbits(of_all[first : first + 8], axis=0, bitorder="little")[0]
                here = np.zeros((len(rows), self.width), dtype=np.uint8)
                here[:, :size] = kinds.take(rank)
                for n in np.flatnonzero(of_all[first : first + 8].any(axis=1)):
                    for word, mine in zip(pack((here & np.uint8(1 << n)) != 0), sets, strict=True):
                        mine[first + n, rows] = word

    def look_ahead(self, rows: Places) -> None:
        """Note where the first of these stand in some draws, so that the others need no look."""
        first, _ = lowest([a.take(rows) for a in self.alive])
        self.lead[rows] = self.after.take(first + self.starts.take(rows))

    def before(
        self, rows: Places, place: Places, kind: Places, now: Singles
    ) -> tuple[Places, NDArray[np.int16]]:
        """Where in `rows` one of these is called before the fixed one at `place`; whose numbers.

        `kind` is the server's, `now` the moment (each (n,)); who is called is taken out.
        """
        place = place.astype(np.int16)
        near = (self.lead.take(rows) <= place).nonzero()[0]
        if not len(near):
            return near, self.rank[near, 0]
        ids, place, kind, now = rows[near], place[near], kind[near], now[near]
        slot = kind * self.draws
        slot += ids
        first, _ = lowest(self._candidates(ids, slot))
        spot = first + self.starts.take(ids)
        gate = spot - ids
        ahead = self.after.take(spot) <= place
        is_open = self.free.take(gate, mode="clip") <= now
        if self.has_held:
            held = ((self.release.take(gate, mode="clip") > now) & ahead).nonzero()[0]
            if len(held):
                asked = kind[held] * self.size + self.rank.take(spot[held])
                is_open[held] &= ~self.plan.late_held.take(asked)
        shut = (ahead & ~is_open).nonzero()[0]
        if len(shut):
            first[shut] = self._first_open(ids[shut], slot[shut], now[shut])
            spot[shut] = first[shut] + self.starts.take(ids[shut])
            ahead[shut] = self.after.take(spot[shut]) <= place[shut]
        found = ahead.nonzero()[0]
        self._take_out(ids[found], first[found])
        return near[found], self.rank.take(spot[found])

    def _first_open(self, rows: Places, slot: Places, at: Singles) -> Places:
        now = at[:, None]
        is_open = pack(self.free[rows] <= now)
        words = [w & o for w, o in zip(self._candidates(rows, slot), is_open, strict=True)]
        if self.has_held:
            shut = pack(self.release[rows] > now)
            words = [
                w & ~(h.take(slot) & s) for w, h, s in zip(words, self.held, shut, strict=True)
            ]
        return lowest(words)[0]

    def _candidates(self, rows: Places, slot: Places) -> list[Bits]:
        return [f.take(slot) & a.take(rows) for f, a in zip(self.fits, self.alive, strict=True)]

    def soonest(self, rows: Places, kind: Places) -> Singles:
        """When the first of those still to be called may be, at the earliest (n,)."""
        slot = kind * self.draws + rows
        words = self._candidates(rows, slot)
        gate = self.free[rows]
        held = [h.take(slot) & w for h, w in zip(self.held, words, strict=True)]
        if any(word.any() for word in held):
            np.maximum(gate, self.release[rows], out=gate, where=unpack(held))
        gate[~unpack(words)] = np.inf
        soonest: Singles = gate.min(axis=1)
        return soonest

    def _take_out(self, rows: Places, place: Places) -> None:
        if len(self.alive) == 1:
            self.alive[0][rows] ^= ONE << place.astype(np.uint64)
            return
        for n, alive in enumerate(self.alive):
            mine = place // WORD == n
            alive[rows[mine]] ^= ONE << (place[mine] - n * WORD).astype(np.uint64)

    def there(self, rows: Places) -> NDArray[np.bool_]:
        """Who has not been called, by number among the late (n, B)."""
        found = np.zeros((len(rows), self.size + 1), dtype=bool)
        here = unpack([a[rows] for a in self.alive])
        np.put_along_axis(found, self.rank[rows, : self.width].astype(np.intp), here, axis=1)
        # Who never can be called is left out of those that are looked at, but is there.
        there: NDArray[np.bool_] = found[:, : self.size] | (self.free_by_number[rows] == np.inf)
        return there

    def hold(self, row: int, others: Iterable[int], until: float) -> None:
        """These (by number among the late) may not be called in one draw before `until`."""
        for one in others:
            place = int(np.flatnonzero(self.rank[row] == one)[0])
            self.free[row, place] = max(self.free[row, place], np.float32(until))
            self.free_by_number[row, one] = self.free[row, place]

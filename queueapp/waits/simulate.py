"""The queue played forward, all draws at once: each step is the next call of every draw.

In each draw the server free first calls the first in order whom it may call then. A server that
finds nobody sleeps until somebody becomes eligible; the wake-up times kept are never too late, and
one that proves too early is put right when it comes up, so nothing is ever polled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from queueapp.waits.durations import Floats
from queueapp.waits.plan import Plan, order_keys

# Whom to call is looked for among this many people next in order, then among all.
WINDOW = 32
END = 1e30


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """`called` (E, D): seconds until the call, infinity for never; `server` (E, D): whose, or -1.

    `idle` (D, S): when each server first had nobody to call; infinity for never. A server not
    idle when the last one waiting was called counts as idle from its next free moment.
    """

    called: Floats
    server: NDArray[np.int16]
    idle: Floats


class _Run:
    """The state of all draws; `ids` (n,) are those still running.

    Places in `may`, `alive` and `rank` (each D rows) are in calling order, filled up to WINDOW with
    nobody. Eligibility is kept to single precision: milliseconds, at half the memory.
    """

    def __init__(self, plan: Plan) -> None:
        draws, count = plan.key.shape
        self.plan = plan
        self.called: Floats = np.full((count, draws), np.inf)
        self.server: NDArray[np.int16] = np.full((count, draws), -1, dtype=np.int16)
        self.idle: Floats = np.full(plan.servers.ready.shape, np.inf)
        self.ids = self.rows = np.arange(draws)
        self.key = plan.key.copy() if plan.anchors else plan.key
        self.ready = plan.servers.ready.copy()
        self.wake = self.ready.copy()
        self.left = self._reachable()
        self.rank = _ranked(self.key)
        self.places = max(count, WINDOW)
        self.may = np.full((len(plan.may), draws, self.places), np.inf, dtype=np.float32)
        for kind, may in enumerate(plan.may):
            self.may[kind, :, :count] = np.take_along_axis(may, self.rank, axis=1)
        self.alive = np.zeros((draws, self.places), dtype=bool)
        self.alive[:, :count] = True
        self.head = 0
        self.taken = plan.walk + plan.gap
        # Fresh memory at every step would cost more than the arithmetic.
        self.able = np.empty((draws, WINDOW), dtype=bool)

    def _reachable(self) -> NDArray[np.intp]:
        """How many of those waiting somebody could ever call (D,)."""
        plan, width = self.plan, len(self.plan.waiting)
        last = [
            max((plan.servers.ends[s] for s in np.flatnonzero(plan.kind == k)), default=0.0)
            for k in range(len(plan.may))
        ]
        ever = np.zeros((len(self.ids), width), dtype=bool)
        for may, end in zip(plan.may, last, strict=True):
            ever |= may[:, :width] < end
        reachable: NDArray[np.intp] = ever.sum(axis=1)
        return reachable

    def play(self) -> None:
        """Step until in every draw all were called whom anybody can still call."""
        steps = 0
        while True:
            if steps % 4 == 0:
                self._drop_done()
                if not len(self.ids):
                    return
            self._step()
            steps += 1

    def _drop_done(self) -> None:
        ids = self.ids
        running = (self.left[ids] > 0) & (self.wake[ids].min(axis=1) < np.inf)
        over = ids[~running]
        self.idle[over] = np.minimum(self.idle[over], self.ready[over])
        if len(over):
            self.ids = ids[running]
        if len(self.ids):
            first = int(self.alive[self.ids].any(axis=0).argmax())
            self.head = min(first, self.places - WINDOW)

    def _step(self) -> None:
        ids, near = self.ids, slice(self.head, self.head + WINDOW)
        every = len(ids) == len(self.alive)
        wake = self.wake if every else self.wake[ids]
        server = wake.argmin(axis=1)
        at = wake[self.rows[: len(ids)], server]
        kind = self.plan.kind[server]
        # Who never comes is not there at the end of time either.
        soon = np.minimum(at, END).astype(np.float32)[:, None]
        if len(self.may) == 1:
            may = self.may[0, :, near] if every else self.may[0, ids, near]
        else:
            may = self.may[kind, ids, near]
        able = np.less_equal(may, soon, out=self.able[: len(ids)])
        able &= self.alive[:, near] if every else self.alive[ids, near]
        bits = np.packbits(able, axis=1, bitorder="little").view(np.uint32)[:, 0]
        found = bits != 0
        # The lowest bit set is the first in order, and the exponent of a power of two is its place.
        lowest = (bits & (~bits + np.uint32(1))).astype(np.float64)
        first = self.head + np.frexp(lowest)[1].astype(np.intp) - 1
        if not found.all():
            missed = np.flatnonzero(~found)
            if self.places > self.head + WINDOW:
                far = self.may[kind[missed], ids[missed]] <= soon[missed]
                far &= self.alive[ids[missed]]
                first[missed] = far.argmax(axis=1)
                found[missed] = far.any(axis=1)
                missed = np.flatnonzero(~found)
            if len(missed):
                self._sleep(ids[missed])
            ids, first, server, at = ids[found], first[found], server[found], at[found]
        if len(ids):
            self._call(ids, first, server, at)

    def _call(
        self,
        ids: NDArray[np.intp],
        first: NDArray[np.intp],
        server: NDArray[np.intp],
        at: Floats,
    ) -> None:
        plan = self.plan
        who = self.rank[ids, first]
        self.called[who, ids] = at
        self.server[who, ids] = server
        self.alive[ids, first] = False
        self.left[ids] -= who < len(plan.waiting)
        free = at + self.taken[who, ids] + plan.visit[who, ids] * plan.factor[server, who]
        opened = plan.servers.open_from(server, free)
        self.ready[ids, server] = opened
        self.wake[ids, server] = opened
        if plan.siblings:
            self._hold_siblings(ids, who, free - plan.gap[who, ids])
        if plan.anchors:
            moved = np.isin(who, list(plan.anchors))
            if moved.any():
                self._reorder(ids[moved])

    def _sleep(self, ids: NDArray[np.intp]) -> None:
        """Nobody is eligible: every server of these draws sleeps until somebody will be."""
        plan = self.plan
        near = slice(self.head, None)
        alive = self.alive[ids, near]
        soonest = np.stack(
            [np.where(alive, may[ids, near], np.float32(np.inf)).min(axis=1) for may in self.may],
            axis=1,
        )[:, plan.kind]
        ready = self.ready[ids]
        every = np.broadcast_to(np.arange(ready.shape[1]), ready.shape)
        wake = plan.servers.open_from(every, np.maximum(ready, soonest))
        idle = np.where(wake > ready, ready, np.inf)
        self.idle[ids] = np.minimum(self.idle[ids], idle)
        self.wake[ids] = wake

    def _hold_siblings(self, ids: NDArray[np.intp], who: NDArray[np.intp], finish: Floats) -> None:
        for i in np.flatnonzero(np.isin(who, list(self.plan.siblings))):
            row = ids[i]
            for other in self.plan.siblings[int(who[i])]:
                place = int(np.flatnonzero(self.rank[row] == other)[0])
                self.may[:, row, place] = np.maximum(self.may[:, row, place], finish[i])

    def _reorder(self, ids: NDArray[np.intp]) -> None:
        """An anchor was called, so who was moved before it goes back: order these draws again."""
        plan, width = self.plan, len(self.plan.waiting)
        here = (self.called[:width, ids] == np.inf).T
        anchors = sorted(plan.anchors)
        columns = {c.entry_id: i for i, c in enumerate(plan.waiting)}
        for kept in np.unique(here[:, anchors], axis=0):
            mine = ids[(here[:, anchors] == kept).all(axis=1)]
            gone = {a for a, stays in zip(anchors, kept, strict=True) if not stays}
            line, keys = order_keys(
                (c for i, c in enumerate(plan.waiting) if i not in gone), plan.taken_at
            )
            places = [columns[c.entry_id] for c in line]
            self.key[np.ix_(mine, places)] = keys
        back = np.argsort(self.rank[ids], axis=1)
        new = _ranked(self.key[ids])
        count = new.shape[1]
        shuffle = np.take_along_axis(back, new, axis=1)
        self.rank[ids] = new
        self.alive[ids, :count] = np.take_along_axis(self.alive[ids, :count], shuffle, axis=1)
        for may in self.may:
            may[ids, :count] = np.take_along_axis(may[ids, :count], shuffle, axis=1)
        self.head = 0


def simulate(plan: Plan) -> Outcome:
    """Play every draw until each one waiting was called or nobody is left to call them."""
    run = _Run(plan)
    if plan.servers.ready.shape[1]:
        run.play()
    return Outcome(run.called, run.server, run.idle)


def _ranked(key: Floats) -> NDArray[np.intp]:
    """Columns in calling order, per draw (n, E)."""
    if (key[:, 1:] >= key[:, :-1]).all():
        return np.tile(np.arange(key.shape[1]), (len(key), 1))
    return np.argsort(key, axis=1, kind="stable")

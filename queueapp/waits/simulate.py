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


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """`called` (D, E): seconds until the call, infinity for never; `server` (D, E): by whom, or -1.

    `idle` (D, S): when each server first had nobody to call; infinity for never. A server not
    idle when the last one waiting was called counts as idle from its next free moment.
    """

    called: Floats
    server: NDArray[np.int16]
    idle: Floats


class _Run:
    """The state of the draws still running; `ids` (n,) are their rows in the plan."""

    def __init__(self, plan: Plan) -> None:
        draws, count = plan.key.shape
        self.plan = plan
        self.called: Floats = np.full((draws, count), np.inf)
        self.server: NDArray[np.int16] = np.full((draws, count), -1, dtype=np.int16)
        self.idle: Floats = np.full(plan.servers.ready.shape, np.inf)
        self.ids = np.arange(draws)
        self.key = plan.key.copy() if plan.anchors else plan.key
        self.ready = plan.servers.ready.copy()
        self.wake = self.ready.copy()
        self.left = self._reachable()
        self.rank = _ranked(self.key)
        self.may = np.take_along_axis(plan.may, self.rank[None], axis=2)
        self.alive = np.ones((draws, count), dtype=bool)

    def _reachable(self) -> NDArray[np.intp]:
        """How many of those waiting somebody could ever call (n,)."""
        plan, width = self.plan, len(self.plan.waiting)
        ever = np.zeros((len(self.ids), width), dtype=bool)
        for s, end in enumerate(plan.servers.ends):
            ever |= plan.may[plan.kind[s], :, :width] < end
        reachable: NDArray[np.intp] = ever.sum(axis=1)
        return reachable

    def drop_done(self) -> None:
        """Keep only draws in which somebody waiting can still be called."""
        running = (self.left > 0) & np.isfinite(self.wake.min(axis=1))
        if running.all():
            return
        over = ~running
        self.idle[self.ids[over]] = np.minimum(self.idle[self.ids[over]], self.ready[over])
        self.ids, self.left = self.ids[running], self.left[running]
        self.key = self.key[running]
        self.ready, self.wake = self.ready[running], self.wake[running]
        self.rank, self.alive = self.rank[running], self.alive[running]
        self.may = self.may[:, running]

    def step(self) -> None:
        plan, n = self.plan, len(self.ids)
        rows = np.arange(n)
        server = self.wake.argmin(axis=1)
        at = self.wake[rows, server]
        able = self.may[plan.kind[server], rows] <= at[:, None]
        able &= self.alive
        first = able.argmax(axis=1)
        found = able[rows, first]
        if not found.all():
            self._sleep(np.flatnonzero(~found))
            rows = np.flatnonzero(found)
            first, server, at = first[rows], server[rows], at[rows]
        if len(rows):
            self._call(rows, first, server, at)

    def _call(
        self,
        rows: NDArray[np.intp],
        first: NDArray[np.intp],
        server: NDArray[np.intp],
        at: Floats,
    ) -> None:
        plan, ids = self.plan, self.ids[rows]
        who = self.rank[rows, first]
        self.called[ids, who] = at
        self.server[ids, who] = server
        self.alive[rows, first] = False
        self.left[rows] -= who < len(plan.waiting)
        finish = at + plan.walk[ids, who] + plan.visit[ids, who] * plan.factor[server, who]
        free = plan.servers.open_from(server, finish + plan.gap[ids, who])
        self.ready[rows, server] = free
        self.wake[rows, server] = free
        if plan.siblings:
            self._hold_siblings(rows, who, finish)
        if plan.anchors:
            moved = np.isin(who, list(plan.anchors))
            if moved.any():
                self._reorder(rows[moved])

    def _sleep(self, rows: NDArray[np.intp]) -> None:
        """Nobody is eligible: every server of these draws sleeps until somebody will be."""
        plan = self.plan
        alive = self.alive[rows]
        soonest = np.stack(
            [np.where(alive, may[rows], np.inf).min(axis=1, initial=np.inf) for may in self.may],
            axis=1,
        )[:, plan.kind]
        ready = self.ready[rows]
        every = np.broadcast_to(np.arange(ready.shape[1]), ready.shape)
        wake = plan.servers.open_from(every, np.maximum(ready, soonest))
        idle = np.where(wake > ready, ready, np.inf)
        self.idle[self.ids[rows]] = np.minimum(self.idle[self.ids[rows]], idle)
        self.wake[rows] = wake

    def _hold_siblings(self, rows: NDArray[np.intp], who: NDArray[np.intp], finish: Floats) -> None:
        for i in np.flatnonzero(np.isin(who, list(self.plan.siblings))):
            row = rows[i]
            for other in self.plan.siblings[int(who[i])]:
                place = int(np.flatnonzero(self.rank[row] == other)[0])
                self.may[:, row, place] = np.maximum(self.may[:, row, place], finish[i])

    def _reorder(self, rows: NDArray[np.intp]) -> None:
        """An anchor was called, so who was moved before it goes back: order these draws again."""
        plan, width = self.plan, len(self.plan.waiting)
        here = self.called[self.ids[rows], :width] == np.inf
        anchors = sorted(plan.anchors)
        columns = {c.entry_id: i for i, c in enumerate(plan.waiting)}
        for kept in np.unique(here[:, anchors], axis=0):
            mine = rows[(here[:, anchors] == kept).all(axis=1)]
            gone = {a for a, stays in zip(anchors, kept, strict=True) if not stays}
            line, keys = order_keys(
                (c for i, c in enumerate(plan.waiting) if i not in gone), plan.taken_at
            )
            places = [columns[c.entry_id] for c in line]
            self.key[np.ix_(mine, places)] = keys
        old = self.rank[rows]
        back = np.argsort(old, axis=1)
        new = _ranked(self.key[rows])
        shuffle = np.take_along_axis(back, new, axis=1)
        self.rank[rows] = new
        self.alive[rows] = np.take_along_axis(self.alive[rows], shuffle, axis=1)
        self.may[:, rows] = np.take_along_axis(self.may[:, rows], shuffle[None], axis=2)


def simulate(plan: Plan) -> Outcome:
    """Play every draw until each one waiting was called or nobody is left to call them."""
    run = _Run(plan)
    if plan.servers.ready.shape[1]:
        run.drop_done()
        while len(run.ids):
            run.step()
            run.drop_done()
    return Outcome(run.called, run.server, run.idle)


def _ranked(key: Floats) -> NDArray[np.intp]:
    """Columns in calling order, per draw (n, E)."""
    return np.argsort(key, axis=1, kind="stable")

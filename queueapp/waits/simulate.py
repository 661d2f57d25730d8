"""The queue played forward, all draws at once: each step is the next call of every draw.

In each draw the server free first calls the first in order whom it may call then. A server that
finds nobody sleeps until somebody may be there to call; waking too early only costs another look.

Whom a server may call is a set of bits. Those whose place and gate are the same in every draw need
one set per kind of server and moment; only who comes later has a place of their own in each draw.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.ordering import in_order
from queueapp.waits.bits import WORD, Stamp, lowest, pack, unpack, words_for
from queueapp.waits.durations import Floats
from queueapp.waits.late import Late, Places
from queueapp.waits.outcome import Call, Outcome, collect
from queueapp.waits.plan import Plan, order_keys

# After every moment that there is.
END = 1e30


class _Run:
    """The state of all draws; `wake` (S, D) holds when each server looks for somebody, stamped."""

    def __init__(self, plan: Plan) -> None:
        self.plan, draws = plan, plan.draws
        self.people, servers = plan.visit.shape[0], len(plan.servers.shifts)
        # Which draws go on, and their places in what follows.
        self.rows = self.places = np.arange(draws)
        self.stamp = Stamp(servers)
        self.servers = np.arange(servers)[:, None]
        self.wake = self.stamp.put(np.ascontiguousarray(plan.servers.ready.T), self.servers)
        self.idle: Floats = np.full((servers, draws), np.inf)
        self._lay_out_fixed()
        self.late = Late(plan)
        self.number = {column: n for n, column in enumerate(plan.late.tolist())}
        # Visit and what goes with it lie together: two looks far apart would cost twice.
        self.taken = np.zeros((self.people + 1, draws), dtype=np.complex64)
        self.taken.real[:-1] = plan.visit
        self.taken.imag[:-1] = plan.besides
        self.factor = np.ones((servers, self.people + 1), dtype=np.float32)
        self.factor[:, :-1] = plan.factor
        self.gone = np.concatenate([plan.gone, np.full((1, draws), np.inf, dtype=np.float32)])
        self.left = self._reachable()
        self.waits = (np.arange(self.people + 1) < len(plan.waiting)).astype(np.intp)
        self.steps = self.look_at = 0
        # Draws in which all were called, and when each server would have looked for somebody next.
        self.over: list[tuple[Places, NDArray[np.int64]]] = []
        self.calls: list[Call] = []

    def _lay_out_fixed(self) -> None:
        plan = self.plan
        gates = np.unique(plan.fixed_gate)
        # From one of these moments to the next nobody fixed becomes eligible.
        moments = gates[(gates > 0) & (gates < np.inf)]
        self.moments = np.append(moments, np.inf)
        self.moment = np.zeros(plan.draws, dtype=np.intp)
        self.until = np.full(plan.draws, self.moments[0])
        kinds, count = plan.fixed_gate.shape
        size = words_for(count) * WORD
        members = np.zeros((kinds, len(self.moments) + 1, size), dtype=bool)
        for n, moment in enumerate([0.0, *self.moments]):
            members[:, n, :count] = plan.fixed_gate <= min(moment, END)
        sets = pack(members)
        self.open = [word.ravel() for word in sets]
        self.to_open = [(word[:, -1:] & ~word).ravel() for word in sets]
        self.slots = plan.kind * (len(self.moments) + 1)
        self.alive = [np.full(plan.draws, ~np.uint64(0)) for _ in self.open]
        self.fixed = np.append(plan.fixed, [self.people] * (size + 1 - count))

    def _reachable(self) -> NDArray[np.intp]:
        """How many of those waiting somebody could ever call (D,)."""
        plan = self.plan
        last = [
            max((plan.servers.ends[s] for s in np.flatnonzero(plan.kind == k)), default=0.0)
            for k in range(len(plan.fixed_gate))
        ]
        ends = np.array(last)[:, None]
        count: NDArray[np.intp] = np.full(plan.draws, (plan.fixed_gate < ends).any(axis=0).sum())
        for row in np.flatnonzero(plan.late < len(plan.waiting)):
            ever = np.zeros(plan.draws, dtype=bool)
            for k in np.flatnonzero(plan.late_fits[:, row]):
                gate = plan.late_free[row]
                if plan.late_held[k, row]:
                    gate = np.maximum(gate, plan.late_release[row])
                ever |= gate < last[k]
            count += ever
        return count

    def play(self) -> None:
        """Step until in every draw all were called whom anybody can still call."""
        self._leave_out(self.left == 0)
        self.look_at = int(self.left.min(initial=len(self.plan.waiting)))
        while len(self.rows):
            if self.steps % 8 == 0:
                soonest = self.stamp.read(self.wake.min(keepdims=True))[0]
                self.limit = self.plan.servers.limits(float(soonest[0, 0]))
            self._step()
        rows = np.concatenate([rows for rows, _ in self.over])
        wake = np.concatenate([wake for _, wake in self.over], axis=1)
        self.idle[:, rows] = np.minimum(self.idle[:, rows], self.stamp.read(wake)[0])

    def _leave_out(self, over: NDArray[np.bool_]) -> None:
        """End the draws in which nobody can be called any more."""
        done = (over & (self.left == 0)).nonzero()[0]
        self.over.append((self.rows[done], self.wake.take(done, axis=1)))
        go_on = (~over).nonzero()[0]
        self.rows, self.wake = self.rows[go_on], self.wake.take(go_on, axis=1)
        self.alive = [alive[go_on] for alive in self.alive]
        self.moment, self.until = self.moment[go_on], self.until[go_on]
        self.left, self.places = self.left[go_on], self.places[: len(go_on)]

    def _step(self) -> None:
        plan, rows, draws = self.plan, self.rows, self.plan.draws
        at, server = self.stamp.read(np.minimum.reduce(self.wake, axis=0))
        later = (self.until <= at).nonzero()[0]
        if len(later):
            moment = self.moments.searchsorted(at[later], side="right")
            self.moment[later] = moment
            self.until[later] = self.moments.take(moment, mode="clip")
        slot = self.slots.take(server)
        slot += self.moment
        place, bits = lowest([o.take(slot) & a for o, a in zip(self.open, self.alive, strict=True)])
        column, now = self.fixed.take(place), at.astype(np.float32)
        if self.late.size:
            found, columns = self.late.before(rows, place, server, now)
            if len(found):
                column[found] = columns
                for word in bits:
                    word[found] = 0
        for alive, word in zip(self.alive, bits, strict=True):
            alive ^= word
        missed = (column == self.people).nonzero()[0]
        self.left -= self.waits.take(column)
        who = column * draws
        who += rows
        taken = self.taken.take(who)
        free = self.factor.take(server * (self.people + 1) + column) * taken.real
        free += taken.imag
        free = free + at
        if plan.siblings:
            self._hold_siblings(column, free)
        if plan.gone.size:
            np.copyto(free, at, where=self.gone.take(who) <= now)
        plan.servers.open_in_place(server, free, self.limit)
        if len(missed):
            free[missed] = self._sleep(missed, server[missed], slot[missed], at[missed])
        server_at = server * len(rows)
        server_at += self.places
        self.wake.reshape(-1)[server_at] = self.stamp.put(free, server)
        self.calls.append((rows, now, who, server))
        if plan.anchors:
            self._reorder(column)
        self.steps += 1
        if self.steps >= self.look_at or len(missed):
            over = self.left == 0
            over[missed] |= at[missed] == np.inf
            if over.any():
                self._leave_out(over)

    def _sleep(self, places: Places, server: Places, slot: Places, at: Floats) -> Floats:
        """When servers who find nobody look again: not later than there is somebody."""
        rows = self.rows[places]
        to_come = [o.take(slot) & a[places] for o, a in zip(self.to_open, self.alive, strict=True)]
        soonest = np.where(reduce(np.bitwise_or, to_come) != 0, self.until[places], np.inf)
        if self.late.size:
            late = self.late.soonest(rows, server)
            soonest = np.minimum(soonest, late)
        self.idle[server, rows] = np.minimum(self.idle[server, rows], at)
        return self.plan.servers.open_from(server, np.maximum(at, soonest))

    def _hold_siblings(self, column: Places, free: Floats) -> None:
        plan = self.plan
        for place in np.flatnonzero(np.isin(column, list(plan.siblings))):
            one, row = int(column[place]), int(self.rows[place])
            others = [self.number[other] for other in plan.siblings[one]]
            self.late.hold(row, others, float(free[place] - plan.gap[one, row]))

    def _reorder(self, column: Places) -> None:
        """An anchor was called, so who was moved before it goes back: order these draws again."""
        plan = self.plan
        places = np.flatnonzero(np.isin(column, list(plan.anchors)))
        if not len(places):
            return
        anchors, rows = sorted(plan.anchors), self.rows[places]
        here = self._still_there(places, anchors)
        place = {c.entry_id: n for n, c in enumerate(plan.waiting)}
        for kept in np.unique(here, axis=0):
            mine = rows[(here == kept).all(axis=1)]
            gone = {a for a, stays in zip(anchors, kept, strict=True) if not stays}
            line = in_order(c for i, c in enumerate(plan.waiting) if i not in gone)
            keys = order_keys(line, plan.waiting, plan.taken_at)
            for one, key in zip(line, keys, strict=True):
                number = self.number.get(place[one.entry_id])
                if number is not None:
                    self.late.key[mine, number] = key
            self.late.lay_out(mine, self.late.there(mine))

    def _still_there(self, places: Places, columns: list[int]) -> NDArray[np.bool_]:
        fixed = {int(c): n for n, c in enumerate(self.plan.fixed)}
        there = self.late.there(self.rows[places])
        alive = unpack([a[places] for a in self.alive])
        found = [
            there[:, self.number[c]] if c in self.number else alive[:, fixed[c]] for c in columns
        ]
        return np.stack(found, axis=1)

    def outcome(self) -> Outcome:
        """What came of it, once played."""
        return collect(self.plan, self.calls, self.idle)


def simulate(plan: Plan) -> Outcome:
    """Play every draw until each one waiting was called or nobody is left to call them."""
    run = _Run(plan)
    if len(plan.servers.shifts):
        run.play()
    return run.outcome()

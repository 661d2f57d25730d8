"""What came of a run: who was called when and by whom, and whose call came first.

Which of some calls of a draw comes first is asked in turns, a byte each where a moment is four.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from queueapp.waits.durations import Floats, Singles
from queueapp.waits.late import Places
from queueapp.waits.plan import Plan

Turns = NDArray[np.unsignedinteger[Any]]
# One call in each of n draws (n,): which draws, the moment, whom (a place in (E + 1, D), the last
# row being nobody), and the server.
Call = tuple[Places, Singles, Places, Places]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """`called` (E, D): seconds until the call, infinity for never.

    `idle` (S, D): when each server first had nobody to call; infinity for never. A server not
    idle when the last one waiting was called counts as idle from its next free moment.
    The T calls of each draw take turns: `at` (T + 1, D) is when, `turn` (S, E, D) in which of them
    each server calls each one; T, whose moment is infinity, stands for never. `waiting_key` (W,)
    and `coming_key` (E - W, D) are the places in the order.
    """

    called: Singles
    idle: Singles
    at: Singles
    turn: Turns
    waiting_key: Singles
    coming_key: Singles

    @property
    def never(self) -> np.unsignedinteger[Any]:
        """The turn that never comes."""
        return self.turn.dtype.type(len(self.at) - 1)

    def when(self, turns: Turns) -> Singles:
        """The moments (…, D) of turns (…, D)."""
        draws = self.at.shape[1]
        spot = np.multiply(turns, draws, dtype=np.intp)
        spot += np.arange(draws)
        return self.at.take(spot)

    def due_by(self, due: float) -> int:
        """How many of those waiting are due by then; they are the first."""
        return int(self.waiting_key.searchsorted(np.float32(due), side="right"))

    def coming_by(self, due: float) -> NDArray[np.bool_]:
        """Who of those to come are due by then (E - W, D)."""
        return self.coming_key <= np.float32(due)

    def without(self, whom: NDArray[np.bool_], turns: Turns) -> Turns:
        """Turns (…, n, D), but never for some people (n, D)."""
        # Bytes, as truth values would first have to be made numbers.
        return np.maximum(turns, whom.view(np.uint8) * self.never)


def collect(plan: Plan, calls: Sequence[Call], idle: Floats) -> Outcome:
    """The outcome of a run of all these calls, in turn."""
    people, draws, never = len(plan.visit), plan.draws, len(calls)
    at = np.full((never + 1, draws), np.inf, dtype=np.float32)
    called = np.full((people + 1, draws), np.inf, dtype=np.float32)
    numbers = np.arange(never, dtype=np.min_scalar_type(never))
    turn = np.full((len(idle), people + 1, draws), never, dtype=numbers.dtype)
    for number, (rows, now, _, _) in enumerate(calls):
        if len(rows) == draws:
            at[number] = now
        else:
            at[number, rows] = now
    if calls:
        each, moments, whom, servers = zip(*calls, strict=True)
        who = np.concatenate(whom)
        called.reshape(-1)[who] = np.concatenate(moments)
        spot = np.concatenate(servers)
        spot *= called.size
        spot += who
        turn.reshape(-1)[spot] = np.repeat(numbers, [len(rows) for rows in each])
    moving = np.count_nonzero(plan.late < len(plan.waiting))
    return Outcome(
        called=called[:people],
        idle=idle.astype(np.float32),
        at=at,
        turn=turn[:, :people],
        waiting_key=plan.waiting_key.astype(np.float32),
        coming_key=plan.late_key[moving:].astype(np.float32),
    )

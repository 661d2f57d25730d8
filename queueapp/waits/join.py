"""What one who joined now would wait, for every number of people due before: read off one run.

Before being called, one who joins changes nothing for others. So the call comes at the first
moment at which a server who can serve the service either has nobody to call or calls somebody later
in the order: exactly, without simulating the joiner. For one with k due before, "later" means after
the k-th of the eligible waiting. For a walk-in now (`due_by` = now + target) it also counts those
whom the run lets come meanwhile. More people due before than there are: each takes the next such
moment and keeps that server for a while (see `beyond`).
"""

from collections.abc import Sequence
from itertools import islice
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.ordering import can_serve
from queueapp.domain.quantiles import JoinKey, JoinTable, Quantiles
from queueapp.domain.snapshot import Snapshot
from queueapp.domain.visit import Presence
from queueapp.waits.beyond import BEYOND, beyond
from queueapp.waits.durations import Durations, Floats, Singles
from queueapp.waits.outcome import Outcome, Turns
from queueapp.waits.people import walk_in_target_s
from queueapp.waits.plan import Plan, whom

# A table's steps from the fourth place on.
STEP = 4


def summarise(times: Singles | Floats, due: Sequence[float] | Floats) -> list[Quantiles]:
    """Quantiles of each row of `times` (K, D) in seconds; `due` (K,) is the row's target.

    The rows are put in order where they are.
    """
    ordered: NDArray[np.floating[Any]] = times
    ordered.sort(axis=1)
    draws = ordered.shape[1]
    picks = [min(max(ceil(p * draws) - 1, 0), draws - 1) for p in (0.1, 0.5, 0.9)]
    miss = _share(ordered > np.asarray(due, dtype=ordered.dtype)[:, None])
    never = np.zeros(len(ordered))
    some = (ordered[:, -1] == np.inf).nonzero()[0]
    never[some] = _share(ordered[some] == np.inf)
    told = ordered[:, picks].T.tolist()
    return [*map(Quantiles, *told, miss.tolist(), never.tolist())]


def _share(late: NDArray[np.bool_]) -> Floats:
    """The share of each row (K, D) that is true, all of it at its end."""
    draws = late.shape[1]
    share: Floats = np.where(late[:, -1], (draws - late.argmax(axis=1)) / draws, 0.0)
    return share


def join_tables(
    snapshot: Snapshot, plan: Plan, outcome: Outcome, durations: Durations, seed: int
) -> dict[JoinKey, JoinTable]:
    """A table per service, and per service and clinician who gives it today."""
    asked = _asked(snapshot, plan)
    if not asked:
        return {}
    here = whom(can_serve, plan.waiting, plan.servers.shifts)
    here &= np.array([c.presence is Presence.HERE for c in plan.waiting], dtype=bool)
    from_place = _from_place(outcome)
    targets = {target for _, target, _ in asked}
    later = {target: _later(outcome, from_place, target) for target in targets}
    free = {target: np.minimum(outcome.idle, outcome.when(later[target])) for target in targets}
    ahead: dict[tuple[float, tuple[int, ...]], tuple[list[int], Singles]] = {}
    for _, target, group in asked:
        if (target, group) not in ahead:
            before = here[list(group)].any(axis=0) & (plan.waiting_key <= target)
            ahead[target, group] = _up_to_now(
                outcome, before.nonzero()[0].tolist(), from_place, later[target], group
            )
    more = beyond(
        plan,
        durations,
        [(service, group, free[target][list(group)]) for (service, _), target, group in asked],
        seed,
    )
    due = [target for (target, _), (ranks, _) in ahead.items() for _ in ranks]
    due += [target for _, target, _ in asked for _ in BEYOND]
    times = np.concatenate([*(times for _, times in ahead.values()), *more])
    every = iter(summarise(times, due))
    told = {key: [*islice(every, len(ranks))] for key, (ranks, _) in ahead.items()}
    tables = {}
    for key, target, group in asked:
        ranks, _ = ahead[target, group]
        beyond_ranks = (ranks[-1] + n for n in BEYOND)
        quantiles = (*told[target, group], *islice(every, len(BEYOND)))
        tables[key] = JoinTable((*ranks, *beyond_ranks), quantiles)
    return tables


def _asked(snapshot: Snapshot, plan: Plan) -> list[tuple[JoinKey, float, tuple[int, ...]]]:
    """What there is a table of, the wait allowed (seconds), and the servers who could call."""
    asked: list[tuple[JoinKey, float, tuple[int, ...]]] = []
    for service in snapshot.services:
        target = walk_in_target_s(snapshot, service)
        able = {
            i: s.clinician_id for i, s in enumerate(plan.servers.shifts) if service in s.services
        }
        asked.append(((service, None), target, tuple(able)))
        for one in sorted(set(able.values())):
            group = tuple(i for i, clinician in able.items() if clinician == one)
            asked.append(((service, one), target, group))
    return asked


def _from_place(outcome: Outcome) -> Turns:
    """When each server first calls one at a place of the line or behind it (S, W + 1, D)."""
    servers, _, draws = outcome.turn.shape
    width = len(outcome.waiting_key)
    first = np.full((servers, width + 1, draws), outcome.never)
    first[:, :width] = outcome.turn[:, :width]
    # Each place knows of `reach` places from it on, and with what that one knows of twice as many.
    reach = 1
    while reach <= width:
        np.minimum(first[:, :-reach], first[:, reach:], out=first[:, :-reach])
        reach *= 2
    return first


def _later(outcome: Outcome, from_place: Turns, target: float) -> Turns:
    """When each server first calls one due later than a walk-in of now (S, D)."""
    width = len(outcome.waiting_key)
    to_come = outcome.without(outcome.coming_by(target), outcome.turn[:, width:])
    first: Turns = to_come.min(axis=1, initial=outcome.never)
    return np.minimum(first, from_place[:, outcome.due_by(target)], out=first)


def _up_to_now(
    outcome: Outcome,
    before: list[int],
    from_place: Turns,
    later: Turns,
    group: tuple[int, ...],
) -> tuple[list[int], Singles]:
    """Ranks up to all those due `before` a walk-in of now, and the call times there (K, D)."""
    most = len(before)
    ranks = sorted({*range(min(4, most)), *range(0, most, STEP), max(most - 1, 0), most})
    places = [before[rank - 1] + 1 if rank else 0 for rank in ranks[:-1]]
    # Whoever is due later comes after all of them, wherever they stand.
    places.append(len(outcome.waiting_key))
    turns = np.full((len(ranks), later.shape[1]), outcome.never)
    for server in group:
        np.minimum(turns, from_place[server].take(places, axis=0), out=turns)
        np.minimum(turns, later[server], out=turns)
    idle = outcome.idle[list(group)].min(axis=0, initial=np.inf)
    return ranks, np.minimum(outcome.when(turns), idle)

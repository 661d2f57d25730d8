"""What one who joined now would wait, for every number of people due before: read off one run.

Before being called, one who joins changes nothing for others. So the call comes at the first
moment at which a server who can serve the service either has nobody to call or calls somebody later
in the order: exactly, without simulating the joiner. For one with k due before, "later" means after
the k-th of the eligible waiting. For a walk-in now (`due_by` = now + target) it also counts those
whom the run lets come meanwhile. More people due before than there are: each takes the next such
moment and keeps that server for a while (see `beyond`).
"""

from collections.abc import Sequence
from itertools import islice, starmap
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
from queueapp.waits.people import walk_in_target_s
from queueapp.waits.plan import Plan, whom
from queueapp.waits.simulate import Outcome

# A table's steps from the fourth place on.
STEP = 4


def summarise(times: Singles | Floats, due: Sequence[float] | Floats) -> list[Quantiles]:
    """Quantiles of each row of `times` (K, D) in seconds; `due` (K,) is the row's target."""
    ordered: NDArray[np.floating[Any]] = np.sort(times, axis=1)
    draws = ordered.shape[1]
    picks = [min(max(ceil(p * draws) - 1, 0), draws - 1) for p in (0.1, 0.5, 0.9)]
    miss = _share(ordered > np.asarray(due, dtype=ordered.dtype)[:, None])
    never = np.zeros(len(ordered))
    some = (ordered[:, -1] == np.inf).nonzero()[0]
    never[some] = _share(ordered[some] == np.inf)
    rows = np.column_stack([ordered[:, picks], miss, never]).tolist()
    return list(starmap(Quantiles, rows))


def _share(late: NDArray[np.bool_]) -> Floats:
    """The share of each row (K, D) that is true, all of it at its end."""
    draws = late.shape[1]
    share: Floats = np.where(late[:, -1], (draws - late.argmax(axis=1)) / draws, 0.0)
    return share


def join_tables(
    snapshot: Snapshot, plan: Plan, outcome: Outcome, durations: Durations, seed: int
) -> dict[JoinKey, JoinTable]:
    """A table per service, and per service and clinician who gives it today."""
    shifts = plan.servers.shifts
    here = whom(can_serve, plan.waiting, shifts)
    here &= np.array([c.presence is Presence.HERE for c in plan.waiting], dtype=bool)
    from_place = _from_place(plan, outcome)
    asked: list[tuple[JoinKey, float, tuple[int, ...]]] = []
    chances: dict[float, Singles] = {}
    ahead: dict[tuple[float, tuple[int, ...]], tuple[list[int], Singles]] = {}
    for service in snapshot.services:
        target = walk_in_target_s(snapshot, service)
        able = tuple(i for i, s in enumerate(shifts) if service in s.services)
        groups: dict[int | None, tuple[int, ...]] = {None: able}
        for one in sorted({shifts[i].clinician_id for i in able}):
            groups[one] = tuple(i for i in able if shifts[i].clinician_id == one)
        if target not in chances:
            chances[target] = _chances(outcome, target)
        for clinician, group in groups.items():
            asked.append(((service, clinician), target, group))
            if (target, group) not in ahead:
                before = here[list(group)].any(axis=0) & (plan.waiting_key <= target)
                ahead[target, group] = _up_to_now(
                    outcome, before.nonzero()[0], from_place, chances[target], group
                )
    if not asked:
        return {}
    later = beyond(
        plan,
        durations,
        [(service, group, chances[due][list(group)]) for (service, _), due, group in asked],
        seed,
    )
    due = [target for (target, _), (ranks, _) in ahead.items() for _ in ranks]
    due += [target for _, target, _ in asked for _ in BEYOND]
    times = np.concatenate([*(times for _, times in ahead.values()), *later])
    every = iter(summarise(times, due))
    told = {key: [*islice(every, len(ranks))] for key, (ranks, _) in ahead.items()}
    tables = {}
    for key, target, group in asked:
        ranks, _ = ahead[target, group]
        beyond_ranks = (ranks[-1] + more for more in BEYOND)
        quantiles = (*told[target, group], *islice(every, len(BEYOND)))
        tables[key] = JoinTable((*ranks, *beyond_ranks), quantiles)
    return tables


def _chances(outcome: Outcome, target: float) -> Singles:
    """When each server (S, D) is first free for a walk-in of now: idle or calling one due later."""
    servers, draws = outcome.idle.shape
    found = np.full(servers * draws, np.inf, dtype=np.float32)
    # The last first: of several calls of a server in a draw the soonest is what stays.
    later = (outcome.key > target).ravel().nonzero()[0][::-1]
    row = later // max(outcome.key.shape[1], 1)
    found[outcome.whose.take(later) * np.intp(draws) + row] = outcome.at.take(later)
    free: Singles = np.minimum(outcome.idle, found.reshape(servers, draws))
    return free


def first_of(outcome: Outcome, calls: NDArray[np.bool_]) -> Singles:
    """When the first of some calls (D, T) was (D,); infinity where there was none."""
    draws, steps = calls.shape
    if not steps:
        return np.full(draws, np.inf, dtype=np.float32)
    spot = calls.argmax(axis=1)
    spot += np.arange(0, draws * steps, steps)
    at: Singles = outcome.at.take(spot)
    at[~calls.take(spot)] = np.inf
    return at


def _from_place(plan: Plan, outcome: Outcome) -> Singles:
    """When each server first calls one at a place of the line or behind it (W + 1, S, D)."""
    width, servers, draws = len(plan.waiting), len(plan.servers.shifts), plan.draws
    # The first of the servers is nobody.
    found = np.full((width + 1, servers + 1, draws), np.inf, dtype=np.float32)
    spot = outcome.server[:width] + (np.arange(width) * (servers + 1) + 1)[:, None]
    spot *= draws
    spot += np.arange(draws)
    found.reshape(-1)[spot] = outcome.called[:width]
    for place in range(width - 1, -1, -1):
        np.minimum(found[place], found[place + 1], out=found[place])
    return found[:, 1:]


def _up_to_now(
    outcome: Outcome,
    before: NDArray[np.intp],
    from_place: Singles,
    free: Singles,
    group: tuple[int, ...],
) -> tuple[list[int], Singles]:
    """Ranks up to all those due `before` a walk-in of now, and the call times there (K, D)."""
    if not group:
        return [0], np.full((1, free.shape[1]), np.inf, dtype=np.float32)
    most = len(before)
    ranks = sorted({*range(min(4, most)), *range(0, most, STEP), max(most - 1, 0), most})
    places = [int(before[rank - 1]) + 1 if rank else 0 for rank in ranks[:-1]]
    servers = list(group)
    times = np.full((len(ranks), free.shape[1]), np.inf, dtype=np.float32)
    for server in servers:
        np.minimum(times[:-1], from_place[places, server], out=times[:-1])
    np.minimum(times[:-1], outcome.idle[servers].min(axis=0), out=times[:-1])
    np.minimum(times, free[servers].min(axis=0), out=times)
    return ranks, times

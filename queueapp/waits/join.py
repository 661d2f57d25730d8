"""What one who joined now would wait, for every number of people due before: read off one run.

Before being called, one who joins changes nothing for others. So the call comes at the first
moment at which a server who can serve the service either has nobody to call or calls somebody later
in the order: exactly, without simulating the joiner. For one with k due before, "later" means after
the k-th of the eligible waiting. For a walk-in now (`due_by` = now + target) it also counts those
whom the run lets come meanwhile. More people due before than there are: each takes the next such
moment and keeps that server for a walk, a visit and a gap.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.ordering import can_serve
from queueapp.domain.quantiles import JoinKey, JoinTable, Quantiles
from queueapp.domain.snapshot import Snapshot
from queueapp.domain.visit import Presence
from queueapp.waits.bits import Stamp
from queueapp.waits.chance import Stream, number_of, words
from queueapp.waits.durations import ANY_REASON, Durations, Floats, Singles
from queueapp.waits.lengths import lengths
from queueapp.waits.people import walk_in_target_s
from queueapp.waits.plan import Plan, whom
from queueapp.waits.simulate import Outcome

# How many more than are there a table reaches, and its steps further ahead.
BEYOND = (1, 2, 4, 8)
STEP = 4


def summarise(times: Singles | Floats, due: Sequence[float] | Floats) -> list[Quantiles]:
    """Quantiles of each row of `times` (K, D) in seconds; `due` (K,) is the row's target."""
    ordered = np.sort(times, axis=1)
    draws = ordered.shape[1]
    picks = [min(max(ceil(p * draws) - 1, 0), draws - 1) for p in (0.1, 0.5, 0.9)]
    limits = np.asarray(due, dtype=ordered.dtype)[:, None]
    miss = np.count_nonzero(ordered > limits, axis=1) / draws
    never = np.count_nonzero(ordered == np.inf, axis=1) / draws
    rows = np.column_stack([ordered[:, picks].astype(np.float64), miss, never]).tolist()
    return [Quantiles(*row) for row in rows]


def join_tables(
    snapshot: Snapshot, plan: Plan, outcome: Outcome, durations: Durations, seed: int
) -> dict[JoinKey, JoinTable]:
    """A table per service, and per service and clinician who gives it today."""
    shifts = plan.servers.shifts
    from_place = _from_place(plan, outcome)
    here = whom(can_serve, plan.waiting, shifts)
    here &= np.array([c.presence is Presence.HERE for c in plan.waiting], dtype=bool)
    chances: dict[float, Singles] = {}
    ahead: dict[tuple[float, tuple[int, ...]], tuple[list[int], list[Quantiles]]] = {}
    asked: list[tuple[JoinKey, float, tuple[int, ...]]] = []
    for service in snapshot.services:
        target = walk_in_target_s(snapshot, service)
        able = tuple(i for i, s in enumerate(shifts) if service in s.services)
        groups: dict[int | None, tuple[int, ...]] = {None: able}
        for one in sorted({shifts[i].clinician_id for i in able}):
            groups[one] = tuple(i for i in able if shifts[i].clinician_id == one)
        if target not in chances:
            chances[target] = _chances(plan, outcome, target)
        for clinician, group in groups.items():
            asked.append(((service, clinician), target, group))
            if (target, group) not in ahead:
                ranks, times = _up_to_now(
                    plan, outcome, here, from_place, chances[target], group, target
                )
                due = np.full(len(times), target)
                ahead[target, group] = ranks, summarise(times, due)
    more = _beyond(plan, durations, chances, asked, seed)
    tables = {}
    for (key, target, group), beyond in zip(asked, more, strict=True):
        ranks, told = ahead[target, group]
        tables[key] = JoinTable((*ranks, *(ranks[-1] + b for b in BEYOND)), (*told, *beyond))
    return tables


def _chances(plan: Plan, outcome: Outcome, target: float) -> Singles:
    """When each server (S, D) is first free for a walk-in of now: idle or calling one due later."""
    free = outcome.idle.copy()
    later = outcome.key > target
    for s, own in enumerate(free):
        np.minimum(own, first_of(outcome, later & (outcome.whose == s)), out=own)
    return free


def first_of(outcome: Outcome, calls: NDArray[np.bool_]) -> Singles:
    """When the first of some calls (D, T) was (D,); infinity where there was none."""
    draws, steps = calls.shape
    if not steps:
        return np.full(draws, np.inf, dtype=np.float32)
    spot = calls.argmax(axis=1) + np.arange(draws) * steps
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
    plan: Plan,
    outcome: Outcome,
    here: NDArray[np.bool_],
    from_place: Singles,
    free: Singles,
    group: tuple[int, ...],
    target: float,
) -> tuple[list[int], Singles]:
    """Ranks up to those due before a walk-in of now, and the call times there (K, D)."""
    if not group:
        return [0], np.full((1, plan.draws), np.inf, dtype=np.float32)
    servers = list(group)
    before = (here[servers].any(axis=0) & (plan.waiting_key <= target)).nonzero()[0]
    most = len(before)
    ranks = sorted({*range(min(4, most)), *range(0, most, STEP), max(most - 1, 0), most})
    places = [before[rank - 1] + 1 if rank else 0 for rank in ranks]
    idle, now = outcome.idle[servers].min(axis=0), free[servers].min(axis=0)
    times = from_place[np.ix_(places, servers)].min(axis=1)
    np.minimum(times, idle, out=times)
    times[-1] = np.inf
    np.minimum(times, now, out=times)
    return ranks, times


def _beyond(
    plan: Plan,
    durations: Durations,
    chances: dict[float, Singles],
    asked: Sequence[tuple[JoinKey, float, tuple[int, ...]]],
    seed: int,
) -> list[list[Quantiles]]:
    """Of one with more due before than there are: at each of BEYOND, for each group asked (G)."""
    services = [service for (service, _), _, _ in asked]
    taken = {service: _taken(plan, durations, service, seed) for service in set(services)}
    times = np.full((len(asked), len(BEYOND), plan.draws), np.inf, dtype=np.float32)
    # Groups of one need no look at who is free first, so they are not told with the others.
    for alone in (True, False):
        mine = [g for g, (_, _, group) in enumerate(asked) if group and (len(group) == 1) == alone]
        if mine:
            free = [chances[asked[g][1]][list(asked[g][2])] for g in mine]
            groups = [asked[g][2] for g in mine]
            chosen = [services[g] for g in mine]
            times[mine] = _in_turn(plan, durations, free, groups, chosen, taken)
    due = np.repeat([target for _, target, _ in asked], len(BEYOND))
    told = summarise(times.reshape(-1, plan.draws), due)
    return [told[i : i + len(BEYOND)] for i in range(0, len(told), len(BEYOND))]


def _in_turn(
    plan: Plan,
    durations: Durations,
    free: list[Singles],
    groups: list[tuple[int, ...]],
    services: list[int],
    taken: dict[int, tuple[Floats, Floats]],
) -> Floats:
    """Call times (G, len(BEYOND), D): each in turn takes the server of a group `free` first.

    `free` are (n, D) for a group of n servers, who see people of the group's service.
    """
    most, draws, limits = max(map(len, groups)), plan.draws, plan.servers.limits()
    stamp, shifts = Stamp(most), plan.servers.shifts
    at = np.full((most, len(groups), draws), np.inf)
    factor, whose = np.ones((len(groups), most)), np.zeros((len(groups), most), dtype=np.intp)
    for g, (group, service) in enumerate(zip(groups, services, strict=True)):
        at[: len(group), g] = free[g]
        whose[g, : len(group)] = group
        factor[g, : len(group)] = [durations.factor(service, shifts[i].clinician_id) for i in group]
    left = stamp.put(at.reshape(most, -1), np.arange(most)[:, None])
    start = np.repeat(np.arange(len(groups)) * most, draws)
    columns = np.arange(left.shape[1])
    until, spot, times = at[0].ravel(), start, []
    for n in range(1, BEYOND[-1] + 1):
        if most > 1:
            until, number = stamp.read(np.minimum.reduce(left, axis=0))
            spot = start + number
        visit = np.concatenate([taken[service][0][n - 1] for service in services])
        visit *= factor.take(spot)
        visit += np.concatenate([taken[service][1][n - 1] for service in services])
        until += visit
        plan.servers.open_in_place(whose.take(spot), until, limits)
        if most > 1:
            left[number, columns] = stamp.put(until, number)
        if n in BEYOND:
            first = stamp.read(np.minimum.reduce(left, axis=0))[0] if most > 1 else until.copy()
            times.append(first)
    return np.stack(times).reshape(len(BEYOND), len(groups), draws).transpose(1, 0, 2)


def _taken(plan: Plan, durations: Durations, service: int, seed: int) -> tuple[Floats, Floats]:
    """Visit, and walk with gap, of as many as a table reaches beyond (each (N, D))."""
    owners = [(Stream.JOIN, [number_of(service, n) for n in range(BEYOND[-1])])]
    luck = words(seed, owners, plan.draws)
    visits = [(service, durations.table(service, ANY_REASON))] * BEYOND[-1]
    return lengths(durations, luck, visits, plan.servers.pace, np.float64)[:2]

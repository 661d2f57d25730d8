"""What one who joined now would wait, for every number of people due before: read off one run.

Before being called, one who joins changes nothing for others. So the call comes at the first
moment at which a server who can serve the service either has nobody to call or calls somebody later
in the order: exactly, without simulating the joiner. For one with k due before, "later" means after
the k-th of the eligible waiting. For a walk-in now (`due_by` = now + target) it also counts those
whom the run lets come meanwhile. More people due before than there are: each takes the next such
moment and keeps that server for a walk, a visit and a gap.
"""

from collections.abc import Sequence

import numpy as np

from queueapp.domain.ordering import can_serve
from queueapp.domain.quantiles import JoinKey, JoinTable, Quantiles
from queueapp.domain.snapshot import Snapshot
from queueapp.domain.visit import Presence
from queueapp.waits.chance import Stream, levels, stream
from queueapp.waits.durations import ANY_REASON, Durations, Floats
from queueapp.waits.people import walk_in_target_s
from queueapp.waits.plan import Plan
from queueapp.waits.simulate import Outcome

# How many more than are there a table reaches, and its steps further ahead.
BEYOND = (1, 2, 4, 8)
STEP = 4


def summarise(times: Floats, due: Sequence[float] | Floats) -> list[Quantiles]:
    """Quantiles of each row of `times` (K, D) in seconds; `due` (K,) is the row's target."""
    ordered = np.sort(times, axis=1)
    draws = ordered.shape[1]
    picks = [
        ordered[:, min(max(int(np.ceil(p * draws)) - 1, 0), draws - 1)] for p in (0.1, 0.5, 0.9)
    ]
    miss = (times > np.asarray(due)[:, None]).mean(axis=1)
    never = np.isinf(times).mean(axis=1)
    return [Quantiles(*(float(v) for v in row)) for row in zip(*picks, miss, never, strict=True)]


def join_tables(
    snapshot: Snapshot, plan: Plan, outcome: Outcome, durations: Durations, seed: int
) -> dict[JoinKey, JoinTable]:
    """A table per service, and per service and clinician who gives it today."""
    shifts = plan.servers.shifts
    chances: dict[float, Floats] = {}
    ahead: dict[tuple[float, tuple[int, ...]], tuple[list[int], Floats]] = {}
    tables: dict[JoinKey, JoinTable] = {}
    for service in snapshot.services:
        target = walk_in_target_s(snapshot, service)
        able = tuple(i for i, s in enumerate(shifts) if service in s.services)
        groups: dict[int | None, tuple[int, ...]] = {None: able}
        for one in sorted({shifts[i].clinician_id for i in able}):
            groups[one] = tuple(i for i in able if shifts[i].clinician_id == one)
        if target not in chances:
            chances[target] = _chances(plan, outcome, target)
        taken = _taken(durations, service, plan.servers.pace[service], seed)
        for clinician, group in groups.items():
            if (target, group) not in ahead:
                ahead[target, group] = _up_to_now(plan, outcome, chances[target], group, target)
            ranks, times = ahead[target, group]
            more = _beyond(plan, chances[target], group, taken, durations, service)
            times = np.concatenate([times, more])
            due = np.full(len(times), target)
            tables[service, clinician] = JoinTable(
                (*ranks, *(ranks[-1] + b for b in BEYOND)), tuple(summarise(times, due))
            )
    return tables


def _chances(plan: Plan, outcome: Outcome, target: float) -> Floats:
    """When each server (D, S) is first free for a walk-in of now: idle or calling one due later."""
    later = np.where(target < plan.key.T, outcome.called, np.inf)
    free = outcome.idle.copy()
    for s in range(free.shape[1]):
        first = np.where(outcome.server == s, later, np.inf).min(axis=0, initial=np.inf)
        free[:, s] = np.minimum(free[:, s], first)
    return free


def _up_to_now(
    plan: Plan, outcome: Outcome, free: Floats, group: tuple[int, ...], target: float
) -> tuple[list[int], Floats]:
    """Ranks up to those due before a walk-in of now, and the call times there (K, D)."""
    draws, width = plan.key.shape[0], len(plan.waiting)
    if not group:
        return [0], np.full((1, draws), np.inf)
    shifts = {plan.servers.shifts[i].shift_id: plan.servers.shifts[i] for i in group}.values()
    before = [
        i
        for i, c in enumerate(plan.waiting)
        if c.presence is Presence.HERE
        and plan.key[0, i] <= target
        and any(can_serve(c, s) for s in shifts)
    ]
    most = len(before)
    now = free[:, group].min(axis=1)
    idle = outcome.idle[:, group].min(axis=1)
    in_group = np.zeros(len(plan.servers.shifts) + 1, dtype=bool)
    in_group[list(group)] = True
    mine = np.where(in_group[outcome.server[:width]], outcome.called[:width], np.inf)
    from_here = np.minimum.accumulate(mine[::-1], axis=0)[::-1]
    ranks = sorted({*range(min(4, most)), *range(0, most, STEP), max(most - 1, 0), most})
    times = []
    for rank in ranks:
        place = before[rank - 1] + 1 if rank else 0
        later = from_here[place] if place < width else np.inf
        times.append(now if rank == most else np.minimum(np.minimum(later, idle), now))
    return ranks, np.stack(times)


def _taken(durations: Durations, service: int, pace: Floats, seed: int) -> tuple[Floats, Floats]:
    """Visit, and walk with gap, of as many as a table reaches beyond (each (N, D))."""
    most = BEYOND[-1]
    picks = levels(stream(seed, Stream.JOIN, service), 3 * most, len(pace))
    visit = durations.table(service, ANY_REASON)[picks[:most]] * pace
    return visit, durations.walk[picks[most : 2 * most]] + durations.gap[picks[2 * most :]]


def _beyond(
    plan: Plan,
    free: Floats,
    group: tuple[int, ...],
    taken: tuple[Floats, Floats],
    durations: Durations,
    service: int,
) -> Floats:
    """Call times (len(BEYOND), D) of one with more due before than there are."""
    draws = free.shape[0]
    if not group:
        return np.full((len(BEYOND), draws), np.inf)
    servers = np.array(group)
    factor = np.array(
        [durations.factor(service, plan.servers.shifts[i].clinician_id) for i in group]
    )
    left, rows = free[:, servers], np.arange(draws)
    times = []
    for n, (visit, other) in enumerate(zip(*taken, strict=True), 1):
        pick = left.argmin(axis=1)
        until = left[rows, pick] + visit * factor[pick] + other
        left[rows, pick] = plan.servers.open_from(servers[pick], until)
        if n in BEYOND:
            times.append(left.min(axis=1))
    return np.stack(times)

"""When one who joins is called with more people due before than there are.

Each of these takes the next moment at which a server has nobody to call or calls somebody later in
the order, and keeps that server for a walk, a visit and a gap.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from queueapp.waits.bits import Stamp
from queueapp.waits.chance import Stream, number_of, words
from queueapp.waits.durations import ANY_REASON, Durations, Floats, Singles
from queueapp.waits.lengths import lengths
from queueapp.waits.plan import Plan

# How many more than are there a table reaches.
BEYOND = (1, 2, 4, 8)


class Beyond:
    """Those who join different services with up to BEYOND more people due before, in D draws."""

    def __init__(
        self, plan: Plan, durations: Durations, services: Sequence[int], seed: int
    ) -> None:
        self.servers, self.most = plan.servers, BEYOND[-1]
        self.number = {service: n for n, service in enumerate(services)}
        owners = [(Stream.JOIN, [number_of(s, n) for s in services]) for n in range(self.most)]
        visits = [(s, durations.table(s, ANY_REASON)) for s in services] * self.most
        luck = words(seed, owners, plan.draws)
        visit, besides, _ = lengths(durations, luck, visits, plan.servers.pace, np.float64)
        shape = (self.most, len(services), plan.draws)
        self.visit, self.besides = visit.reshape(shape), besides.reshape(shape)
        self.factor = np.array(
            [
                [durations.factor(s, one.clinician_id) for one in self.servers.shifts]
                for s in services
            ]
        )

    def alone(
        self, services: Sequence[int], server: Sequence[int], free: Singles
    ) -> Iterator[Floats]:
        """Call times (G, D) of each of BEYOND, where one `server` is `free` (G, D) to begin.

        They are one array: the next ones take the place of the last.
        """
        which, whose = [self.number[s] for s in services], np.array(server)
        factor = self.factor[which, whose][:, None]
        limits = self.servers.limits(float(free.min())).take(whose)
        until = free.astype(np.float64)
        for n, (visit, besides) in enumerate(zip(self.visit, self.besides, strict=True), 1):
            taken = visit.take(which, axis=0)
            taken *= factor
            taken += besides.take(which, axis=0)
            until += taken
            over = (until.max(axis=1) >= limits).nonzero()[0]
            if len(over):
                until[over] = self.servers.open_from(whose[over, None], until[over])
            if n in BEYOND:
                yield until

    def together(
        self, services: Sequence[int], groups: Sequence[tuple[int, ...]], free: Sequence[Singles]
    ) -> Iterator[Floats]:
        """The same where each in turn takes whoever of a group of n is `free` (n, D) first."""
        most, draws = max(map(len, groups)), free[0].shape[1]
        which = [self.number[s] for s in services]
        at = np.full((most, len(groups), draws), np.inf)
        whose = np.zeros((len(groups), most), dtype=np.intp)
        for g, group in enumerate(groups):
            at[: len(group), g] = free[g]
            whose[g, : len(group)] = group
        factor = self.factor[np.array(which)[:, None], whose]
        limits = self.servers.limits(float(at.min()))
        stamp = Stamp(most)
        left = stamp.put(at.reshape(most, -1), np.arange(most)[:, None])
        start = np.repeat(np.arange(len(groups)) * most, draws)
        columns = np.arange(left.shape[1])
        until, number = stamp.read(np.minimum.reduce(left, axis=0))
        for n, (visit, besides) in enumerate(zip(self.visit, self.besides, strict=True), 1):
            spot = start + number
            taken = factor.take(spot)
            taken *= visit.take(which, axis=0).ravel()
            taken += besides.take(which, axis=0).ravel()
            until += taken
            self.servers.open_in_place(whose.take(spot), until, limits)
            left.reshape(-1)[number * len(columns) + columns] = stamp.put(until, number)
            until, number = stamp.read(np.minimum.reduce(left, axis=0))
            if n in BEYOND:
                yield until.reshape(-1, draws)


def beyond(
    plan: Plan,
    durations: Durations,
    asked: Sequence[tuple[int, tuple[int, ...], Singles]],
    seed: int,
) -> Singles:
    """Call times (G, len(BEYOND), D) for each of BEYOND people more; infinity without servers.

    Each of G `asked` about is a service, a group of servers, and when these are first free (n, D).
    """
    times = np.full((len(asked), len(BEYOND), plan.draws), np.inf, dtype=np.float32)
    tell = Beyond(plan, durations, list(dict.fromkeys(service for service, _, _ in asked)), seed)
    # Where there is but one server nobody need look who is free first.
    alone = [g for g, (_, group, _) in enumerate(asked) if len(group) == 1]
    if alone:
        services, groups, free = zip(*(asked[g] for g in alone), strict=True)
        one = [group[0] for group in groups]
        for n, until in enumerate(tell.alone(services, one, np.concatenate(free))):
            times[alone, n] = until
    several = [g for g, (_, group, _) in enumerate(asked) if len(group) > 1]
    if several:
        for n, until in enumerate(tell.together(*zip(*(asked[g] for g in several), strict=True))):
            times[several, n] = until
    return times

"""Those who come unannounced, at the usual rate of the hour (Poisson)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil, sqrt
from zoneinfo import ZoneInfo

import numpy as np

from queueapp.domain.ordering import Candidate
from queueapp.domain.snapshot import Snapshot
from queueapp.domain.visit import EntryClass
from queueapp.waits.chance import Stream, number_of, streams
from queueapp.waits.durations import ANY_REASON, Durations, Floats, Singles
from queueapp.waits.people import Comers, target_of, unless, walk_in_target_s
from queueapp.waits.servers import after

MOST_ARRIVALS = 60
# Keys of those who do not come stay finite, after everybody else of their band.
FAR_S = 9e5

# Moments (seconds) with how many are expected to have come by then.
Knots = list[tuple[float, float]]


def turning_up(
    snapshot: Snapshot, durations: Durations, until: float, held: float, draws: int, seed: int
) -> Comers:
    """Those who come before `until`.

    Those due after everyone here overtake only who cannot be called yet: until the last of these
    can (`held`), they come; later they would change nothing.
    """
    now, rates = snapshot.taken_at, snapshot.habits.arrivals_per_hour
    latest = after(snapshot, max((c.due_by for c in snapshot.waiting), default=now))
    latest = max([latest, *(walk_in_target_s(snapshot, s) for s in snapshot.services)])
    whole, first = (_hours(snapshot, last) for last in (until, min(until, held)))
    kinds = sorted({(s, c) for s, c, _ in rates})
    candidates: list[Candidate] = []
    owners: list[tuple[Stream, range]] = []
    targets: list[float] = []
    came: list[Singles] = [np.zeros((0, draws), dtype=np.float32)]
    tables: list[Floats] = []
    each = zip(kinds, streams(seed, Stream.ARRIVALS, range(len(kinds))), strict=True)
    for number, ((service, label), chance) in enumerate(each):
        target = target_of(snapshot, service, label)
        moments, hours = whole if target.total_seconds() < latest else first
        knots = _knots([rates.get((service, label, h), 0.0) for h in hours], moments)
        total = knots[-1][1]
        count = min(ceil(total + 3 * sqrt(total)), MOST_ARRIVALS)
        if not count:
            continue
        band = 0 if label == EntryClass.EMERGENCY else 1
        person = Candidate(
            -1 - number, -1 - number, service, label, band, now + target, now, 0, now, target
        )
        candidates += [person] * count
        targets += [target.total_seconds()] * count
        own = number_of(number, 0)
        owners.append((Stream.ARRIVED, range(own, own + count)))
        came.append(_when(chance.standard_exponential((count, draws)), knots))
        tables += [durations.table(service, ANY_REASON)] * count
    free_from = np.concatenate(came)
    due = free_from.astype(np.float64)
    np.minimum(due, FAR_S, out=due)
    due += np.array(targets).reshape(-1, 1)
    return Comers(candidates, due, free_from, owners, tables)


def _when(between: Floats, knots: Knots) -> Singles:
    """When so many of a kind (n, D) come, by straight lines between the knots.

    `between` one and the next lies so much of what is expected; it is summed up in place. Infinity
    for who comes after the last knot.
    """
    # One after the other, so that a longer horizon leaves the luck of the earlier ones alone.
    for earlier, later in pairwise(between):
        later += earlier
    counted = between.astype(np.float32)
    line = np.array(knots, dtype=np.float32)
    steps = zip(pairwise(line[:, 1].tolist()), (line[1:] - line[:-1]).tolist(), strict=True)
    at = np.zeros(counted.shape, dtype=np.float32)
    for (before, by), (lasts, more) in steps:
        if more > 0:
            beyond = counted.clip(before, by)
            beyond -= before
            beyond *= lasts / more
            at += beyond
        elif lasts > 0:
            at += np.float32(lasts) * (counted > before)
    return unless(counted > line[-1, 1], at)


def _knots(rates: Sequence[float], moments: Sequence[float]) -> Knots:
    """How many are expected by each moment, at so many an hour from one to the next."""
    knots = [(0.0, 0.0)]
    for rate, (begin, end) in zip(rates, pairwise(moments), strict=True):
        knots.append((end, knots[-1][1] + rate * (end - begin) / 3600.0))
    return knots


def _hours(snapshot: Snapshot, until: float) -> tuple[list[float], list[int]]:
    """Moments from now up to `until` (seconds), and the local hours that they end or cut."""
    zone = ZoneInfo(snapshot.zone)
    moments, hours = [0.0], []
    while moments[-1] < until:
        at: datetime = (snapshot.taken_at + timedelta(seconds=moments[-1])).astimezone(zone)
        left = 3600.0 - at.minute * 60 - at.second - at.microsecond / 1e6
        moments.append(moments[-1] + max(min(left, until - moments[-1]), 1e-3))
        hours.append(at.hour)
    return moments, hours

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
from queueapp.waits.chance import Stream, number_of, stream
from queueapp.waits.durations import ANY_REASON, Durations, Floats, Singles
from queueapp.waits.people import Comers, target_of, walk_in_target_s
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
    now = snapshot.taken_at
    latest = max((after(snapshot, c.due_by) for c in snapshot.waiting), default=0.0)
    latest = max([latest, *(walk_in_target_s(snapshot, s) for s in snapshot.services)])
    candidates: list[Candidate] = []
    owners: list[tuple[Stream, list[int]]] = []
    counted: list[Floats] = []
    expected: list[Knots] = []
    rates = snapshot.habits.arrivals_per_hour
    kinds = sorted({(s, c) for s, c, _ in rates})
    whole, first = (_hours(snapshot, last) for last in (until, min(until, held)))
    for number, (service, label) in enumerate(kinds):
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
        owners.append((Stream.ARRIVED, [number_of(number, i) for i in range(count)]))
        expected.append(knots)
        # One after the other, so that a longer horizon leaves the luck of the earlier ones alone.
        between = stream(seed, Stream.ARRIVALS, number).standard_exponential((count, draws))
        for earlier, later in pairwise(between):
            later += earlier
        counted.append(between)
    came = _when(counted, expected) if counted else np.zeros((0, draws), dtype=np.float32)
    targets = np.array([one.target.total_seconds() for one in candidates]).reshape(-1, 1)
    due = np.minimum(came, np.float32(FAR_S)) + targets
    tables = [durations.table(one.service_id, ANY_REASON) for one in candidates]
    return Comers(candidates, due, came, owners, tables)


def _when(groups: Sequence[Floats], expected: Sequence[Knots]) -> Singles:
    """When so many of each group (n, D) have come, by straight lines between its knots.

    All groups one after the other (N, D); infinity for who comes after the last knot.
    """
    most = max(map(len, expected))
    padded = np.array([knots + knots[-1:] * (most - len(knots)) for knots in expected])
    counted = np.concatenate(groups).astype(np.float32)
    each = np.repeat(padded, [len(group) for group in groups], axis=0).astype(np.float32)
    at = np.zeros_like(counted)
    for begin, end in pairwise(each.transpose(1, 2, 0)[..., None]):
        lasts, more = end - begin
        beyond = counted - begin[1]
        nobody = (more == 0) & (lasts > 0)
        if nobody.any():
            at += lasts * (nobody & (beyond > 0))
        np.maximum(beyond, 0, out=beyond)
        np.minimum(beyond, more, out=beyond)
        beyond *= np.divide(lasts, more, out=np.zeros_like(more), where=more > 0)
        at += beyond
    return np.where(counted > each[:, -1, 1:], np.float32(np.inf), at)


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

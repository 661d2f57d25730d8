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
from queueapp.waits.durations import ANY_REASON, Durations, Floats
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
    kinds = sorted({(s, c) for s, c, _ in snapshot.habits.arrivals_per_hour})
    for number, (service, label) in enumerate(kinds):
        target = target_of(snapshot, service, label)
        last = until if target.total_seconds() < latest else min(until, held)
        knots = _knots(snapshot, service, label, last)
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
    came = _when(counted, expected) if counted else np.zeros((0, draws))
    due = np.minimum(came, FAR_S)
    due += np.array([one.target.total_seconds() for one in candidates]).reshape(-1, 1)
    tables = [durations.table(one.service_id, ANY_REASON) for one in candidates]
    return Comers(candidates, due, came, owners, tables)


def _when(groups: Sequence[Floats], expected: Sequence[Knots]) -> Floats:
    """When so many of each group (n, D) have come, by straight lines between its knots.

    All groups one after the other (N, D); infinity for who comes after the last knot.
    """
    most = max(map(len, expected))
    padded = np.array([knots + knots[-1:] * (most - len(knots)) for knots in expected])
    counted = np.concatenate(groups)
    at = np.zeros_like(counted)
    each = np.repeat(padded, [len(group) for group in groups], axis=0).transpose(1, 2, 0)
    for begin, end in pairwise(each[..., None]):
        lasts, more = end - begin
        beyond = counted - begin[1]
        nobody = (more == 0) & (lasts > 0)
        if nobody.any():
            at += lasts * (nobody & (beyond > 0))
        np.maximum(beyond, 0.0, out=beyond)
        np.minimum(beyond, more, out=beyond)
        beyond *= np.divide(lasts, more, out=np.zeros_like(more), where=more > 0)
        at += beyond
    np.copyto(at, np.inf, where=counted > each[-1, 1, :, None])
    return at


def _knots(snapshot: Snapshot, service: int, label: str, until: float) -> Knots:
    """From now on one per local hour up to `until`."""
    zone = ZoneInfo(snapshot.zone)
    knots = [(0.0, 0.0)]
    while (last := knots[-1])[0] < until:
        at: datetime = (snapshot.taken_at + timedelta(seconds=last[0])).astimezone(zone)
        left = 3600.0 - at.minute * 60 - at.second - at.microsecond / 1e6
        step = min(left, until - last[0])
        rate = snapshot.habits.arrivals_per_hour.get((service, label, at.hour), 0.0)
        knots.append((last[0] + max(step, 1e-3), last[1] + rate * step / 3600.0))
    return knots

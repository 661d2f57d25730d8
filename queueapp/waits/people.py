"""Who will be there to be called: those waiting, the booked to come, those who may turn up."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, sqrt
from statistics import NormalDist
from zoneinfo import ZoneInfo

import numpy as np

from queueapp.domain.ordering import Candidate
from queueapp.domain.snapshot import Expected, Snapshot
from queueapp.domain.visit import EntryClass, PreferenceKind, Presence
from queueapp.waits.chance import (
    Part,
    Stream,
    Words,
    levels,
    number_of,
    shares,
    stream,
    words,
)
from queueapp.waits.durations import ANY_REASON, LEVELS, NORMAL, Durations, Floats, Singles
from queueapp.waits.servers import Servers, after

MOST_ARRIVALS = 60
# Keys of those who do not come stay finite, after everybody else of their band.
FAR_S = 9e5
_NORMAL_STEPS = np.diff(NORMAL)


@dataclass(frozen=True, slots=True, eq=False)
class Comers:
    """N people who are not there yet: seconds from the snapshot, one value per draw (N, D).

    `tables` (N,) are quantiles of their visits.
    """

    candidates: list[Candidate]
    due: Floats
    free_from: Floats
    luck: Words
    tables: list[Floats]


def walk_in_target_s(snapshot: Snapshot, service: int) -> float:
    """The wait allowed to one who walks in for a service."""
    return _target(snapshot, service, EntryClass.WALK_IN).total_seconds()


def waiting_table(snapshot: Snapshot, durations: Durations, one: Candidate) -> Floats:
    """Quantiles of the visit of one who waits."""
    return durations.table(one.service_id, snapshot.reasons.get(one.entry_id))


def free_from(snapshot: Snapshot, one: Candidate) -> float:
    """From when one who waits may be called, whatever their visit does elsewhere."""
    free = _back_from(snapshot, one)
    if one.passed_over_until is not None:
        free = max(free, after(snapshot, one.passed_over_until))
    return free


def elsewhere_until(
    snapshot: Snapshot,
    durations: Durations,
    servers: Servers,
    one: Candidate,
    draws: int,
    seed: int,
) -> Floats:
    """Until when another entry of their visit is in a room (D,)."""
    known = servers.visit_free.get(one.visit_id)
    if known is not None:
        return known
    luck = words(seed, [(Stream.ELSEWHERE, one.entry_id)], draws)[0]
    return waiting_table(snapshot, durations, one)[levels(luck, Part.VISIT)]


def gone_after(snapshot: Snapshot, waited: Floats, luck: Words) -> Singles:
    """Seconds after their arrival when people give up who have not after `waited` (N,) seconds.

    (N, D); infinity for who never does. `snapshot` knows how long people stay.
    """
    at, share = (np.array(column) for column in zip(*snapshot.habits.patience, strict=True))
    still = np.append(1.0, share).take(at.searchsorted(waited, side="right"))
    # When so small a share is left; who is still there is one of a larger one.
    falls = np.append(at, np.inf).take((-share).searchsorted(-np.arange(LEVELS) / LEVELS))
    level = levels(luck, Part.WALK) * still.astype(np.float32)[:, None]
    gone: Singles = falls.astype(np.float32).take(level.astype(np.intp))
    return gone


def _back_from(snapshot: Snapshot, one: Candidate) -> float:
    if one.presence is Presence.HERE:
        return 0.0
    if one.presence is Presence.UNCONFIRMED:
        return np.inf
    back = snapshot.back_by.get(one.entry_id)
    if back is None and one.presence is Presence.ON_THE_WAY:
        back = one.arrived_at + snapshot.rules.come_by
    # Overdue or without a word: asked after the overdue time, so expected about then.
    soon = snapshot.rules.overdue_back.total_seconds()
    return soon if back is None or back <= snapshot.taken_at else after(snapshot, back)


def booked(
    snapshot: Snapshot, durations: Durations, to_come: Sequence[Expected], draws: int, seed: int
) -> Comers:
    """Booked patients to come: may not come, may be early or late, as `booked_reference` says.

    What is known by now counts: who is not here yet comes later than now, and the longer they are
    overdue the less likely they are to come (Bayes).
    """
    habits, rules = snapshot.habits, snapshot.rules
    numbers = [one.appointment_id for one in to_come]
    come, late = (
        shares(words(seed, [(kind, n) for n in numbers], draws))
        for kind in (Stream.COMING, Stream.LATENESS)
    )

    def each(values: Sequence[float]) -> Floats:
        return np.array(values, dtype=np.float64).reshape(-1, 1)

    scheduled = each([after(snapshot, one.scheduled_at) for one in to_come])
    mean, sd = habits.lateness_s
    if sd > 0:
        usual = NormalDist(mean, sd)
        past = each([usual.cdf(-s) for s in scheduled[:, 0].tolist()])
        lateness = mean + sd * _normal(past + (1 - past) * late)
    else:
        past, lateness = (scheduled + mean < 0).astype(np.float64), np.full_like(late, mean)
    missing = habits.no_show
    absent = missing / np.maximum(missing + (1 - missing) * (1 - past), 1e-12)
    arrives = np.maximum(scheduled + lateness, 0.0)
    delay = each([_declared_delay_s(snapshot, one.candidate) for one in to_come])
    late_by = arrives - scheduled - delay
    allowed = np.where(
        late_by > rules.too_late.total_seconds(),
        each([walk_in_target_s(snapshot, one.candidate.service_id) for one in to_come]),
        each([one.candidate.target.total_seconds() for one in to_come]),
    )
    return Comers(
        candidates=[one.candidate for one in to_come],
        due=np.where(late_by <= rules.grace.total_seconds(), scheduled, arrives) + allowed,
        free_from=np.where(come < absent, np.inf, arrives),
        luck=words(seed, [(Stream.EXPECTED, n) for n in numbers], draws),
        tables=[_booked_table(snapshot, durations, one) for one in to_come],
    )


def _normal(share: Floats) -> Floats:
    """Quantiles of the normal distribution, by straight lines between those known."""
    place = np.clip(share * LEVELS - 0.5, 0.0, LEVELS - 1.0)
    low = np.minimum(place.astype(np.intp), LEVELS - 2)
    found: Floats = NORMAL.take(low)
    found += (place - low) * _NORMAL_STEPS.take(low)
    return found


def _booked_table(snapshot: Snapshot, durations: Durations, one: Expected) -> Floats:
    service = one.candidate.service_id
    table = durations.table(service, one.reason_id)
    usual = snapshot.service_default_s.get(service)
    if one.reason_id is None and usual and one.planned > timedelta(0):
        table = table * min(max(one.planned.total_seconds() / usual, 0.5), 3.0)
    return table


def _declared_delay_s(snapshot: Snapshot, person: Candidate) -> float:
    if person.preference is PreferenceKind.NONE:
        return 0.0
    delays = [s.declared_delay for s in snapshot.shifts if s.clinician_id in person.clinicians]
    return max(delays, default=timedelta(0)).total_seconds()


def soon_booked(snapshot: Snapshot, until: float) -> list[Expected]:
    """Those who may come before `until` (the horizon), in order of their time.

    Who comes later changes nobody's wait; a clinic's whole afternoon need not be played for a line
    of ten minutes.
    """
    until += snapshot.rules.check_in_opens.total_seconds()
    soon = (e for e in snapshot.expected if after(snapshot, e.scheduled_at) <= until)
    return sorted(soon, key=lambda e: (e.scheduled_at, e.candidate.number))


def turning_up(
    snapshot: Snapshot, durations: Durations, servers: Servers, until: float, draws: int, seed: int
) -> Iterator[Comers]:
    """Those who come unannounced before `until`, at the usual rate of the hour (Poisson).

    Those due after everyone here overtake only who cannot be called yet: until the last of these
    can, they come; later they would change nothing.
    """
    latest = max((after(snapshot, c.due_by) for c in snapshot.waiting), default=0.0)
    latest = max([latest, *(walk_in_target_s(snapshot, s) for s in snapshot.services)])
    held = _held_until(snapshot, servers)
    kinds = sorted({(s, c) for s, c, _ in snapshot.habits.arrivals_per_hour})
    for number, (service, label) in enumerate(kinds):
        target = _target(snapshot, service, label)
        last = until if target.total_seconds() < latest else min(until, held)
        moments, expected = _expected_count(snapshot, service, label, last)
        total = expected[-1]
        count = min(ceil(total + 3 * sqrt(total)), MOST_ARRIVALS) if total > 0 else 0
        if not count:
            continue
        band = 0 if label == EntryClass.EMERGENCY else 1
        now = snapshot.taken_at
        person = Candidate(
            -1 - number, -1 - number, service, label, band, now + target, now, 0, now, target
        )
        chance = stream(seed, Stream.ARRIVALS, number)
        between = chance.standard_exponential((count, draws))
        came = _when(np.cumsum(between, axis=0), moments, expected)
        # One after the other, so that a longer horizon leaves the luck of the earlier ones alone.
        yield Comers(
            candidates=[person] * count,
            due=np.minimum(came, FAR_S) + target.total_seconds(),
            free_from=came,
            luck=words(seed, [(Stream.ARRIVED, number_of(number, i)) for i in range(count)], draws),
            tables=[durations.table(service, ANY_REASON)] * count,
        )


def _when(counted: Floats, moments: Sequence[float], expected: Sequence[float]) -> Floats:
    """When so many have come, by straight lines between the knots; infinity after the last."""
    at = np.zeros_like(counted)
    for i in range(1, len(moments)):
        more, lasts = expected[i] - expected[i - 1], moments[i] - moments[i - 1]
        beyond = counted - expected[i - 1]
        if more > 0:
            np.clip(beyond, 0.0, more, out=beyond)
            beyond *= lasts / more
            at += beyond
        else:
            at += lasts * (beyond > 0)
    at[counted > expected[-1]] = np.inf
    return at


def horizon(snapshot: Snapshot, durations: Durations, servers: Servers) -> float:
    """Somewhat later than the last one waiting is likely called (seconds)."""
    line = Counter(one.service_id for one in snapshot.waiting)
    work = {s: count * durations.mean_s(s, ANY_REASON) for s, count in line.items()}
    longest = sum(work.values()) / max(len(servers.shifts), 1)
    for service, seconds in work.items():
        able = sum(service in s.services for s in servers.shifts)
        longest = max(longest, seconds / max(able, 1))
    wanted = 1200.0 + 1.25 * longest + _held_until(snapshot, servers)
    return max(min(wanted, float(servers.ends.max(initial=0.0))), 0.0)


def _held_until(snapshot: Snapshot, servers: Servers) -> float:
    """Seconds until everyone waiting can be called, as far as that is known."""
    held = [0.0]
    for one in snapshot.waiting:
        if one.presence is not Presence.UNCONFIRMED:
            held.append(_back_from(snapshot, one))
        if one.passed_over_until is not None:
            held.append(after(snapshot, one.passed_over_until))
        if one.visit_busy and one.visit_id in servers.visit_free:
            held.append(float(np.median(servers.visit_free[one.visit_id])))
    return max(held)


def _expected_count(
    snapshot: Snapshot, service: int, label: str, until: float
) -> tuple[list[float], list[float]]:
    """Knots (seconds, arrivals expected by then), one per local hour up to `until`."""
    zone = ZoneInfo(snapshot.zone)
    moments, expected = [0.0], [0.0]
    while moments[-1] < until:
        at: datetime = (snapshot.taken_at + timedelta(seconds=moments[-1])).astimezone(zone)
        left = 3600.0 - at.minute * 60 - at.second - at.microsecond / 1e6
        step = min(left, until - moments[-1])
        rate = snapshot.habits.arrivals_per_hour.get((service, label, at.hour), 0.0)
        moments.append(moments[-1] + max(step, 1e-3))
        expected.append(expected[-1] + rate * step / 3600.0)
    return moments, expected


def _target(snapshot: Snapshot, service: int, label: str) -> timedelta:
    rules = snapshot.rules
    defaults = {
        EntryClass.EMERGENCY.value: timedelta(0),
        EntryClass.URGENT.value: rules.urgent_target,
        EntryClass.BOOKED.value: rules.booked_target,
        EntryClass.ONWARD.value: rules.onward_target,
    }
    return snapshot.targets.get((service, label)) or defaults.get(label, rules.walk_in_target)

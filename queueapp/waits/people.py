"""Who will be there to be called: those waiting, the booked to come, those who may turn up."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, sqrt
from statistics import NormalDist
from zoneinfo import ZoneInfo

import numpy as np

from queueapp.domain.ordering import Candidate
from queueapp.domain.snapshot import Expected, Snapshot
from queueapp.domain.visit import EntryClass, PreferenceKind, Presence
from queueapp.waits.chance import Stream, levels, stream
from queueapp.waits.durations import ANY_REASON, NORMAL, SHARES, Durations, Floats
from queueapp.waits.servers import Servers, after

MOST_ARRIVALS = 60
# Keys of those who do not come stay finite, after everybody else of their band.
FAR_S = 9e5


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One who may be called: seconds from the snapshot, one value per draw (D,)."""

    candidate: Candidate
    due: Floats
    free_from: Floats
    walk: Floats
    visit: Floats
    gap: Floats


def walk_in_target_s(snapshot: Snapshot, service: int) -> float:
    """The wait allowed to one who walks in for a service."""
    return _target(snapshot, service, EntryClass.WALK_IN).total_seconds()


def waiting(
    snapshot: Snapshot,
    durations: Durations,
    servers: Servers,
    one: Candidate,
    draws: int,
    seed: int,
) -> Column:
    """One who waits now; never free before `back_by`, never at all while unconfirmed."""
    service, reason = one.service_id, snapshot.reasons.get(one.entry_id)
    walk, visit, gap, other = levels(stream(seed, Stream.ENTRY, one.entry_id), 4, draws)
    table = durations.table(service, reason)
    free = np.full(draws, _free_from(snapshot, one))
    if one.passed_over_until is not None:
        free = np.maximum(free, after(snapshot, one.passed_over_until))
    if one.visit_busy:
        free = np.maximum(free, servers.visit_free.get(one.visit_id, table[other]))
    return Column(
        candidate=one,
        due=np.full(draws, after(snapshot, one.due_by)),
        free_from=free,
        walk=durations.walk[walk],
        visit=table[visit] * servers.pace[service],
        gap=durations.gap[gap],
    )


def _free_from(snapshot: Snapshot, one: Candidate) -> float:
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
    snapshot: Snapshot, durations: Durations, servers: Servers, one: Expected, draws: int, seed: int
) -> Column:
    """A booked patient to come: may not come, may be early or late, as `booked_reference` says.

    What is known by now counts: who is not here yet comes later than now, and the longer they are
    overdue the less likely they are to come (Bayes).
    """
    habits, rules, person = snapshot.habits, snapshot.rules, one.candidate
    chance = stream(seed, Stream.EXPECTED, one.appointment_id)
    walk, visit, gap = levels(chance, 3, draws)
    come, late = chance.random((2, draws))
    scheduled = after(snapshot, one.scheduled_at)
    mean, sd = habits.lateness_s
    if sd > 0:
        past = NormalDist(mean, sd).cdf(-scheduled)
        lateness = mean + sd * np.interp(past + (1 - past) * late, SHARES, NORMAL)
    else:
        past, lateness = float(scheduled + mean < 0), np.full(draws, mean)
    absent = habits.no_show / max(habits.no_show + (1 - habits.no_show) * (1 - past), 1e-12)
    if habits.no_show == 0:
        absent = 0.0
    arrives = np.maximum(scheduled + lateness, 0.0)
    late_by = arrives - scheduled - _declared_delay_s(snapshot, person)
    on_time = late_by <= rules.grace.total_seconds()
    too_late = late_by > rules.too_late.total_seconds()
    table = durations.table(person.service_id, one.reason_id)
    usual = snapshot.service_default_s.get(person.service_id)
    if one.reason_id is None and usual and one.planned > timedelta(0):
        table = table * min(max(one.planned.total_seconds() / usual, 0.5), 3.0)
    allowed = np.where(
        too_late,
        walk_in_target_s(snapshot, person.service_id),
        person.target.total_seconds(),
    )
    return Column(
        candidate=person,
        due=np.where(on_time, scheduled, arrives) + allowed,
        free_from=np.where(come < absent, np.inf, arrives),
        walk=durations.walk[walk],
        visit=table[visit] * servers.pace[person.service_id],
        gap=durations.gap[gap],
    )


def _declared_delay_s(snapshot: Snapshot, person: Candidate) -> float:
    if person.preference is PreferenceKind.NONE:
        return 0.0
    delays = [s.declared_delay for s in snapshot.shifts if s.clinician_id in person.clinicians]
    return max(delays, default=timedelta(0)).total_seconds()


def soon_booked(snapshot: Snapshot, durations: Durations, servers: Servers) -> list[Expected]:
    """Those who may come while anybody now here still waits, in order of their time.

    Who comes later changes nobody's wait; a clinic's whole afternoon need not be played for a line
    of ten minutes.
    """
    until = _horizon(snapshot, durations, servers) + snapshot.rules.check_in_opens.total_seconds()
    soon = (e for e in snapshot.expected if after(snapshot, e.scheduled_at) <= until)
    return sorted(soon, key=lambda e: (e.scheduled_at, e.candidate.number))


def turning_up(
    snapshot: Snapshot, durations: Durations, servers: Servers, draws: int, seed: int
) -> Iterator[Column]:
    """Those who come unannounced, at the usual rate of the hour (a Poisson process).

    Those due after everyone here overtake only who cannot be called yet: until the last of these
    can, they come; later they would change nothing.
    """
    until = _horizon(snapshot, durations, servers)
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
        band = 0 if label == EntryClass.EMERGENCY else 1
        now = snapshot.taken_at
        person = Candidate(
            -1 - number, -1 - number, service, label, band, now + target, now, 0, now, target
        )
        table = durations.table(service, ANY_REASON)
        pace = servers.pace[service]
        chance = stream(seed, Stream.ARRIVALS, number)
        waits = chance.standard_exponential((count, draws))
        at = np.interp(np.cumsum(waits, axis=0), expected, moments, right=np.inf)
        # One after the other, so that a longer horizon leaves the luck of the earlier ones alone.
        walk, visit, gap = (
            levels(stream(seed, kind, number), count, draws)
            for kind in (Stream.WALKS, Stream.VISITS, Stream.GAPS)
        )
        columns = zip(
            at, durations.walk[walk], table[visit] * pace, durations.gap[gap], strict=True
        )
        for came, *taken in columns:
            due = np.minimum(came, FAR_S) + target.total_seconds()
            yield Column(person, due, came, *taken)


def _horizon(snapshot: Snapshot, durations: Durations, servers: Servers) -> float:
    """Somewhat later than the last one waiting is likely called."""
    work: dict[int, float] = defaultdict(float)
    for one in snapshot.waiting:
        work[one.service_id] += durations.mean_s(one.service_id, ANY_REASON)
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
            held.append(_free_from(snapshot, one))
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

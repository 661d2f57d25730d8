"""Who will be there to be called: those waiting, the booked to come, those who may turn up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.ordering import Candidate
from queueapp.domain.snapshot import Expected, Snapshot
from queueapp.domain.visit import EntryClass, PreferenceKind, Presence
from queueapp.waits.chance import (
    Owners,
    Part,
    Stream,
    Words,
    pick,
    shares,
    words,
)
from queueapp.waits.durations import ANY_REASON, LEVELS, NORMAL, Durations, Floats, Singles
from queueapp.waits.servers import Servers, after

_NORMAL_STEPS = np.diff(NORMAL)
_EACH_LEVEL = np.arange(LEVELS, dtype=np.float64)
_NOW_OR_NEVER = np.array([0.0, np.inf], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Comers:
    """N people who are not there yet: seconds from the snapshot, one value per draw (N, D).

    `owners` are whose luck their visits have, `tables` (N,) quantiles of these.
    """

    candidates: list[Candidate]
    due: Floats
    free_from: Singles
    owners: Owners
    tables: list[Floats]


def walk_in_target_s(snapshot: Snapshot, service: int) -> float:
    """The wait allowed to one who walks in for a service."""
    return target_of(snapshot, service, EntryClass.WALK_IN).total_seconds()


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
    luck = words(seed, [(Stream.ELSEWHERE, [one.entry_id])], draws)
    until: Floats = pick(waiting_table(snapshot, durations, one), luck, Part.VISIT)[0]
    return until


def gone_after(snapshot: Snapshot, waited: Floats, luck: Words) -> Singles:
    """Seconds after their arrival when people give up who have not after `waited` (N,) seconds.

    (N, D); infinity for who never does. `snapshot` knows how long people stay.
    """
    at, share = (np.array(column) for column in zip(*snapshot.habits.patience, strict=True))
    # When so small a share is left; who is still there is one of a larger one.
    left = np.array([LEVELS, *np.ceil(share * LEVELS), 0], dtype=np.intp)
    falls = np.repeat(np.append(at, np.inf), left[:-1] - left[1:])[::-1].astype(np.float32)
    level = np.append(1.0, share).astype(np.float32)[:, None] * _EACH_LEVEL
    tables: Singles = falls.take(level.astype(np.intp))
    return pick(tables, luck, Part.WALK, at.searchsorted(waited, side="right").tolist())


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
    luck = shares(words(seed, [(Stream.COMING, numbers), (Stream.LATENESS, numbers)], draws))
    come, late = luck[: len(numbers)], luck[len(numbers) :]

    def each(values: Sequence[float]) -> Floats:
        return np.array(values, dtype=np.float64).reshape(-1, 1)

    scheduled = each([after(snapshot, one.scheduled_at) for one in to_come])
    mean, sd = habits.lateness_s
    if sd > 0:
        usual = NormalDist(mean, sd)
        past = each([usual.cdf(-s) for s in scheduled[:, 0].tolist()])
        late *= 1 - past
        late += past
        arrives = _normal(late)
        arrives *= sd
        arrives += mean
    else:
        past, arrives = (scheduled + mean < 0).astype(np.float64), np.full_like(late, mean)
    missing = habits.no_show
    absent = missing / np.maximum(missing + (1 - missing) * (1 - past), 1e-12)
    arrives += scheduled
    np.maximum(arrives, 0.0, out=arrives)
    late_by = arrives - scheduled
    delays = declared_delays(snapshot, [one.candidate for one in to_come])
    late_by -= each([delay.total_seconds() for delay in delays])
    as_walk_in = {
        s: walk_in_target_s(snapshot, s) for s in {c.candidate.service_id for c in to_come}
    }
    allowed = np.where(
        late_by > rules.too_late.total_seconds(),
        each([as_walk_in[one.candidate.service_id] for one in to_come]),
        each([one.candidate.target.total_seconds() for one in to_come]),
    )
    due = np.where(late_by <= rules.grace.total_seconds(), scheduled, arrives)
    due += allowed
    return Comers(
        candidates=[one.candidate for one in to_come],
        due=due,
        free_from=unless(come < absent, arrives.astype(np.float32)),
        owners=[(Stream.EXPECTED, numbers)],
        tables=[_booked_table(snapshot, durations, one) for one in to_come],
    )


def unless(never: NDArray[np.bool_], at: Singles) -> Singles:
    """Moments, changed in place to infinity where `never` says so.

    By a table: the processor cannot guess which branch chance takes, and waits at each.
    """
    at += _NOW_OR_NEVER.take(never, mode="wrap")
    return at


def _normal(share: Floats) -> Floats:
    """Quantiles of the normal distribution, by straight lines between those known."""
    place = share * LEVELS
    place -= 0.5
    place.clip(0.0, LEVELS - 1.0, out=place)
    whole = np.floor(place)
    np.minimum(whole, LEVELS - 2.0, out=whole)
    low = whole.astype(np.intp)
    place -= whole
    place *= _NORMAL_STEPS.take(low, mode="wrap")
    place += NORMAL.take(low, mode="wrap")
    return place


def _booked_table(snapshot: Snapshot, durations: Durations, one: Expected) -> Floats:
    service = one.candidate.service_id
    table = durations.table(service, one.reason_id)
    usual = snapshot.service_default_s.get(service)
    if one.reason_id is None and usual and one.planned > timedelta(0):
        table = table * min(max(one.planned.total_seconds() / usual, 0.5), 3.0)
    return table


def declared_delays(snapshot: Snapshot, people: Sequence[Candidate]) -> list[timedelta]:
    """By how much those whom each of them wished for said that they will be late."""
    declared = [(s.clinician_id, s.declared_delay) for s in snapshot.shifts if s.declared_delay]
    if not declared:
        return [timedelta(0)] * len(people)
    wished = [c.clinicians if c.preference is not PreferenceKind.NONE else () for c in people]
    delays = ([delay for one, delay in declared if one in wish] for wish in wished)
    return [max(mine, default=timedelta(0)) for mine in delays]


def wished_spans(snapshot: Snapshot, wishing: Sequence[Candidate]) -> Floats:
    """From when until when each shift wished for by N people is there (J, 2, N, 1).

    Who wished for fewer than J has infinities instead.
    """
    shifts = [
        (after(snapshot, s.starts_at), after(snapshot, s.ends_at), s) for s in snapshot.shifts
    ]
    wishes = [(one.service_id, one.clinicians) for one in wishing]
    spans = {
        (service, wished): [
            (starts, ends)
            for starts, ends, s in shifts
            if s.clinician_id in wished and service in s.services
        ]
        for service, wished in set(wishes)
    }
    most = max(map(len, spans.values()))
    padded = {wish: mine + [(np.inf, np.inf)] * (most - len(mine)) for wish, mine in spans.items()}
    times = np.array([padded[wish] for wish in wishes]).reshape(len(wishes), most, 2)
    return times.transpose(1, 2, 0)[..., None]


def soon_booked(snapshot: Snapshot, until: float) -> list[Expected]:
    """Those who may come before `until` (the horizon), in order of their time.

    Who comes later changes nobody's wait; a clinic's whole afternoon need not be played for a line
    of ten minutes.
    """
    until += snapshot.rules.check_in_opens.total_seconds()
    soon = (e for e in snapshot.expected if after(snapshot, e.scheduled_at) <= until)
    return sorted(soon, key=lambda e: (e.scheduled_at, e.candidate.number))


def horizon(snapshot: Snapshot, durations: Durations, servers: Servers, held: float) -> float:
    """Somewhat later than the last one waiting is likely called (seconds).

    `held` is when everyone waiting can be called.
    """
    line = Counter(one.service_id for one in snapshot.waiting)
    work = {s: count * durations.mean_s(s, ANY_REASON) for s, count in line.items()}
    longest = sum(work.values()) / max(len(servers.shifts), 1)
    for service, seconds in work.items():
        able = sum(service in s.services for s in servers.shifts)
        longest = max(longest, seconds / max(able, 1))
    wanted = 1200.0 + 1.25 * longest + held
    return max(min(wanted, float(servers.ends.max(initial=0.0))), 0.0)


def held_until(snapshot: Snapshot, servers: Servers) -> float:
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


def target_of(snapshot: Snapshot, service: int, label: str) -> timedelta:
    """The wait allowed to a class of people for a service."""
    rules = snapshot.rules
    defaults: dict[str, timedelta] = {
        EntryClass.EMERGENCY: timedelta(0),
        EntryClass.URGENT: rules.urgent_target,
        EntryClass.BOOKED: rules.booked_target,
        EntryClass.ONWARD: rules.onward_target,
    }
    return snapshot.targets.get((service, label)) or defaults.get(label, rules.walk_in_target)

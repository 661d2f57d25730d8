"""A made-up clinic day run by the product's own rules, in memory: who is called when, and was told.

The order, the forecast, the promise at joining and its revision are the product's; only the people,
the clinicians' lengths and the clock are made up.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum

from queueapp.commands.clinic_days import CARE, PLANNED_S, SERVICE, ZONE, ClinicDay, Duty, Guest
from queueapp.domain.ordering import Candidate, ShiftView, next_for
from queueapp.domain.quantiles import Forecast
from queueapp.domain.rules import SiteRules
from queueapp.domain.snapshot import Expected, Habits, InRoom, Snapshot
from queueapp.domain.targets import booked_reference
from queueapp.domain.visit import EntryClass, PreferenceKind
from queueapp.waits.promise import Quote, quote, said_range
from queueapp.waits.revise import Step, next_step

OVERTIME = timedelta(minutes=30)
RULES = SiteRules()
TARGETS = {
    (SERVICE[offer.slug], label): timedelta(minutes=minutes)
    for offer in CARE
    for label, minutes in offer.targets.items()
}
PLANNED_SERVICE_S = {SERVICE[offer.slug]: 60.0 * offer.planned for offer in CARE}


class _What(IntEnum):
    """What happens next; at one moment in this order."""

    FINISH = 0
    FREE = 1
    BEGIN = 2
    LEAVE = 3
    ARRIVE = 4
    LOOK = 5


@dataclass(slots=True)
class Stay:
    """One guest's wait: what was told and what came (instants).

    `ahead` is how many eligible were due before at joining; `told` is the exact range behind the
    first promise, `low_at` to `high_at` the range as it was said.
    """

    guest: Guest
    candidate: Candidate
    joined_at: datetime
    ahead: int
    told: Quote
    low_at: datetime
    high_at: datetime
    last_high_at: datetime | None
    number: int = 1
    revised_at: datetime | None = None
    apologised_at: datetime | None = None
    called_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    left_at: datetime | None = None
    clinician: int | None = None
    walk_gap: tuple[float, float | None] = (0.0, None)

    @property
    def wait_s(self) -> float | None:
        """Seconds from joining to the call; None for who never was called."""
        return (self.called_at - self.joined_at).total_seconds() if self.called_at else None


@dataclass(slots=True)
class _Desk:
    """One clinician as the day runs."""

    duty: Duty
    is_open: bool = False
    with_stay: Stay | None = None
    is_free: bool = False
    last_end: datetime | None = None


@dataclass(slots=True)
class Rehearsal:
    """Runs one day; `foretell` makes the site's forecast from a snapshot and the stays so far."""

    made: ClinicDay
    habits: Habits
    foretell: Callable[[Snapshot, list[Stay]], Forecast]
    every: timedelta = timedelta(seconds=30)
    stays: list[Stay] = field(default_factory=list)
    _waiting: dict[int, Stay] = field(default_factory=dict)
    _heap: list[tuple[datetime, _What, int, object]] = field(default_factory=list)
    _desks: dict[int, _Desk] = field(default_factory=dict)
    _to_come: dict[int, Guest] = field(default_factory=dict)
    _count: int = 0

    def run(self) -> list[Stay]:
        """The day from opening to closing; everybody's stay in order of joining."""
        for duty in self.made.duties:
            self._desks[duty.number] = _Desk(duty)
            self._at(duty.begins_at, _What.BEGIN, duty)
            self._at(duty.rest[1], _What.LOOK, None)
        for guest in self.made.guests:
            if guest.scheduled_at is not None:
                self._to_come[guest.number] = guest
            if guest.shows:
                self._at(guest.arrives_at, _What.ARRIVE, guest)
        moment = self.made.opens_at
        while moment < self.made.closes_at:
            self._at(moment, _What.LOOK, self.every)
            moment += self.every
        while self._heap:
            now, what, _, about = heapq.heappop(self._heap)
            if now >= self.made.closes_at and what is not _What.FINISH:
                continue
            self._happen(now, what, about)
            self._call(now)
        return self.stays

    def _at(self, when: datetime, what: _What, about: object) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, what, self._count, about))

    def _happen(self, now: datetime, what: _What, about: object) -> None:
        if what is _What.ARRIVE and isinstance(about, Guest):
            self._join(now, about)
        elif what is _What.LEAVE and isinstance(about, Stay):
            if self._waiting.pop(about.guest.number, None):
                about.left_at = now
        elif what is _What.FINISH and isinstance(about, _Desk):
            stay = about.with_stay
            assert stay is not None
            stay.finished_at, about.with_stay, about.last_end = now, None, now
            self._at(now + timedelta(seconds=stay.guest.gap_s), _What.FREE, about)
        elif what is _What.FREE and isinstance(about, _Desk):
            about.is_free = True
        elif what is _What.BEGIN and isinstance(about, Duty):
            desk = self._desks[about.number]
            desk.is_open = desk.is_free = True
        elif what is _What.LOOK and about is not None and self._waiting:
            self._revise(now, self.foretell(self._snapshot(now), self.stays))

    def _join(self, now: datetime, guest: Guest) -> None:
        snapshot = self._snapshot(now)
        made = self.foretell(snapshot, self.stays)
        self._revise(now, made)
        self._to_come.pop(guest.number, None)
        one = _candidate(guest, now, self._delay(guest, now))
        shifts = [s for s in snapshot.shifts if s.is_open and one.service_id in s.services]
        sharing = {one.service_id}.union(*(s.services for s in shifts))
        ahead = sum(
            c.service_id in sharing and c.key < one.key
            for c in (s.candidate for s in self._waiting.values())
        )
        only = guest.clinician if guest.preference is PreferenceKind.ONLY else None
        release = (one.due_by - RULES.release - now).total_seconds()
        held = one.preference is PreferenceKind.IF_POSSIBLE
        told = quote(
            made, now, one.service_id, guest.clinician, ahead, self.made.closes_at, rules=RULES,
            servers=sum(only in (None, s.clinician_id) for s in shifts),
            mean_s=PLANNED_SERVICE_S[one.service_id],
            released_s=max(release, 0.0) if held else None,
            appointment_id=guest.number if one.entry_class == EntryClass.BOOKED else None,
            entry_class=one.entry_class,
        )  # fmt: skip
        low, high = said_range(told)
        stay = Stay(guest, one, now, ahead, told, now + low, now + high, now + high)
        self.stays.append(stay)
        self._waiting[guest.number] = stay
        self._at(now + guest.patience, _What.LEAVE, stay)
        if held and release > 0:
            self._at(now + timedelta(seconds=release), _What.LOOK, None)

    def _revise(self, now: datetime, made: Forecast) -> None:
        for stay in self._waiting.values():
            quantiles = made.entries.get(stay.guest.number)
            step = next_step(quantiles, made.made_at, stay.number, stay.last_high_at)
            if step is Step.KEEP or quantiles is None:
                continue
            stay.number += 1
            if step is Step.REVISE:
                told = Quote(quantiles.p10, quantiles.p50, quantiles.p90, "forecast")
                stay.revised_at, stay.last_high_at = now, now + said_range(told)[1]
            else:
                stay.apologised_at, stay.last_high_at = now, None

    def _call(self, now: datetime) -> None:
        views = self._views(now)
        for view in views:
            desk = self._desks[view.clinician_id]
            if not desk.is_free or self._is_away(desk, now) or now >= self.made.closes_at:
                continue
            if now >= desk.duty.planned_to + OVERTIME:
                continue
            line = [s.candidate for s in self._waiting.values()]
            one = next_for(view, line, views, now, RULES)
            if one is None:
                continue
            stay = self._waiting.pop(one.entry_id)
            guest, desk.is_free, desk.with_stay = stay.guest, False, stay
            stay.called_at, stay.clinician = now, desk.duty.number
            gap = (now - desk.last_end).total_seconds() if desk.last_end else None
            waited = desk.last_end is not None and stay.joined_at <= desk.last_end
            stay.walk_gap = (guest.walk_s, gap if waited else None)
            stay.started_at = now + timedelta(seconds=guest.walk_s)
            ends = stay.started_at + timedelta(seconds=guest.visit_s * desk.duty.pace)
            self._at(ends, _What.FINISH, desk)

    def _is_away(self, desk: _Desk, now: datetime) -> bool:
        return desk.duty.rest[0] <= now < desk.duty.rest[1]

    def _delay(self, guest: Guest, now: datetime) -> timedelta:
        if guest.clinician is None or guest.scheduled_at is None:
            return timedelta(0)
        return _declared(self._desks[guest.clinician].duty, now)

    def _views(self, now: datetime) -> tuple[ShiftView, ...]:
        return tuple(
            ShiftView(
                shift_id=n,
                clinician_id=n,
                services=d.duty.services,
                starts_at=d.duty.begins_at
                if d.is_open
                else d.duty.planned_from + _declared(d.duty, now),
                ends_at=max(d.duty.planned_to, now + OVERTIME) if d.is_open else d.duty.planned_to,
                is_open=d.is_open,
                room_id=n,
                free_places=0 if d.with_stay else 1,
                declared_delay=_declared(d.duty, now),
            )
            for n, d in self._desks.items()
            if not (d.is_open and now >= d.duty.planned_to + OVERTIME)
        )

    def _snapshot(self, now: datetime) -> Snapshot:
        waiting = [s.candidate for s in self._waiting.values()]
        expected = [
            _expected(g, now, self._delay(g, now))
            for g in self._to_come.values()
            if g.scheduled_at and g.scheduled_at >= now - OVERTIME
        ]
        return Snapshot(
            site_id=1,
            seq=0,
            taken_at=now,
            zone=ZONE,
            rules=RULES,
            waiting=tuple(waiting),
            in_rooms=tuple(_in_room(d, now) for d in self._desks.values() if d.with_stay),
            expected=tuple(expected),
            shifts=self._views(now),
            breaks={n: (d.duty.rest,) for n, d in self._desks.items()},
            reasons={c.entry_id: self._waiting[c.entry_id].guest.reason for c in waiting},
            services=tuple(SERVICE.values()),
            targets=TARGETS,
            planned_s=PLANNED_S,
            service_default_s=PLANNED_SERVICE_S,
            habits=self.habits,
            closes_at=self.made.closes_at,
        )


def _declared(duty: Duty, now: datetime) -> timedelta:
    told = duty.says_at is not None and now >= duty.says_at
    return duty.begins_at - duty.planned_from if told else timedelta(0)


def _candidate(guest: Guest, now: datetime, delay: timedelta) -> Candidate:
    reference, label, target = now, guest.entry_class, guest.target
    if guest.scheduled_at is not None:
        reference, too_late = booked_reference(guest.scheduled_at, now, delay, RULES)
        if too_late:
            label = EntryClass.WALK_IN.value
            target = TARGETS[guest.service, label]
    return Candidate(
        entry_id=guest.number,
        visit_id=guest.number,
        service_id=guest.service,
        entry_class=label,
        band=1,
        due_by=reference + target,
        arrived_at=now,
        number=guest.number,
        reference_at=reference,
        target=target,
        preference=guest.preference,
        clinicians=frozenset() if guest.clinician is None else frozenset({guest.clinician}),
    )


def _expected(guest: Guest, now: datetime, delay: timedelta) -> Expected:
    assert guest.scheduled_at is not None
    one = _candidate(guest, max(now, guest.scheduled_at), delay)
    minutes = timedelta(seconds=PLANNED_S[guest.reason])
    return Expected(
        guest.number, replace(one, entry_id=-guest.number, visit_id=-guest.number),
        guest.scheduled_at, minutes, guest.reason,
    )  # fmt: skip


def _in_room(desk: _Desk, now: datetime) -> InRoom:
    stay = desk.with_stay
    assert stay is not None
    assert stay.called_at is not None
    assert stay.started_at is not None
    started = stay.started_at <= now
    return InRoom(
        stay.guest.number, stay.guest.service, stay.guest.reason, stay.candidate.entry_class,
        desk.duty.number, desk.duty.number, started,
        stay.started_at if started else stay.called_at, stay.guest.number,
    )  # fmt: skip

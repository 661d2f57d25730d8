"""Made-up days of the demo clinic for rehearsals: who comes, who works, and how long things take.

Nothing here is real. Everything that chance decides is decided beforehand and belongs to somebody,
so that a day stays the same however its queue is run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from queueapp.commands.demo_history import Comer, who_comes
from queueapp.commands.demo_people import DOCTORS, OFFERS, Doctor
from queueapp.domain.localtime import local_to_utc
from queueapp.domain.visit import EntryClass, PreferenceKind

ZONE = "Europe/London"
OPENS, CLOSES, LAST_WALK_IN = time(8), time(18, 30), time(17, 30)
CARE = [o for o in OFFERS if not o.not_care]
SERVICE = {offer.slug: n for n, offer in enumerate(CARE, 1)}
# Shares of the booked who stay away, and of the others who name somebody.
NO_SHOW, ONLY, IF_POSSIBLE = 0.1, 0.06, 0.1
LATE_START = timedelta(minutes=25)


@dataclass(frozen=True, slots=True)
class Guest:
    """One who comes (or, booked, may not); lengths in seconds, `visit_s` at the usual pace."""

    number: int
    arrives_at: datetime
    service: int
    reason: int
    entry_class: str
    target: timedelta
    scheduled_at: datetime | None
    shows: bool
    preference: PreferenceKind
    clinician: int | None
    walk_s: float
    visit_s: float
    gap_s: float
    patience: timedelta


@dataclass(frozen=True, slots=True)
class Duty:
    """One clinician's day: planned from and to, when they are really there, and their rest.

    `says_at` is when a late start is told, None where nobody tells it.
    """

    number: int
    services: frozenset[int]
    planned_from: datetime
    planned_to: datetime
    begins_at: datetime
    says_at: datetime | None
    rest: tuple[datetime, datetime]
    pace: float


@dataclass(frozen=True, slots=True)
class ClinicDay:
    """A day as chance made it."""

    day: date
    opens_at: datetime
    closes_at: datetime
    guests: tuple[Guest, ...]
    duties: tuple[Duty, ...]


REASONS = {
    (offer.slug, words): n
    for n, (offer, words) in enumerate(
        ((offer, words) for offer in CARE for words, _ in offer.reasons), 1
    )
}
PLANNED_S = {
    REASONS[offer.slug, words]: 60.0 * minutes for offer in CARE for words, minutes in offer.reasons
}


def clinic_day(day: date, seed: int, *, busy: float = 1.0) -> ClinicDay:
    """One weekday; `busy` multiplies how many come. The same for a seed whenever asked."""
    dice = Random(f"clinic {seed} {day.isoformat()}")
    staff = [d for d in DOCTORS if d.hours[0] < "18:00"]
    late = dice.randrange(len(staff))
    duties = tuple(_duty(day, n, one, dice, late=n == late + 1) for n, one in enumerate(staff, 1))
    found = sorted(who_comes(ZONE, day, dice, busy=busy), key=lambda c: c.at)
    guests: list[Guest] = []
    for one in found:
        guests += _guest(len(guests) + 1, one, day, duties, dice)
    return ClinicDay(day, _at(day, OPENS), _at(day, CLOSES), tuple(guests), duties)


def weekdays(first: date, count: int) -> list[date]:
    """`count` weekdays from `first` on."""
    days: list[date] = []
    day = first
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    return days


def _duty(day: date, number: int, one: Doctor, dice: Random, *, late: bool) -> Duty:
    begins, ends = (_at(day, time.fromisoformat(t)) for t in one.hours)
    first, last = (_at(day, time.fromisoformat(t)) for t in one.rest)
    told = dice.random() < 0.5
    return Duty(
        number=number,
        services=frozenset(SERVICE[s] for s in one.services if s in SERVICE),
        planned_from=begins,
        planned_to=ends,
        begins_at=begins + LATE_START if late else begins + timedelta(seconds=dice.randrange(120)),
        says_at=begins - timedelta(minutes=5) if late and told else None,
        rest=(first, last),
        pace=one.pace,
    )


def _guest(
    number: int, one: Comer, day: date, duties: tuple[Duty, ...], dice: Random
) -> Iterator[Guest]:
    service = SERVICE.get(one.offer.slug)
    # Every draw is made for everybody, so that one rule changed leaves the others' luck alone.
    shows, wish, pick = dice.random() >= NO_SHOW, dice.random(), dice.random()
    late_s = min(max(dice.gauss(-240, 360), -1500.0), 1500.0)
    visit_s = 60 * max(1.0, one.minutes * dice.lognormvariate(-0.06, 0.35))
    walk_s, gap_s = float(dice.randrange(15, 90)), float(dice.randrange(15, 80))
    if service is None:
        return
    arrives, preference, clinician = one.at, PreferenceKind.NONE, None
    if one.scheduled_at is not None:
        arrives = max(one.scheduled_at + timedelta(seconds=late_s), _at(day, OPENS))
        arrives = arrives.replace(microsecond=0)
    elif arrives >= _at(day, LAST_WALK_IN):
        return
    at = one.scheduled_at or arrives
    able = [
        d
        for d in duties
        if service in d.services
        and d.planned_from <= at < d.planned_to - timedelta(minutes=15)
        and not d.rest[0] <= at < d.rest[1]
    ]
    if one.scheduled_at is not None and not able:
        return
    if able and one.entry_class != EntryClass.URGENT:
        booked = one.scheduled_at is not None
        if booked or wish < ONLY + IF_POSSIBLE:
            clinician = able[int(pick * len(able))].number
            preference = PreferenceKind.ONLY if wish < ONLY else PreferenceKind.IF_POSSIBLE
    yield Guest(
        number=number,
        arrives_at=arrives,
        service=service,
        reason=REASONS[one.offer.slug, one.reason],
        entry_class=one.entry_class,
        target=timedelta(minutes=one.offer.targets[one.entry_class]),
        scheduled_at=one.scheduled_at,
        shows=shows or one.scheduled_at is None,
        preference=preference,
        clinician=clinician,
        walk_s=walk_s,
        visit_s=visit_s,
        gap_s=gap_s,
        patience=one.patience,
    )


def _at(day: date, clock: time) -> datetime:
    return local_to_utc(ZONE, day, clock)

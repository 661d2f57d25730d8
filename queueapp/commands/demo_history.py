"""Believable past days of the demo clinic, as a visit log: the same for a day whenever asked."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from queueapp.commands.demo_people import DOCTORS, OFFERS, Doctor, Offer
from queueapp.domain.localtime import local_to_utc
from queueapp.domain.visit import Resolution
from queueapp.integrations.visit_log import LogRow

_BOOKED_SHARE = {"gp": 0.6, "nurse": 0.4, "blood-test": 0.35, "prescription": 0.0}
_PER_HOUR = {"gp": 7.2, "nurse": 4.0, "blood-test": 6.5, "prescription": 1.2}
# How busy each hour is beside the day's mean: a full morning, a quiet noon.
_SHAPE = {8: 1.3, 9: 1.5, 10: 1.4, 11: 1.1, 12: 0.7, 13: 0.8, 14: 1.0, 15: 1.0, 16: 0.8, 17: 0.4}
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Comer:
    """One who comes; `minutes` is what the reason usually takes."""

    at: datetime
    offer: Offer
    reason: str
    minutes: int
    entry_class: str
    scheduled_at: datetime | None
    due_by: datetime
    patience: timedelta


def days_log(zone: str, days: list[date]) -> list[LogRow]:
    """The rows of those days; Sundays are closed."""
    return [row for day in days for row in _day(zone, day)]


def resolution_of(row: LogRow) -> Resolution | None:
    """How a finished visit ended; the same for a row whenever asked."""
    draw = Random(row.entry_id).random()
    if draw < 0.07:
        return None
    if draw < 0.75:
        return Resolution.RESOLVED
    return Resolution.FOLLOW_UP if draw < 0.92 else Resolution.REFERRED_ON


def _day(zone: str, day: date) -> Iterator[LogRow]:
    dice = Random(f"harbour {day.isoformat()}")
    saturday = day.weekday() == 5
    if day.weekday() == 6:
        return
    staff = [d for d in DOCTORS if (d.saturday if saturday else d.hours[0] < "18:00")]
    free = [
        (local_to_utc(zone, day, time(9) if saturday else time.fromisoformat(d.hours[0])), n)
        for n, d in enumerate(staff)
    ]
    heapq.heapify(free)
    comers = sorted(who_comes(zone, day, dice, saturday=saturday), key=lambda c: c.at)
    waiting: list[Comer] = []
    number = 0
    while free and (comers or waiting):
        at, who = heapq.heappop(free)
        doctor = staff[who]
        closes = local_to_utc(zone, day, time(13) if saturday else _end(doctor))
        while comers and comers[0].at <= at:
            waiting.append(comers.pop(0))
        for gone in [c for c in waiting if c.at + c.patience < at]:
            waiting.remove(gone)
            number += 1
            yield _row(day, number, gone, dice, left_at=gone.at + gone.patience)
        if at > closes:
            continue
        rest = [local_to_utc(zone, day, time.fromisoformat(t)) for t in doctor.rest]
        if not saturday and rest[0] <= at < rest[1]:
            heapq.heappush(free, (rest[1], who))
            continue
        mine = [c for c in waiting if c.offer.slug in doctor.services]
        if not mine:
            heapq.heappush(free, (at + _MINUTE, who))
            continue
        chosen = min(mine, key=lambda c: c.due_by)
        waiting.remove(chosen)
        called = at + timedelta(seconds=dice.randrange(5, 50))
        started = called + timedelta(seconds=dice.randrange(15, 90))
        length = chosen.minutes * doctor.pace * dice.lognormvariate(-0.04, 0.35)
        finished = started + timedelta(seconds=round(60 * max(1.0, length)))
        number += 1
        yield _row(day, number, chosen, dice, doctor, (called, started, finished))
        heapq.heappush(free, (finished + timedelta(seconds=dice.randrange(10, 60)), who))
    for left in [*waiting, *comers]:
        number += 1
        yield _row(day, number, left, dice, left_at=left.at + left.patience)
    for n in range(dice.randrange(2, 6)):
        hour, quarter = dice.randrange(9, 12 if saturday else 17), dice.randrange(4)
        doctor = dice.choice([d for d in staff if "gp" in d.services])
        yield LogRow(
            entry_id=f"demo-{day:%Y%m%d}-missed-{n}",
            service=OFFERS[0].name,
            entry_class="booked",
            outcome="no_show" if dice.random() < 0.8 else "cancelled",
            scheduled_at=local_to_utc(zone, day, time(hour, 15 * quarter)),
            clinician=doctor.name,
            reason=OFFERS[0].reasons[0][0],
        )


def _end(doctor: Doctor) -> time:
    return time.fromisoformat(doctor.hours[1])


def who_comes(
    zone: str, day: date, dice: Random, *, saturday: bool = False, busy: float = 1.0
) -> Iterator[Comer]:
    """Who comes on a day, service by service; `busy` multiplies how many."""
    for offer in OFFERS:
        for hour, shape in _SHAPE.items():
            if saturday and not 9 <= hour < 12:
                continue
            expected = _PER_HOUR[offer.slug] * shape * busy * (0.6 if saturday else 1) * 0.85
            for _ in range(int(expected) + (dice.random() < expected % 1)):
                at = local_to_utc(zone, day, time(hour)) + timedelta(seconds=dice.randrange(3600))
                yield _comer(at, offer, dice)


def _comer(at: datetime, offer: Offer, dice: Random) -> Comer:
    reason, minutes = dice.choice(offer.reasons)
    scheduled = None
    entry_class = "walk_in"
    if dice.random() < _BOOKED_SHARE[offer.slug]:
        entry_class = "booked"
        rounded = at.replace(minute=at.minute // 15 * 15, second=0)
        scheduled = rounded + timedelta(minutes=15)
    elif offer.slug == "gp" and dice.random() < 0.08:
        entry_class = "urgent"
    due_by = (scheduled or at) + timedelta(minutes=offer.targets[entry_class])
    patience = timedelta(minutes=55 + dice.expovariate(1 / 60))
    return Comer(at, offer, reason, minutes, entry_class, scheduled, due_by, patience)


def _row(
    day: date,
    number: int,
    comer: Comer,
    dice: Random,
    doctor: Doctor | None = None,
    times: tuple[datetime | None, datetime | None, datetime | None] = (None, None, None),
    left_at: datetime | None = None,
) -> LogRow:
    called, started, finished = times
    real = ((called or left_at or comer.at) - comer.at).total_seconds()
    # A quote made at arrival, right about five times in six.
    middle = max(60.0, real * dice.lognormvariate(0, 0.28))
    low, high = middle * 0.72 - 60, middle * 1.38 + 180
    return LogRow(
        entry_id=f"demo-{day:%Y%m%d}-{number}",
        service=comer.offer.name,
        entry_class=comer.entry_class,
        outcome="finished" if finished else "left_without_being_seen",
        scheduled_at=comer.scheduled_at,
        arrived_at=comer.at,
        called_at=called,
        started_at=started,
        finished_at=finished,
        left_at=left_at,
        clinician=doctor.name if doctor else "",
        room=doctor.room if doctor else "",
        reason=comer.reason,
        promised_from=comer.at + timedelta(seconds=max(0, round(low))),
        promised_to=comer.at + timedelta(seconds=round(high)),
    )

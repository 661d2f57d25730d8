"""The times the public may choose from, as the page shows them: with whom, which day, what time."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.booking_rows import Place
from queueapp.db.models import Clinician, Service, Site
from queueapp.db.queries.online import Room, online_room, online_times
from queueapp.db.queries.slots import FreeTime
from queueapp.domain.localtime import ONE_DAY, local_to_utc, to_local
from queueapp.domain.online import bookable_span
from queueapp.domain.refusal import invalid
from queueapp.domain.spans import Span

DAYS_SHOWN = 14
_PARTS = ((12, "Morning"), (17, "Afternoon"), (24, "Evening"))


@dataclass(frozen=True, slots=True)
class TimeChoice:
    """One time as a radio: its value, its clock, with whom; `words` are day and time in short."""

    value: str
    starts_at: datetime
    clock: str
    who: str
    words: str


@dataclass(frozen=True, slots=True)
class DayChoice:
    """A day of the strip; `free` is how many times it has."""

    day: date
    word: str
    free: int


@dataclass(frozen=True, slots=True)
class Times:
    """What the page shows; `earlier` and `later` are first days of other stretches to look at."""

    clinicians: list[tuple[int, str]]
    days: list[DayChoice]
    day: date | None
    parts: list[tuple[str, list[TimeChoice]]]
    first: TimeChoice | None
    is_earliest: bool
    earlier: date | None
    later: date | None
    offered: list[TimeChoice]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: with whom (None: anyone), on which day, from which day on, how long.

    `offered` are times to show above all others; `but_for` is the booking that is to move.
    """

    clinician_id: int | None = None
    day: date | None = None
    since: date | None = None
    length: timedelta | None = None
    offered: tuple[datetime, ...] = ()
    but_for: int | None = None


def load_times(
    session: Session, site: Site, service: Service, now: datetime, wanted: Wanted
) -> Times:
    """A fortnight of times from `since` on, or the first fortnight after it that has any."""
    span = bookable_span(site.rules, now)
    today, last = _date(site, now), _date(site, span.end)
    since = min(max(wanted.since or today, today), last)
    while True:
        until = since + ONE_DAY * DAYS_SHOWN
        over = Span(
            max(span.start, _midnight(site, since)),
            max(span.start, min(span.end, _midnight(site, until))),
        )
        room = online_room(session, site, service, over, now, but_for=wanted.but_for)
        found = _free(session, site, service, over, now, room, wanted)
        if found or until > last:
            break
        since = until
    names = _names(session, room)
    by_day: dict[date, list[TimeChoice]] = {}
    for choice in _choices(site, found, room, names, today):
        by_day.setdefault(_date(site, choice.starts_at), []).append(choice)
    days = [
        DayChoice(day, _word(day, today), len(by_day.get(day, ())))
        for day in sorted({*by_day, *(d for d in room.days if since <= d < until)})
    ]
    free_days = sorted(by_day)
    day = wanted.day if wanted.day in by_day else next(iter(free_days), None)
    times = by_day.get(day, []) if day else []
    return Times(
        clinicians=sorted(names.items(), key=lambda one: one[1]),
        days=days,
        day=day,
        parts=_parts(site, times),
        first=times[0] if times else None,
        is_earliest=bool(day) and day == free_days[0] and since <= today,
        earlier=max(today, since - ONE_DAY * DAYS_SHOWN) if since > today else None,
        later=until if until <= last else None,
        offered=[
            one for all_ in by_day.values() for one in all_ if one.starts_at in wanted.offered
        ],
    )


def read_time(value: str) -> tuple[datetime, Place]:
    """The instant a radio stands for, and where it was free. Raises Refused (`time`)."""
    text, _, place = value.partition("|")
    try:
        starts_at = datetime.fromisoformat(text)
        kind, number = place[:1], int(place[1:])
    except ValueError:
        raise invalid("time", "Choose one of the times.") from None
    if starts_at.tzinfo is None or kind not in ("c", "p") or not 0 < number < 2**63:
        raise invalid("time", "Choose one of the times.")
    if kind == "c":
        return starts_at, Place(starts_at, number)
    return starts_at, Place(starts_at, None, number)


def _free(
    session: Session,
    site: Site,
    service: Service,
    over: Span,
    now: datetime,
    room: Room,
    wanted: Wanted,
) -> list[FreeTime]:
    return online_times(
        session, site, service, over, now,
        room=room, clinician_id=wanted.clinician_id, length=wanted.length, but_for=wanted.but_for,
    )  # fmt: skip


def _choices(
    site: Site, found: list[FreeTime], room: Room, names: dict[int, str], today: date
) -> list[TimeChoice]:
    """One choice per time: with whoever has most room left that day, in turn where several have."""
    at_once: dict[datetime, list[FreeTime]] = {}
    for free in found:
        at_once.setdefault(free.starts_at, []).append(free)
    chosen = []
    for n, (at, several) in enumerate(sorted(at_once.items())):
        most = max(_spare(site, free, room) for free in several)
        idle = [free for free in several if _spare(site, free, room) == most]
        chosen.append((at, idle[n % len(idle)]))
    return [
        TimeChoice(
            value=f"{at.isoformat()}|{f'c{f.clinician_id}' if f.clinician_id else f'p{f.pool_id}'}",
            starts_at=at,
            clock=f"{to_local(site.timezone, at):%H:%M}",
            who=names.get(f.clinician_id or 0) or f"{f.places} place{'s' if f.places > 1 else ''}",
            words=f"{_short(_date(site, at), today)}, {to_local(site.timezone, at):%H:%M}",
        )
        for at, f in chosen
    ]


def _spare(site: Site, free: FreeTime, room: Room) -> timedelta:
    day = site.day_at(free.starts_at)
    return room.time.get((free.clinician_id or 0, day), timedelta(0))


def _names(session: Session, room: Room) -> dict[int, str]:
    query = sa.select(Clinician).where(Clinician.id.in_(room.clinicians))
    return {c.id: c.shown_name for c in session.scalars(query) if not c.retired}


def _parts(site: Site, times: list[TimeChoice]) -> list[tuple[str, list[TimeChoice]]]:
    found: dict[str, list[TimeChoice]] = {}
    for one in times:
        hour = to_local(site.timezone, one.starts_at).hour
        found.setdefault(next(w for until, w in _PARTS if hour < until), []).append(one)
    return list(found.items())


def _short(day: date, today: date) -> str:
    return "Today" if day == today else f"{day:%a} {day.day} {day:%b}"


def _word(day: date, today: date) -> str:
    return "Today" if day == today else f"{day:%a}"


def _date(site: Site, instant: datetime) -> date:
    return to_local(site.timezone, instant).date()


def _midnight(site: Site, day: date) -> datetime:
    return local_to_utc(site.timezone, day, time(0))

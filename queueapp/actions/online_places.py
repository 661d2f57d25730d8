"""Where the public may book a time, and what is said where it may not.

What the desk may go past is checked here, under the lock of the clinician or pool (`lock_owners`)
that every booking takes first: of two who want the last of a day's room the second sees the first.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.actions.booking_rows import Place
from queueapp.db.models import Appointment, Service, Site
from queueapp.db.queries.online import may_be_booked, online_room, online_times
from queueapp.db.queries.slots import FreeTime, free_times
from queueapp.domain.online import bookable_span
from queueapp.domain.refusal import Refused, conflict, invalid
from queueapp.domain.spans import Span

_INSTANT = timedelta(microseconds=1)
_LOOK_AHEAD = timedelta(days=14)
_NEXT = 3


def bookable(session: Session, site: Site, service_id: int) -> Service:
    """A service the public may book. Raises Refused (invalid `service`)."""
    service = base.get_service(session, site.id, service_id)
    if not may_be_booked(site, service):
        raise invalid("service", "This cannot be booked online. Please call us.")
    return service


def length_of(service: Service, reason_id: int | None) -> timedelta:
    """How long a visit for the reason is planned to take."""
    return next((r.planned for r in service.reasons if r.id == reason_id), service.planned)


def gone(
    session: Session,
    site: Site,
    service: Service,
    starts_at: datetime,
    now: datetime,
    length: timedelta,
    clinician_id: int | None,
    *,
    is_kept: bool,
) -> Refused:
    """The refusal of a time that is not to be had any more, with the `next` that are."""
    start = max(starts_at, bookable_span(site.rules, now).start)
    found = online_times(
        session, site, service, Span(start, start + _LOOK_AHEAD), now,
        clinician_id=clinician_id, length=length,
    )  # fmt: skip
    following = list(dict.fromkeys(free.starts_at.isoformat() for free in found))[:_NEXT]
    # Of a full day all is taken; it is kept only where nobody has it.
    if is_kept and free_times(
        session, site, service, starts_at, starts_at + _INSTANT, now=now,
        clinician_id=clinician_id, length=length,
    ):  # fmt: skip
        words = "The rest of that day is kept for people who come without an appointment."
        return conflict("share_kept", words, next=following)
    words = "Somebody else has just taken that time."
    if not following:
        words += " Nothing else can be booked online in the two weeks after it. Please call us."
    return conflict("overlap", words, next=following)


def places_for(
    session: Session,
    site: Site,
    service: Service,
    starts_at: datetime,
    now: datetime,
    length: timedelta,
    clinician_id: int | None,
    likely: Place | None,
) -> Sequence[Place]:
    """Where the time may be had, in the order in which it is tried."""
    if clinician_id is not None:
        return [Place(starts_at, clinician_id, None, length)]
    found: list[FreeTime] = online_times(
        session, site, service, Span(starts_at, starts_at + _INSTANT), now, length=length
    )
    places = [
        Place(starts_at, f.clinician_id, f.pool_id, None if f.pool_id else length) for f in found
    ]
    first = Place(
        starts_at,
        likely.clinician_id if likely else None,
        likely.pool_id if likely else None,
        length if likely and likely.clinician_id else None,
    )
    if first.clinician_id is None and first.pool_id is None:
        return places
    return list(dict.fromkeys([first, *places]))


def take_first(
    session: Session,
    site: Site,
    service: Service,
    places: Sequence[Place],
    now: datetime,
    length: timedelta,
    take: Callable[[Place], Appointment],
    *,
    named: bool,
    but_for: int | None = None,
) -> Appointment | bool:
    """What `take` makes of the first place to be had, else whether one was kept for walk-ins.

    Without a clinician named (`named`) one who is not on duty then is passed over. Raises Refused
    as `take` does for whatever is not a taken time.
    """
    is_kept = False
    for place in places:
        if not has_room(session, site, service, place, now, length, but_for):
            is_kept = True
            continue
        try:
            return take(place)
        except Refused as refused:
            if refused.code != "overlap" and (named or refused.field != "starts_at"):
                raise as_asked(refused) from None
    return is_kept


def has_room(
    session: Session,
    site: Site,
    service: Service,
    place: Place,
    now: datetime,
    length: timedelta,
    but_for: int | None = None,
) -> bool:
    """Whether what is kept for walk-ins stays whole; the owner's row is held."""
    over = Span(place.starts_at, place.starts_at + _INSTANT)
    room = online_room(
        session, site, service, over, now, clinician_id=place.clinician_id, but_for=but_for
    )
    free = FreeTime(place.starts_at, place.starts_at + length, place.clinician_id, place.pool_id)
    takes = service.buffer_before + length + service.buffer_after
    day = site.day_at(place.starts_at)
    if place.clinician_id is not None and (place.clinician_id, day) not in room.time:
        return True  # not on duty then at all: booking it says so
    return room.has(free, day, takes)


def as_asked(refused: Refused) -> Refused:
    """The refusal with the field as the public's pages call it."""
    field = {"starts_at": "time", "pool": "time"}.get(refused.field, refused.field)
    return Refused(refused.message, field, refused.kind, refused.code, refused.details)

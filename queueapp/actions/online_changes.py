"""What patients change of a booking by its link: another time, or not to come."""

from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions import bookings
from queueapp.actions.booking_rows import Place, lock_booking, wrong_state
from queueapp.actions.online_places import bookable, gone, places_for, take_first
from queueapp.db.models import Appointment, Service, Site
from queueapp.domain.actor import Actor
from queueapp.domain.online import check_notice
from queueapp.domain.refusal import conflict
from queueapp.domain.spans import as_utc
from queueapp.domain.visit import AppointmentState


def move_online(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    appointment_id: int,
    starts_at: datetime,
    clinician_id: int | None = None,
    likely: Place | None = None,
) -> Appointment:
    """The same booking at another time that the public may book; tells the patient.

    Its own time does not stand in its way. Raises Refused as `hold_online` does, and `wrong_state`.
    """
    booked = session.get_one(Appointment, appointment_id)
    site = session.get_one(Site, booked.site_id)
    service = session.get_one(Service, booked.service_id)
    starts_at, length = as_utc(starts_at), booked.ends_at - booked.starts_at
    bookable(session, site, service.id)
    check_notice(site.rules, now, starts_at)
    places = places_for(session, site, service, starts_at, now, length, clinician_id, likely)
    booked = lock_booking(session, appointment_id, *places)
    check_may_change(booked, now)

    def move(place: Place) -> Appointment:
        return bookings.move_booking(session, actor, now, appointment_id=booked.id, place=place)

    named = clinician_id is not None
    moved = take_first(
        session, site, service, places, now, length, move, named=named, but_for=booked.id
    )
    if isinstance(moved, Appointment):
        return moved
    raise gone(session, site, service, starts_at, now, length, clinician_id, is_kept=moved)


def cancel_online(
    session: Session, actor: Actor, now: datetime, *, appointment_id: int
) -> Appointment:
    """The patient does not come; the time is free again. Refused once it has begun."""
    booked = lock_booking(session, appointment_id)
    check_may_change(booked, now)
    return bookings.cancel_booking(
        session, actor, now, appointment_id=appointment_id, why="by_patient"
    )


def check_may_change(booked: Appointment, now: datetime) -> None:
    """Raise Refused where the patient's link moves and cancels no more."""
    if booked.state is not AppointmentState.BOOKED:
        raise wrong_state(booked)
    if booked.starts_at <= now:
        raise conflict("begun", "Its time has come, so it cannot be changed here. Please call us.")

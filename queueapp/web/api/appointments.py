"""Bookings: free times, booking, checking in, cancelling, moving."""

from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from queueapp.actions import bookings, check_ins
from queueapp.actions.bookings import Override, Place
from queueapp.db.models import Appointment, Clinician, Patient
from queueapp.db.queries.slots import free_times
from queueapp.domain.localtime import ONE_DAY, local_to_utc
from queueapp.domain.refusal import invalid
from queueapp.domain.visit import PreferenceKind
from queueapp.web.api.answers import AppointmentOut, SlotOut, TicketOut, Who
from queueapp.web.api.bodies import Book, Cancel, CheckIn, MoveBooking, SlotQuery
from queueapp.web.api.fields import instant
from queueapp.web.api.lookups import clinician_of, service_of, site_row
from queueapp.web.api.table import RECEPTIONIST, STAFF, Ask, Call

_A_WEEK = timedelta(days=7)


def list_slots(ask: Ask) -> tuple[int, list[SlotOut]]:
    """Free times that start from `from` on and before `to`; a date as `to` is included."""
    assert ask.site is not None
    query, zone = ask.query, ask.site.timezone
    start = _edge(zone, query.from_, later=timedelta(0)) or ask.now
    end = _edge(zone, query.to, later=ONE_DAY) or start + _A_WEEK
    who = query.clinician
    found = free_times(
        ask.session,
        site_row(ask.session, ask.site),
        service_of(ask.session, ask.site, query.service),
        start,
        end,
        now=ask.now,
        clinician_id=clinician_of(ask.session, ask.site, who).id if who else None,
    )
    ids = {one.clinician_id for one in found}
    names = {
        c.id: Who.of(c)
        for c in ask.session.scalars(sa.select(Clinician).where(Clinician.id.in_(ids)))
    }
    return 200, [
        SlotOut(
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            clinician=names.get(one.clinician_id or 0),
            places=one.places,
        )
        for one in found
    ]


def book(ask: Ask) -> tuple[int, AppointmentOut]:
    """Book a time; without a clinician, with whoever is free then."""
    assert ask.site is not None
    body, site = ask.body, ask.site
    service = service_of(ask.session, site, body.service)
    clinician = None
    if body.clinician is not None:
        clinician = clinician_of(ask.session, site, body.clinician)
    elif body.only_preferred:
        raise invalid("clinician", "Say which clinician, or leave only_preferred out.")
    patient = _patient(ask)
    booked = bookings.book(
        ask.session,
        ask.actor,
        ask.now,
        site_id=site.id,
        service_id=service.id,
        place=Place(instant(site.timezone, body.starts_at), clinician.id if clinician else None),
        patient_id=patient.id if patient else None,
        preference=PreferenceKind.ONLY if body.only_preferred else PreferenceKind.NONE,
        discreet=body.discreet,
        override=Override(body.override) if body.override else None,
    )
    return 201, _booking(ask, booked.id)


def check_in(ask: Ask, appointment_id: int) -> tuple[int, TicketOut]:
    """The booked patient is here and takes a ticket."""
    assert ask.site is not None
    when = ask.body.occurred_at
    entry = check_ins.check_in(
        ask.session,
        ask.actor,
        ask.now,
        appointment_id=appointment_id,
        presence=ask.body.presence,
        occurred_at=when and instant(ask.site.timezone, when),
    )
    return 200, TicketOut.of(entry)


def cancel(ask: Ask, appointment_id: int) -> tuple[int, AppointmentOut]:
    """Give the time back."""
    bookings.cancel_booking(
        ask.session, ask.actor, ask.now, appointment_id=appointment_id, why=ask.body.reason
    )
    return 200, _booking(ask, appointment_id)


def move_booking(ask: Ask, appointment_id: int) -> tuple[int, AppointmentOut]:
    """The same booking at another time."""
    assert ask.site is not None
    who = ask.body.clinician
    place = Place(
        instant(ask.site.timezone, ask.body.starts_at),
        None if who is None else clinician_of(ask.session, ask.site, who).id,
    )
    bookings.move_booking(
        ask.session, ask.actor, ask.now, appointment_id=appointment_id, place=place
    )
    return 200, _booking(ask, appointment_id)


def _edge(zone: str, value: datetime | date | None, *, later: timedelta) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return None if value is None else instant(zone, value)
    return local_to_utc(zone, value + later, time(0))


def _patient(ask: Ask) -> Patient | None:
    body = ask.body
    if not (body.name or body.phone or body.email or body.birth_date):
        return None
    patient = Patient(
        name=body.name,
        phone=body.phone,
        email=body.email,
        birth_date=body.birth_date,
        created_at=ask.now,
    )
    ask.session.add(patient)
    ask.session.flush()
    return patient


def _booking(ask: Ask, appointment_id: int) -> AppointmentOut:
    ask.session.flush()
    return AppointmentOut.of(
        ask.session.get_one(Appointment, appointment_id, populate_existing=True)
    )


_BOOKED = "The booking is not in a state that allows this (`wrong_state`)"

CALLS = (
    Call("GET", "/sites/{site}/slots", list_slots, STAFF, {200: list[SlotOut]}, query=SlotQuery),
    Call(
        "POST",
        "/sites/{site}/appointments",
        book,
        (RECEPTIONIST,),
        {201: AppointmentOut},
        Book,
        conflicts="The time was just taken (`overlap`; `details.next` are free ones).",
    ),
    Call(
        "POST",
        "/appointments/{appointment_id}/check-in",
        check_in,
        (RECEPTIONIST,),
        {200: TicketOut},
        CheckIn,
        conflicts="Checked in already (`already_here`), not a live booking (`not_booked`), or for "
        "another day (`another_day`).",
        links=True,
    ),
    Call(
        "POST",
        "/appointments/{appointment_id}/cancel",
        cancel,
        (RECEPTIONIST,),
        {200: AppointmentOut},
        Cancel,
        conflicts=f"{_BOOKED}.",
    ),
    Call(
        "POST",
        "/appointments/{appointment_id}/move",
        move_booking,
        (RECEPTIONIST,),
        {200: AppointmentOut},
        MoveBooking,
        conflicts=f"{_BOOKED}, or the time was just taken (`overlap`).",
    ),
)

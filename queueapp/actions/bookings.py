"""Booked times: hold, book, move, cancel, not come."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.actions.booking_ends import cancel_booking, no_show
from queueapp.actions.booking_messages import MOVED, tell
from queueapp.actions.booking_rows import (
    Override,
    Place,
    lock_booking,
    must_be_held,
    never_booked,
    new_code,
    note_booking,
    place_of,
    release_expired,
    wrong_state,
)
from queueapp.actions.booking_times import put, take
from queueapp.db.models import Appointment, Party, Patient, Service, Site
from queueapp.domain.actor import Actor
from queueapp.domain.codes import plain_code
from queueapp.domain.events import Kind
from queueapp.domain.refusal import invalid, not_found
from queueapp.domain.visit import AppointmentState, PreferenceKind

__all__ = [
    "Override",
    "Place",
    "book",
    "book_held",
    "cancel_booking",
    "find_booking",
    "hold",
    "move_booking",
    "no_show",
    "release_expired",
]


def hold(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    service_id: int,
    place: Place,
    reason_id: int | None = None,
) -> Appointment:
    """Keep a time for the site's `hold` while somebody fills in who it is for.

    Raises Refused as `book` does.
    """
    held = _new(session, now, site_id, service_id, reason_id, AppointmentState.HELD)
    rules = session.get_one(Site, site_id).rules
    held.held_until = now + rules.hold
    take(session, actor, now, held, place, None)
    note_booking(session, actor, now, Kind.HELD, held)
    return held


def book(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    service_id: int,
    place: Place,
    patient_id: int | None = None,
    party_id: int | None = None,
    reason_id: int | None = None,
    preference: PreferenceKind = PreferenceKind.NONE,
    discreet: bool = False,
    waitlisted: bool = False,
    override: Override | None = None,
) -> Appointment:
    """Book a time at once; without a clinician or pool, with whoever is free then.

    An `override` may overlap others and lie outside the hours, and is audited. Raises Refused
    (invalid `service`, `reason`, `patient`, `party`, `clinician`, `pool`, `starts_at`, `length`;
    conflict `overlap` with the `next` free times).
    """
    booked = _new(session, now, site_id, service_id, reason_id, AppointmentState.BOOKED)
    booked.preference, booked.discreet, booked.waitlisted = preference, discreet, waitlisted
    _for_whom(session, booked, patient_id, party_id)
    over = take(session, actor, now, booked, place, override)
    data = {"overlapped": over} if over else None
    note_booking(
        session,
        actor,
        now,
        Kind.BOOKED,
        booked,
        why="override" if override else "",
        data=data,
        before=never_booked(booked),
    )
    return booked


def book_held(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    appointment_id: int,
    patient_id: int | None = None,
    party_id: int | None = None,
    preference: PreferenceKind = PreferenceKind.NONE,
    discreet: bool = False,
    waitlisted: bool = False,
) -> Appointment:
    """Book the time that was held. Refused once the hold has run out (`hold_expired`)."""
    held = lock_booking(session, appointment_id)
    must_be_held(held, now)
    held.state, held.held_until = AppointmentState.BOOKED, None
    held.preference, held.discreet, held.waitlisted = preference, discreet, waitlisted
    _for_whom(session, held, patient_id, party_id)
    session.flush()
    note_booking(
        session,
        actor,
        now,
        Kind.BOOKED,
        held,
        from_state=AppointmentState.HELD,
        before=never_booked(held),
    )
    return held


def move_booking(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    appointment_id: int,
    place: Place,
    override: Override | None = None,
) -> Appointment:
    """The same booking at another time; without clinician or pool, with the same as before.

    The length stays unless given. Raises Refused (conflict `wrong_state`) and as `book` does.
    """
    appointment = lock_booking(session, appointment_id, place)
    if appointment.state is not AppointmentState.BOOKED:
        raise wrong_state(appointment)
    if place.clinician_id is None and place.pool_id is None:
        place = Place(place.starts_at, appointment.clinician_id, appointment.pool_id, place.length)
    if place.length is None and place.pool_id is None:
        place = Place(
            place.starts_at,
            place.clinician_id,
            None,
            appointment.ends_at - appointment.starts_at,
        )
    was = {"from": appointment.starts_at.isoformat(), "from_clinician": appointment.clinician_id}
    release_expired(session, actor, now, place=place)
    before = place_of(appointment)
    service = session.get_one(Service, appointment.service_id)
    over = put(session, actor, now, appointment, service, place, override)
    appointment.sequence += 1
    data = {**was, "to": appointment.starts_at.isoformat(), "overlapped": over}
    why = "override" if override else ""
    note_booking(
        session, actor, now, Kind.BOOKING_MOVED, appointment, why=why, data=data, before=before
    )
    session.flush()
    tell(session, now, appointment, MOVED)
    return appointment


def find_booking(session: Session, site_id: int, code: str) -> Appointment:
    """The site's live booking with that code, however it was typed. Raises Refused (not found)."""
    found = session.scalars(
        sa.select(Appointment).where(
            Appointment.site_id == site_id,
            Appointment.code == plain_code(code),
            Appointment.state.in_((AppointmentState.BOOKED, AppointmentState.CHECKED_IN)),
        )
    ).one_or_none()
    if found is None:
        raise not_found("The booking")
    return found


def _new(
    session: Session,
    now: datetime,
    site_id: int,
    service_id: int,
    reason_id: int | None,
    state: AppointmentState,
) -> Appointment:
    service = base.get_service(session, site_id, service_id)
    if reason_id is not None and reason_id not in {r.id for r in service.reasons if not r.retired}:
        raise invalid("reason", "Choose one of the reasons of this service.")
    return Appointment(
        site_id=site_id,
        service_id=service_id,
        reason_id=reason_id,
        state=state,
        code=new_code(session, site_id),
        created_at=now,
    )


def _for_whom(
    session: Session, appointment: Appointment, patient_id: int | None, party_id: int | None
) -> None:
    if patient_id is not None and session.get(Patient, patient_id) is None:
        raise invalid("patient", "Choose a patient who is known here.")
    party = session.get(Party, party_id) if party_id is not None else None
    if party_id is not None and (party is None or party.site_id != appointment.site_id):
        raise invalid("party", "Choose a party of this clinic.")
    appointment.patient_id, appointment.party_id = patient_id, party_id

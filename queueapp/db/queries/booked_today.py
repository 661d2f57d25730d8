"""Whose booking is meant at the kiosk: by code, or by name and date of birth; never as a list."""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import Appointment, Patient, Site
from queueapp.db.queries.doors import timetable
from queueapp.domain.hours import current_opening
from queueapp.domain.names import same_name
from queueapp.domain.spans import Span
from queueapp.domain.visit import AppointmentState

# One marked as not come is still welcome: checking in counts from now then.
_LIVE = (AppointmentState.BOOKED, AppointmentState.CHECKED_IN, AppointmentState.NO_SHOW)


def today_of(session: Session, site: Site, now: datetime) -> Span:
    """When the bookings begin that are for now: in the running service day.

    Where the doors stay open around its turn, who comes for a booking just beyond it is right too:
    as long before, or after, as one can check in early.
    """
    day = site.span_of(site.day_at(now))
    soon = site.rules.check_in_opens
    if now - soon in day and now + soon in day:
        return day
    hours = timetable(session, site)
    opening = current_opening(hours, now) if hours else None
    if opening is None:
        return day
    return Span(
        min(day.start, max(opening.start, now - soon)), max(day.end, min(opening.end, now + soon))
    )


def by_code(session: Session, codes: Sequence[str]) -> list[Appointment]:
    """All bookings with one of `codes` (capitals without gaps), of any site, in order of time."""
    return list(
        session.scalars(
            sa.select(Appointment)
            .where(Appointment.code.in_(codes), *_seen())
            .order_by(Appointment.starts_at, Appointment.id)
        )
    )


def by_name(session: Session, name: str, birth_date: date, since: datetime) -> list[Appointment]:
    """All bookings since then of people of that name and date of birth, of any site."""
    found = session.scalars(
        sa.select(Appointment)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(Patient.birth_date == birth_date, Appointment.starts_at >= since, *_seen())
        .options(selectinload(Appointment.patient))
        .order_by(Appointment.starts_at, Appointment.id)
    )
    # Names are compared here: the two databases fold letters differently.
    return [a for a in found if a.patient is not None and _is(a.patient, name)]


def of_the_day(session: Session, site: Site, now: datetime, one: Appointment) -> list[Appointment]:
    """All that is to be checked in today with `one`: of the person, and of those who come along."""
    today = today_of(session, site, now)
    mine = [Appointment.id == one.id]
    if one.patient_id is not None:
        same = session.get_one(Patient, one.patient_id)
        root = same.same_as_id or same.id
        people = sa.select(Patient.id).where(sa.or_(Patient.id == root, Patient.same_as_id == root))
        mine.append(Appointment.patient_id.in_(people))
    if one.party_id is not None:
        mine.append(Appointment.party_id == one.party_id)
    return list(
        session.scalars(
            sa.select(Appointment)
            .where(
                Appointment.site_id == site.id,
                Appointment.state.in_((AppointmentState.BOOKED, AppointmentState.NO_SHOW)),
                Appointment.starts_at >= today.start,
                Appointment.starts_at < today.end,
                Appointment.discreet.is_(False),
                sa.or_(*mine),
            )
            .options(selectinload(Appointment.patient))
            .order_by(Appointment.starts_at, Appointment.id)
        )
    )


def person_of(appointment: Appointment) -> int | None:
    """One number per person, duplicates that staff have linked being one; None for nobody's."""
    patient = appointment.patient
    return None if patient is None else patient.same_as_id or patient.id


def _seen() -> tuple[sa.ColumnElement[bool], ...]:
    return (Appointment.state.in_(_LIVE), Appointment.discreet.is_(False))


def _is(patient: Patient, name: str) -> bool:
    return same_name(name, patient.name) or same_name(name, patient.chosen_name)

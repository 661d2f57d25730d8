"""Booked times of a list, through the same action as all bookings."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.booking_rows import Override, Place
from queueapp.actions.bookings import book
from queueapp.commands.history_names import clinicians_of
from queueapp.db.models import Appointment, Clinician, Patient, Pool, Service, Site
from queueapp.domain.actor import SYSTEM
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import BUSY_APPOINTMENT_STATES
from queueapp.integrations.appointment_list import AppointmentList, AppointmentRow
from queueapp.integrations.visit_log import BadRow

_COLUMNS = {"starts_at": "starts_at", "length": "ends_at", "clinician": "clinician"}


def book_rows(
    session: Session, now: datetime, site: Site, found: AppointmentList
) -> tuple[int, int, list[BadRow]]:
    """Book each row: how many were booked, how many were there already, and the bad ones."""
    taken, there, bad = 0, 0, []
    clinicians = {}
    for clinician in clinicians_of(session, site.id):
        clinicians[clinician.name.lower()] = clinician
        clinicians[clinician.shown_name.lower()] = clinician
    for row in found.rows:
        try:
            if _is_there(session, site, row):
                there += 1
                continue
            with session.begin_nested():
                _book(session, now, site, row, clinicians)
            taken += 1
        except Refused as refused:
            column = _COLUMNS.get(refused.field, refused.field or "starts_at")
            value = str(getattr(row, column, "") or "")
            if column == "starts_at":
                value = row.starts_at.isoformat()
            bad.append(BadRow(row.line, column, value, refused.message.rstrip("."), row.cells))
    return taken, there, bad


def _is_there(session: Session, site: Site, row: AppointmentRow) -> bool:
    found = session.execute(
        sa.select(Patient.name, Patient.birth_date)
        .join(Appointment, Appointment.patient_id == Patient.id)
        .where(
            Appointment.site_id == site.id,
            Appointment.starts_at == row.starts_at,
            Appointment.state.in_(BUSY_APPOINTMENT_STATES),
        )
    )
    return (row.name, row.birth_date) in {(name, born) for name, born in found}


def _book(
    session: Session,
    now: datetime,
    site: Site,
    row: AppointmentRow,
    clinicians: dict[str, Clinician],
) -> None:
    service = session.scalars(
        sa.select(Service).where(
            Service.site_id == site.id,
            sa.or_(
                sa.func.lower(Service.name) == row.service.lower(),
                Service.slug == row.service.lower(),
            ),
        )
    ).first()
    if service is None:
        raise Refused("one of this site's services", field="service")
    clinician = clinicians.get(row.clinician.lower()) if row.clinician else None
    if row.clinician and clinician is None:
        raise Refused("a clinician of this site", field="clinician")
    if row.code and session.scalar(
        sa.select(Appointment.id).where(
            Appointment.site_id == site.id, Appointment.code == row.code
        )
    ):
        raise Refused("a code that no other booking has", field="code")
    pool = None if clinician else _pool(session, service, row.starts_at)
    patient = Patient(
        name=row.name,
        birth_date=row.birth_date,
        phone=row.phone,
        language=site.rules.language,
        created_at=now,
    )
    session.add(patient)
    session.flush()
    place = Place(
        row.starts_at,
        clinician.id if clinician else None,
        pool.id if pool else None,
        row.ends_at - row.starts_at if row.ends_at and clinician else None,
    )
    # Agreed elsewhere already, so the hours here do not forbid it; overlaps stay refused.
    appointment = _book_or_outside_hours(session, now, site, service, place, patient)
    if row.code:
        appointment.code = row.code


def _book_or_outside_hours(
    session: Session, now: datetime, site: Site, service: Service, place: Place, patient: Patient
) -> Appointment:
    def attempt(override: Override | None) -> Appointment:
        return book(
            session,
            SYSTEM,
            now,
            site_id=site.id,
            service_id=service.id,
            place=place,
            patient_id=patient.id,
            override=override,
        )

    try:
        return attempt(None)
    except Refused:
        if (
            place.clinician_id is None
            or place.starts_at < now
            or _overlaps(session, service, place)
        ):
            raise
        return attempt(Override("Imported from a list of appointments"))


def _overlaps(session: Session, service: Service, place: Place) -> bool:
    ends = place.starts_at + (place.length or service.planned)
    return (
        session.scalar(
            sa.select(Appointment.id)
            .where(
                Appointment.clinician_id == place.clinician_id,
                Appointment.state.in_(BUSY_APPOINTMENT_STATES),
                Appointment.busy_from < ends + service.buffer_after,
                Appointment.busy_to > place.starts_at - service.buffer_before,
            )
            .limit(1)
        )
        is not None
    )


def _pool(session: Session, service: Service, at: datetime) -> Pool:
    found = session.scalars(
        sa.select(Pool).where(
            Pool.service_id == service.id,
            Pool.starts_at <= at,
            Pool.ends_at > at,
            Pool.capacity > 0,
        )
    ).first()
    if found is None:
        raise Refused("a clinician, as the service has no pool then", field="clinician")
    return found

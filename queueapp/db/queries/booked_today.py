"""Who of those booked today stands at the kiosk: by name and date of birth, never as a list."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import Appointment, Patient, Site
from queueapp.domain.localtime import service_day, service_day_span
from queueapp.domain.names import same_name
from queueapp.domain.visit import AppointmentState

_LIVE = (AppointmentState.BOOKED, AppointmentState.CHECKED_IN)


@dataclass(frozen=True, slots=True)
class Found:
    """The booking of the one person meant, or None; `clash` when several people could be meant."""

    appointment: Appointment | None
    clash: bool = False


def find_booked(
    session: Session, site: Site, now: datetime, *, name: str, birth_date: date
) -> Found:
    """The booking of today that is meant; discreet ones are never found.

    A person with several has the first one not yet checked in; duplicates that staff have linked
    are one person.
    """
    day = service_day(site.timezone, now, site.rules.day_starts_at)
    span = service_day_span(site.timezone, day, site.rules.day_starts_at)
    booked = session.scalars(
        sa.select(Appointment)
        .join(Patient, Patient.id == Appointment.patient_id)
        .where(
            Appointment.site_id == site.id,
            Appointment.state.in_(_LIVE),
            Appointment.starts_at >= span.start,
            Appointment.starts_at < span.end,
            Appointment.discreet.is_(False),
            Patient.birth_date == birth_date,
        )
        .options(selectinload(Appointment.patient))
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    # Names are compared here: the two databases fold letters differently.
    meant = [a for a in booked if a.patient is not None and _is(a.patient, name)]
    people = {a.patient.same_as_id or a.patient.id for a in meant if a.patient is not None}
    if len(people) != 1:
        return Found(None, clash=len(people) > 1)
    to_come = [a for a in meant if a.state is AppointmentState.BOOKED]
    return Found((to_come or meant)[0])


def _is(patient: Patient, name: str) -> bool:
    return same_name(name, patient.name) or same_name(name, patient.chosen_name)

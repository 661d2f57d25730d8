"""Who gives care at a site, and when."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import Clinician, ClinicianService, Service, Shift, Site


def clinicians_of(session: Session, site_id: int) -> Sequence[Clinician]:
    """Those who can give one of the site's services and are not retired, in order of id."""
    able = (
        sa.select(ClinicianService.clinician_id)
        .join(Service, Service.id == ClinicianService.service_id)
        .where(Service.site_id == site_id)
    )
    return session.scalars(
        sa.select(Clinician)
        .where(Clinician.id.in_(able), Clinician.retired.is_(False))
        .order_by(Clinician.id)
    ).all()


def clinician_of_staff(session: Session, staff_id: int) -> int | None:
    """The clinician whose login it is."""
    return session.scalar(sa.select(Clinician.id).where(Clinician.staff_id == staff_id))


def still_to_come(session: Session, site: Site, day: date) -> Sequence[Shift]:
    """The day's shifts that have not begun, with their clinicians."""
    return session.scalars(
        sa.select(Shift)
        .where(Shift.site_id == site.id, Shift.day == day, Shift.actual_from.is_(None))
        .options(selectinload(Shift.clinician))
    ).all()

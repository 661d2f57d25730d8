"""Who gives care at a site."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Clinician, ClinicianService, Service


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

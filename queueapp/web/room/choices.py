"""What the lists of the room's forms offer."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Clinician, ClinicianService, Room, Service, Site
from queueapp.db.queries.happened import room_name
from queueapp.web.room.forms import RESOLUTIONS, SAME


def fill(session: Session, site: Site, form: Any) -> None:
    """Give the form's lists their rows."""
    services = [(str(s.id), s.name) for s in _services(session, site)]
    who = [(str(c.id), c.shown_name) for c in clinicians(session, site)]
    if "resolution" in form:
        form.resolution.choices = [("", "Not said"), *RESOLUTIONS.items()]
        form.next_service.choices = [("", "As planned, or home"), *services]
        form.next_who.choices = [("", "Anyone"), (SAME, "The same clinician")]
    elif "ready_at" in form:
        form.service.choices = [("", "Nowhere: wait"), *services]
    elif "service" in form:
        form.service.choices = services
        form.clinician.choices = [("", "Anyone"), *((f"only:{n}", w) for n, w in who)]
    elif "clinician" in form:
        form.clinician.choices = who
    elif "room" in form:
        form.room.choices = [(str(r.id), room_name(r.name)) for r in _rooms(session, site)]


def clinicians(session: Session, site: Site) -> list[Clinician]:
    """Those who can give one of the site's services."""
    return list(
        session.scalars(
            sa.select(Clinician)
            .join(ClinicianService, ClinicianService.clinician_id == Clinician.id)
            .join(Service, Service.id == ClinicianService.service_id)
            .where(Service.site_id == site.id, Clinician.retired.is_(False))
            .distinct()
            .order_by(Clinician.name, Clinician.id)
        )
    )


def _services(session: Session, site: Site) -> list[Service]:
    return list(
        session.scalars(
            sa.select(Service)
            .where(Service.site_id == site.id, Service.retired.is_(False))
            .order_by(Service.position, Service.id)
        )
    )


def _rooms(session: Session, site: Site) -> list[Room]:
    return list(
        session.scalars(
            sa.select(Room)
            .where(Room.site_id == site.id, Room.retired.is_(False))
            .order_by(Room.position, Room.id)
        )
    )

"""What the lists of the room's forms offer."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Clinician, ClinicianService, Room, Service, Site
from queueapp.db.queries.happened import room_name
from queueapp.web.room.forms import RESOLUTIONS, SAME


def fill(session: Session, site: Site, form: Any) -> None:
    """Give the form's lists their rows."""
    if "resolution" in form:
        form.resolution.choices = [("", "Not said"), *RESOLUTIONS.items()]
        form.next_service.choices = [("", "As planned, or home"), *_services(session, site)]
        form.next_who.choices = [("", "Anyone"), (SAME, "The same clinician")]
    elif "ready_at" in form:
        form.service.choices = [("", "Nowhere: wait"), *_services(session, site)]
    elif "service" in form:
        form.service.choices = _services(session, site)
        who = [(f"only:{n}", words) for n, words in _clinicians(session, site)]
        form.clinician.choices = [("", "Anyone"), *who]
    elif "clinician" in form:
        form.clinician.choices = _clinicians(session, site)
    elif "room" in form:
        form.room.choices = _rooms(session, site)


def _clinicians(session: Session, site: Site) -> list[tuple[str, str]]:
    """Those who can give one of the site's services."""
    able = (
        sa.select(ClinicianService.clinician_id)
        .join(Service, Service.id == ClinicianService.service_id)
        .where(Service.site_id == site.id)
    )
    rows = session.scalars(
        sa.select(Clinician)
        .where(Clinician.id.in_(able), Clinician.retired.is_(False))
        .order_by(Clinician.name, Clinician.id)
    )
    return [(str(c.id), c.shown_name) for c in rows]


def _services(session: Session, site: Site) -> list[tuple[str, str]]:
    rows = session.scalars(
        sa.select(Service)
        .where(Service.site_id == site.id, Service.retired.is_(False))
        .order_by(Service.position, Service.id)
    )
    return [(str(s.id), s.name) for s in rows]


def _rooms(session: Session, site: Site) -> list[tuple[str, str]]:
    rows = session.scalars(
        sa.select(Room)
        .where(Room.site_id == site.id, Room.retired.is_(False))
        .order_by(Room.position, Room.id)
    )
    return [(str(r.id), room_name(r.name)) for r in rows]

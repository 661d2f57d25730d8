"""What a clinic has of what it needs before its first patient."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import (
    Clinician,
    Device,
    Membership,
    OpeningHour,
    Room,
    Service,
    ShiftPattern,
    Site,
)


def all_sites(session: Session) -> list[Site]:
    """Every clinic, by name."""
    return list(session.scalars(sa.select(Site).order_by(Site.name)))


def first_steps(session: Session, site_id: int) -> Mapping[str, int]:
    """How many there are of hours, services, rooms, clinicians' weeks, staff and devices."""

    def count(table: Any, *where: Any) -> Any:
        return sa.select(sa.func.count()).select_from(table).where(*where).scalar_subquery()

    week = sa.join(ShiftPattern, Clinician, ShiftPattern.clinician_id == Clinician.id)
    counts = {
        "hours": count(OpeningHour, OpeningHour.site_id == site_id),
        "services": count(Service, Service.site_id == site_id, Service.retired.is_(False)),
        "rooms": count(Room, Room.site_id == site_id, Room.retired.is_(False)),
        "clinicians": count(week, ShiftPattern.site_id == site_id, Clinician.retired.is_(False)),
        "staff": count(Membership, Membership.site_id == site_id),
        "devices": count(Device, Device.site_id == site_id, Device.revoked_at.is_(None)),
    }
    found = session.execute(sa.select(*(n.label(name) for name, n in counts.items()))).one()
    return dict(found._mapping)

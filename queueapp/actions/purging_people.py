"""Who has not been to any clinic for as long as that clinic keeps people."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Appointment, Patient, Site, Visit
from queueapp.domain.rules import SiteRules

# What is left of a person: a number, to which what happened still belongs.
NOBODY: dict[str, Any] = {
    "name": "",
    "chosen_name": "",
    "name_sounds": "",
    "birth_date": None,
    "call_routes": [],
    "access_needs": [],
    "room_needs": [],
    "phone": "",
    "email": "",
    "preferred_clinician_id": None,
    "name_on_lobby": False,
}


def due_people(session: Session, now: datetime, site: Site) -> sa.ColumnElement[bool]:
    """Which people of the clinic are due: wherever they were, it is longer ago than it is kept
    there. Who never came to any and has no booking is due at the first clinic, by its figure.
    """
    kept = _kept(session)
    still = sa.or_(
        sa.exists().where(
            Visit.patient_id == Patient.id,
            sa.or_(
                Visit.departed_at.is_(None), _since(kept, now, Visit.site_id, Visit.departed_at)
            ),
        ),
        sa.exists().where(
            Appointment.patient_id == Patient.id,
            _since(kept, now, Appointment.site_id, Appointment.ends_at),
        ),
    )
    came = sa.exists().where(Visit.patient_id == Patient.id, Visit.site_id == site.id)
    booked = sa.exists().where(Appointment.patient_id == Patient.id, Appointment.site_id == site.id)
    here = sa.or_(came, booked)
    if site.id == session.scalar(sa.select(sa.func.min(Site.id))):
        never_came = ~sa.exists().where(Visit.patient_id == Patient.id)
        never_booked = ~sa.exists().where(Appointment.patient_id == Patient.id)
        here = sa.or_(here, never_came & never_booked)
    before = now - site.rules.keep_people
    return Patient.purged_at.is_(None) & (Patient.created_at < before) & here & ~still


def _kept(session: Session) -> dict[timedelta, list[int]]:
    """The clinics that keep people for other than the usual time, by that time."""
    usual, kept = SiteRules().keep_people, defaultdict(list)
    for site in session.scalars(sa.select(Site)):
        if site.rules.keep_people != usual:
            kept[site.rules.keep_people].append(site.id)
    return kept


def _since(
    kept: dict[timedelta, list[int]], now: datetime, site_id: Any, ended_at: Any
) -> sa.ColumnElement[bool]:
    """Whether something that ended then, at that clinic, is not yet kept long enough."""
    others = [one for sites in kept.values() for one in sites]
    conditions = [site_id.not_in(others) & (ended_at >= now - SiteRules().keep_people)]
    for length, sites in kept.items():
        here = site_id.in_(sites)
        conditions.append(here & (ended_at >= now - length) if length else here)
    return sa.or_(*conditions)

"""Clinicians: added, changed, retired; their weekly habits are `admin_habits`."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_habits import GivenHabit, habits_state, set_habits
from queueapp.actions.admin_record import check_version, listed, named, record_change
from queueapp.db.models import (
    Appointment,
    Clinician,
    ClinicianService,
    Membership,
    Service,
    Shift,
    ShiftPattern,
    Site,
)
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor, Role
from queueapp.domain.refusal import conflict, invalid, not_found
from queueapp.domain.visit import AppointmentState

SUBJECT = "clinician"


@dataclass(frozen=True, slots=True)
class GivenClinician:
    """A clinician as a manager wants it; `services` are ids of this site, `staff_id` the login.

    Habits hold from `habits_from`, a day that is not past.
    """

    name: str
    title: str = ""
    attributes: list[str] = field(default_factory=list)
    services: list[int] = field(default_factory=list)
    staff_id: int | None = None
    habits: list[GivenHabit] = field(default_factory=list)
    habits_from: date | None = None


def clinician_state(
    session: Session, site: Site, clinician: Clinician, day: date
) -> dict[str, Any]:
    """All that can be changed of a clinician at this site; habits as they hold from `day`."""
    return {
        "name": clinician.name,
        "title": clinician.title,
        "attributes": list(clinician.attributes or ()),
        "services": skills_here(session, site.id, clinician.id),
        "login": clinician.staff_id,
        "retired": clinician.retired,
        "habits": habits_state(session, site.id, clinician.id, day),
    }


def skills_here(session: Session, site_id: int, clinician_id: int) -> list[str]:
    """The names of the site's services the clinician can give."""
    return list(
        session.scalars(
            sa.select(Service.name)
            .join(ClinicianService, ClinicianService.service_id == Service.id)
            .where(ClinicianService.clinician_id == clinician_id, Service.site_id == site_id)
            .order_by(Service.name)
        )
    )


def add_clinician(
    session: Session, actor: Actor, now: datetime, *, site_id: int, given: GivenClinician
) -> Clinician:
    """One more who gives care here. Raises Refused (invalid, naming the field)."""
    site = lock_site(session, site_id)
    clinician = Clinician(name="", attributes=[], retired=False)
    _fill(session, clinician, site, given)
    _set_rest(session, actor, now, site, clinician, given)
    _record(session, actor, now, site, clinician, "added", {})
    return clinician


def change_clinician(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    clinician_id: int,
    version: str,
    given: GivenClinician,
) -> bool:
    """Change a clinician; False when nothing differed. Raises Refused, also `changed_meanwhile`."""
    site = lock_site(session, site_id)
    clinician = own_clinician(session, site_id, clinician_id)
    before = clinician_state(session, site, clinician, site.day_at(now))
    check_version(
        session, before, version, subject=SUBJECT, subject_id=clinician_id, zone=site.timezone
    )
    _fill(session, clinician, site, given)
    _set_rest(session, actor, now, site, clinician, given)
    return _record(session, actor, now, site, clinician, "changed", before)


def retire_clinician(
    session: Session, actor: Actor, now: datetime, *, site_id: int, clinician_id: int, retired: bool
) -> None:
    """Plan and book a clinician no more, or again; what was done stays.

    Raises Refused (conflict `in_use`, `works_elsewhere`).
    """
    site = lock_site(session, site_id)
    clinician = own_clinician(session, site_id, clinician_id)
    if clinician.retired == retired:
        return
    if retired:
        _check_unused(session, site, clinician, now)
    before = clinician_state(session, site, clinician, site.day_at(now))
    clinician.retired = retired
    _record(session, actor, now, site, clinician, "retired" if retired else "restored", before)


def own_clinician(session: Session, site_id: int, clinician_id: int) -> Clinician:
    """The clinician, who has given or can give something here. Raises Refused (not found)."""
    clinician = session.get(Clinician, clinician_id, populate_existing=True)
    if clinician is None or clinician_id not in set(session.scalars(ids_here(site_id))):
        raise not_found("The clinician")
    return clinician


def ids_here(site_id: int) -> Any:
    """A query of the ids of those with a service, a habit or a shift at the site."""
    skills = (
        sa.select(ClinicianService.clinician_id)
        .join(Service, Service.id == ClinicianService.service_id)
        .where(Service.site_id == site_id)
    )
    habits = sa.select(ShiftPattern.clinician_id).where(ShiftPattern.site_id == site_id)
    shifts = sa.select(Shift.clinician_id).where(Shift.site_id == site_id)
    return sa.union(skills, habits, shifts)


def _fill(session: Session, clinician: Clinician, site: Site, given: GivenClinician) -> None:
    clinician.name = named(given.name, 120, "name", "Give the clinician's name.")
    clinician.title = " ".join(given.title.split())[:40]
    clinician.attributes = listed(given.attributes)
    if given.staff_id is not None and given.staff_id != clinician.staff_id:
        _check_login(session, site, given.staff_id)
    clinician.staff_id = given.staff_id
    session.add(clinician)
    session.flush()


def _check_login(session: Session, site: Site, staff_id: int) -> None:
    member = session.scalar(
        sa.select(Membership.id).where(
            Membership.staff_id == staff_id,
            Membership.site_id == site.id,
            Membership.role == Role.CLINICIAN,
        )
    )
    taken = session.scalar(sa.select(Clinician.id).where(Clinician.staff_id == staff_id))
    if member is None or taken is not None:
        raise invalid("staff", "Choose a login with the role clinician that nobody else has.")


def _set_rest(
    session: Session,
    actor: Actor,
    now: datetime,
    site: Site,
    clinician: Clinician,
    given: GivenClinician,
) -> None:
    here = set(session.scalars(sa.select(Service.id).where(Service.site_id == site.id)))
    wanted = set(given.services)
    if not wanted or not wanted <= here:
        raise invalid("services", "Choose at least one of this clinic's services.")
    session.execute(
        sa.delete(ClinicianService).where(
            ClinicianService.clinician_id == clinician.id,
            ClinicianService.service_id.in_(here - wanted),
        )
    )
    had = set(
        session.scalars(
            sa.select(ClinicianService.service_id).where(
                ClinicianService.clinician_id == clinician.id
            )
        )
    )
    session.add_all(
        ClinicianService(clinician_id=clinician.id, service_id=s) for s in sorted(wanted - had)
    )
    session.flush()
    set_habits(session, actor, now, site, clinician.id, given.habits, given.habits_from)


def _check_unused(session: Session, site: Site, clinician: Clinician, now: datetime) -> None:
    who = clinician.shown_name
    elsewhere = session.scalar(
        sa.select(Site.name)
        .join(Service, Service.site_id == Site.id)
        .join(ClinicianService, ClinicianService.service_id == Service.id)
        .where(ClinicianService.clinician_id == clinician.id, Site.id != site.id)
        .limit(1)
    )
    if elsewhere is not None:
        raise conflict(
            "works_elsewhere",
            f"{who} also works at {elsewhere}, and would be retired there too. End the weekly "
            "hours here instead.",
        )
    shift = session.scalar(
        sa.select(Shift.id).where(
            Shift.clinician_id == clinician.id,
            Shift.actual_from.is_not(None),
            Shift.actual_to.is_(None),
        )
    )
    if shift is not None:
        raise conflict("in_use", f"{who} is on shift. End the shift first.")
    booked = session.scalar(
        sa.select(sa.func.count()).where(
            Appointment.clinician_id == clinician.id,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.ends_at > now,
        )
    )
    if booked:
        raise conflict(
            "in_use", f"{booked} booked with {who} from now on. Move or cancel them first."
        )


def _record(
    session: Session,
    actor: Actor,
    now: datetime,
    site: Site,
    clinician: Clinician,
    verb: str,
    before: dict[str, Any],
) -> bool:
    return record_change(
        session,
        actor,
        now,
        site_id=site.id,
        verb=verb,
        subject=SUBJECT,
        subject_id=clinician.id,
        name=clinician.shown_name,
        before=before,
        after=clinician_state(session, site, clinician, site.day_at(now)),
    )

"""The demo clinic's patients and their booked times."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from random import Random

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.booking_rows import Place
from queueapp.actions.bookings import book
from queueapp.commands.base import utc_now
from queueapp.commands.demo_people import PEOPLE, Person
from queueapp.db.models import Appointment, Patient, Pool, Reason, Service, Site, Visit
from queueapp.db.queries.slots import FreeTime, free_times
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import AppointmentState, PreferenceKind

_DAYS_AHEAD = 7
_TODAY = {"gp": 12, "blood-test": 6}
_EACH_DAY = {"gp": 4, "nurse": 1, "blood-test": 2}
_POOL_EVERY = timedelta(minutes=10)
_HALF_A_DAY = timedelta(hours=12)
# Booked first, so that the day always has them.
_BOOKS_TODAY = ("Xiomara Quispe", "Ines Marques", "Noor El-Sayed", "Hana Suzuki", "Viktor Lang")


def known_patient(session: Session, site_id: int, name: str) -> Patient:
    """The demo's patient of that name, added if need be; never one of another site."""
    return _patient(session, site_id, next(p for p in PEOPLE if p.name == name))


def spare_patient(
    session: Session, site_id: int, dice: Random, without: Collection[str]
) -> Patient:
    """Somebody who is not in the house and has no booking around now, `without` those named."""
    busy = set(
        session.scalars(
            sa.select(Patient.name)
            .join(Visit, Visit.patient_id == Patient.id)
            .where(Visit.site_id == site_id, Visit.departed_at.is_(None))
        )
    )
    busy |= set(
        session.scalars(
            sa.select(Patient.name)
            .join(Appointment, Appointment.patient_id == Patient.id)
            .where(
                Appointment.site_id == site_id,
                Appointment.state == AppointmentState.BOOKED,
                Appointment.starts_at < utc_now() + _HALF_A_DAY,
            )
        )
    )
    unnamed = [p for p in PEOPLE if p.name not in without and p.name not in _BOOKS_TODAY]
    spare = [p for p in unnamed if p.name not in busy]
    return _patient(session, site_id, dice.choice(spare or unnamed))


def book_ahead(
    session: Session,
    site: Site,
    booked_at: datetime,
    now: datetime,
    dice: Random,
    without: Collection[str],
) -> None:
    """Bookings around now and on the coming days, in free times; topped up, not doubled.

    Those who come `without` a booking today are booked on the coming days alone.
    """
    _plan_pools(session, site, now)
    since, until = now - timedelta(minutes=90), now + timedelta(hours=3)
    _fill(session, site, since, until, _TODAY, booked_at, dice, without)
    for day in range(1, _DAYS_AHEAD + 1):
        begins = now + timedelta(days=day) - timedelta(hours=6)
        _fill(session, site, begins, begins + timedelta(hours=20), _EACH_DAY, booked_at, dice, ())


def upcoming(
    session: Session, site_id: int, since: datetime, until: datetime
) -> Sequence[tuple[int, datetime]]:
    """Bookings not checked in that start in [since, until): id and start, by start."""
    rows = session.execute(
        sa.select(Appointment.id, Appointment.starts_at)
        .where(
            Appointment.site_id == site_id,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at >= since,
            Appointment.starts_at < until,
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )
    return [(row.id, row.starts_at) for row in rows]


def _patient(session: Session, site_id: int, person: Person) -> Patient:
    here = sa.or_(
        Patient.id.in_(sa.select(Visit.patient_id).where(Visit.site_id == site_id)),
        Patient.id.in_(sa.select(Appointment.patient_id).where(Appointment.site_id == site_id)),
    )
    found = session.scalars(
        sa.select(Patient).where(
            Patient.name == person.name, Patient.birth_date == person.birth_date, here
        )
    ).first()
    if found is None:
        found = Patient(
            name=person.name,
            chosen_name=person.chosen_name,
            name_sounds=person.sounds,
            birth_date=person.birth_date,
            language=person.language,
            call_routes=list(person.call_routes),
            access_needs=list(person.access_needs),
            room_needs=list(person.room_needs),
            phone=person.phone,
            created_at=utc_now(),
        )
        session.add(found)
        session.flush()
    return found


def _plan_pools(session: Session, site: Site, now: datetime) -> None:
    service = _service(session, site, "blood-test")
    for day in range(_DAYS_AHEAD + 1):
        middle = now + timedelta(days=day)
        there = session.scalar(
            sa.select(Pool.id).where(
                Pool.service_id == service.id, Pool.starts_at <= middle, Pool.ends_at > middle
            )
        )
        if there is None:
            begins = (middle - timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
            session.add(
                Pool(
                    service_id=service.id,
                    starts_at=begins,
                    ends_at=begins + timedelta(hours=8),
                    interval=_POOL_EVERY,
                    capacity=2,
                )
            )
    session.flush()


def _fill(
    session: Session,
    site: Site,
    since: datetime,
    until: datetime,
    wanted: dict[str, int],
    booked_at: datetime,
    dice: Random,
    without: Collection[str],
) -> None:
    for slug, number in wanted.items():
        service = _service(session, site, slug)
        there = session.scalar(
            sa.select(sa.func.count()).where(
                Appointment.service_id == service.id,
                Appointment.starts_at >= since,
                Appointment.starts_at < until,
            )
        )
        free = free_times(session, site, service, since, until, now=booked_at)
        if slug == "blood-test":
            free = [f for f in free if f.pool_id is not None]
        missing = max(0, number - (there or 0))
        for time in sorted(_pick(free, missing, dice), key=lambda f: f.starts_at):
            _book(session, site, service, time, booked_at, dice, without)


def _pick(free: list[FreeTime], number: int, dice: Random) -> list[FreeTime]:
    """Spread over the stretch, and at most one at a time."""
    by_start = {f.starts_at: f for f in dice.sample(free, len(free))}
    times = sorted(by_start)
    step = max(1, len(times) // number) if number else 1
    return [by_start[t] for t in times[::step][:number]]


def _book(
    session: Session,
    site: Site,
    service: Service,
    time: FreeTime,
    booked_at: datetime,
    dice: Random,
    without: Collection[str],
) -> None:
    reasons = session.scalars(sa.select(Reason.id).where(Reason.service_id == service.id)).all()
    taken = set(without) | set(
        session.scalars(
            sa.select(Patient.name)
            .join(Appointment, Appointment.patient_id == Patient.id)
            .where(
                Appointment.site_id == site.id,
                Appointment.starts_at.between(
                    time.starts_at - _HALF_A_DAY, time.starts_at + _HALF_A_DAY
                ),
            )
        )
    )
    spare = [p for p in PEOPLE if p.name not in taken] or list(PEOPLE)
    firsts = [p for p in spare if p.name in _BOOKS_TODAY]
    person = firsts[0] if without and firsts else dice.choice(spare)
    book(
        session,
        SYSTEM,
        booked_at,
        site_id=site.id,
        service_id=service.id,
        place=Place(time.starts_at, time.clinician_id, time.pool_id, time.ends_at - time.starts_at),
        patient_id=_patient(session, site.id, person).id,
        reason_id=dice.choice(reasons),
        preference=PreferenceKind.IF_POSSIBLE if time.clinician_id else PreferenceKind.NONE,
    )


def _service(session: Session, site: Site, slug: str) -> Service:
    return session.scalars(
        sa.select(Service).where(Service.site_id == site.id, Service.slug == slug)
    ).one()

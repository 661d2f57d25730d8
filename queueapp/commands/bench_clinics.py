"""Clinics to measure the write path on: open round the clock, each with the same people waiting.

`python -m queueapp.commands.bench_clinics` with an order as JSON on standard input makes them, as
the process that measures need not hold all of the product.
"""

import json
import sys
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp import config
from queueapp.actions import forecasting, logins
from queueapp.actions.tickets import code_of, new_nonce
from queueapp.commands import base
from queueapp.db.models import (
    Appointment,
    Base,
    Clinician,
    ClinicianService,
    OpeningHour,
    Patient,
    QueueEntry,
    Room,
    Service,
    ServiceTarget,
    Shift,
    ShiftService,
    Site,
    TicketCounter,
    Visit,
)
from queueapp.domain.actor import Role
from queueapp.domain.visit import AppointmentState, EntryClass, EntryState, Presence

_Row = TypeVar("_Row", bound=Base)
SERVICES = {"gp": "Doctor", "nurse": "Nurse", "blood": "Blood test"}
ROOMS = 8
_AN_HOUR = timedelta(hours=1)
# All of it lies on one service day, which ends half a day from now.
_BOOKED_FOR = timedelta(hours=11)


def make(order: dict[str, int]) -> list[dict[str, Any]]:
    """`sites` clinics with `waiting` people each and `booked` bookings of the coming hours.

    Returns for each its slug, a manager's token, its rooms and its bookings by number.
    """
    settings = config.load()
    base.make_if_empty(settings)
    with base.database(settings) as database:
        found = []
        for n in range(order["sites"]):
            with database.write() as session:
                found.append(_clinic(session, f"bench-{n}", order["waiting"], order["booked"]))
        forecaster = forecasting.Forecaster(database)
        for one in found:
            forecaster.refresh(one["site"], datetime.now(UTC))
    return found


def _clinic(session: Session, slug: str, waiting: int, booked: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    ends_at = f"{(now.hour + 12) % 24:02d}:00"
    site = _added(
        session,
        Site(slug=slug, name=slug, timezone="UTC", seq=0, settings={"day_starts_at": ends_at}),
    )
    for weekday in range(7):
        day = {"weekday": weekday, "opens": time(0), "closes": time(0)}
        session.add(OpeningHour(site_id=site.id, **day))
    services = [_service(session, site, *names) for names in SERVICES.items()]
    rooms = [
        _added(session, Room(site_id=site.id, name=f"Room {n + 1}", position=n))
        for n in range(ROOMS)
    ]
    clinicians = [_on_shift(session, site, services, room, now) for room in rooms]
    _come(session, site, services, waiting, now)
    bookings = [
        _booking(session, site, services[0], clinicians[n % ROOMS], now, n // ROOMS, booked)
        for n in range(booked)
    ]
    token = logins.issue_token(session, now, role=Role.MANAGER, site=slug, name="bench")
    return {
        "site": site.id,
        "slug": slug,
        "token": token,
        "rooms": [room.id for room in rooms],
        "bookings": [one.id for one in bookings],
    }


def _come(
    session: Session, site: Site, services: list[Service], people: int, now: datetime
) -> None:
    """As many walk-ins as if they had come within the last hour, all at once for speed."""
    if not people:
        return
    target, at = timedelta(minutes=30), [now - n * _AN_HOUR / people for n in range(people, 0, -1)]
    visits = [
        {
            "site_id": site.id,
            "day": site.day_at(now),
            "ticket": code_of(n),
            "key": new_nonce()[:16],
            "nonce": new_nonce(),
            "token_hash": new_nonce(),
            "token_expires_at": now + 36 * _AN_HOUR,
            "presence": Presence.HERE,
            "here_at": at[n],
            "arrived_at": at[n],
        }
        for n in range(people)
    ]
    ids = session.scalars(
        sa.insert(Visit).returning(Visit.id, sort_by_parameter_order=True), visits
    ).all()
    entries = [
        {
            "site_id": site.id,
            "visit_id": visit_id,
            "service_id": services[n % len(services)].id,
            "state": EntryState.WAITING,
            "entry_class": EntryClass.WALK_IN.value,
            "arrived_at": at[n],
            "reference_at": at[n],
            "target": target,
            "due_by": at[n] + target,
        }
        for n, visit_id in enumerate(ids)
    ]
    session.execute(sa.insert(QueueEntry), entries)
    session.add(TicketCounter(site_id=site.id, day=site.day_at(now), given=people))
    session.flush()


def _service(session: Session, site: Site, slug: str, name: str) -> Service:
    service = _added(session, Service(site_id=site.id, slug=slug, name=name))
    for entry_class, minutes in (("walk_in", 30), ("booked", 15)):
        session.add(
            ServiceTarget(
                service_id=service.id,
                entry_class=entry_class,
                within=timedelta(minutes=minutes),
                valid_from=datetime(2020, 1, 1, tzinfo=UTC).date(),
            )
        )
    return service


def _on_shift(
    session: Session, site: Site, services: list[Service], room: Room, now: datetime
) -> Clinician:
    clinician = _added(session, Clinician(name=f"{site.slug} {room.name}"))
    shift = _added(
        session,
        Shift(
            site_id=site.id,
            clinician_id=clinician.id,
            room_id=room.id,
            day=site.day_at(now),
            planned_from=now,
            planned_to=now + _BOOKED_FOR,
            actual_from=now,
        ),
    )
    for service in services:
        session.add(ClinicianService(clinician_id=clinician.id, service_id=service.id))
        session.add(ShiftService(shift_id=shift.id, service_id=service.id))
    return clinician


def _booking(
    session: Session,
    site: Site,
    service: Service,
    clinician: Clinician,
    now: datetime,
    number: int,
    of: int,
) -> Appointment:
    length = _BOOKED_FOR / (of // ROOMS + 1)
    starts_at = now + number * length
    patient = _added(session, Patient(name=f"Person {number}", created_at=now))
    return _added(
        session,
        Appointment(
            site_id=site.id,
            service_id=service.id,
            clinician_id=clinician.id,
            patient_id=patient.id,
            state=AppointmentState.BOOKED,
            starts_at=starts_at,
            ends_at=starts_at + length,
            busy_from=starts_at,
            busy_to=starts_at + length,
            code=f"{site.id}-{number}",
            created_at=now,
        ),
    )


def _added(session: Session, row: _Row) -> _Row:
    session.add(row)
    session.flush()
    return row


if __name__ == "__main__":
    json.dump(make(json.load(sys.stdin)), sys.stdout)

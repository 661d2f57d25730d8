"""Rows to test with: each makes what it needs, adds it to the session and flushes, so ids are set.

Give what a test depends on and leave the rest; any column may be given by name.
"""

import itertools
import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from queueapp.actions.tickets import code_of, new_nonce, token_hash, visit_token
from queueapp.db.models import (
    ApiToken,
    Clinician,
    ClinicianService,
    Device,
    Membership,
    Patient,
    QueueEntry,
    Reason,
    Room,
    Service,
    ServiceTarget,
    Shift,
    ShiftService,
    Site,
    Staff,
    Visit,
)
from queueapp.domain.actor import Role
from queueapp.domain.visit import EntryClass, EntryState, Presence

# A Tuesday, 09:00 on the clocks of UTC and London.
NOW = datetime(2026, 1, 13, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_PASSWORD_HASH = CHEAP.hash(PASSWORD)
_number = itertools.count(1)


def _added(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def turning_far_off(now: datetime) -> dict[str, Any]:
    """Settings of a site whose service day ends half a day from `now`: no test crosses it."""
    return {"day_starts_at": f"{(now.hour + 12) % 24:02d}:00"}


def make_site(session: Session, slug: str = "", **columns: Any) -> Site:
    """A site in London without opening hours."""
    n = next(_number)
    values = {"name": f"Clinic {n}", "timezone": "Europe/London", "settings": {}, **columns}
    return _added(session, Site(slug=slug or f"clinic-{n}", seq=0, **values))


def make_service(
    session: Session,
    site: Site,
    name: str = "",
    *,
    targets: dict[str, int] | None = None,
    **columns: Any,
) -> Service:
    """A service; `targets` are minutes by class, good from 2020 on."""
    n = next(_number)
    name = name or f"Service {n}"
    slug = columns.pop("slug", name.lower().replace(" ", "-"))
    service = _added(session, Service(site_id=site.id, slug=slug, name=name, **columns))
    for entry_class, minutes in (targets or {}).items():
        session.add(
            ServiceTarget(
                service_id=service.id,
                entry_class=entry_class,
                within=timedelta(minutes=minutes),
                valid_from=date(2020, 1, 1),
            )
        )
    session.flush()
    return service


def make_reason(
    session: Session, service: Service, words: str = "", *, minutes: int = 10
) -> Reason:
    """A reason for coming."""
    words = words or f"Reason {next(_number)}"
    return _added(
        session, Reason(service_id=service.id, words=words, planned=timedelta(minutes=minutes))
    )


def make_room(session: Session, site: Site, name: str = "", **columns: Any) -> Room:
    """A room with one place."""
    return _added(session, Room(site_id=site.id, name=name or f"R{next(_number)}", **columns))


def make_clinician(
    session: Session, services: Iterable[Service] = (), name: str = "", **columns: Any
) -> Clinician:
    """A clinician who can give `services`."""
    name = name or f"Clinician {next(_number)}"
    skills = [ClinicianService(service_id=service.id) for service in services]
    return _added(session, Clinician(name=name, skills=skills, **columns))


def make_shift(
    session: Session,
    site: Site,
    clinician: Clinician,
    room: Room | None = None,
    *,
    services: Iterable[Service] = (),
    now: datetime = NOW,
    hours: float = 8,
    is_open: bool = True,
    **columns: Any,
) -> Shift:
    """A shift of `hours` from `now`, open unless said; services default to all of the site's."""
    values = {
        "day": now.date(),
        "planned_from": now,
        "planned_to": now + timedelta(hours=hours),
        "actual_from": now if is_open else None,
        "room_id": room.id if room else None,
        **columns,
    }
    session.expire(site, ["services"])
    given = [ShiftService(service_id=service.id) for service in services or site.services]
    of = {"site_id": site.id, "clinician_id": clinician.id}
    return _added(session, Shift(**of, services=given, **values))


def make_staff(
    session: Session, site: Site | None, *roles: Role, email: str = "", **columns: Any
) -> Staff:
    """Someone who signs in with `PASSWORD`; an admin's site is None."""
    n = next(_number)
    values = {"name": f"Staff {n}", "password_hash": _PASSWORD_HASH, **columns}
    memberships = [
        Membership(site_id=site.id if site and role is not Role.ADMIN else None, role=role)
        for role in roles
    ]
    email = email or f"staff{n}@example.org"
    return _added(session, Staff(email=email, memberships=memberships, **values))


def make_patient(session: Session, name: str = "", **columns: Any) -> Patient:
    """A person; nothing is known but a name."""
    values = {"created_at": NOW, **columns}
    return _added(session, Patient(name=name or f"Person {next(_number)}", **values))


def make_device(
    session: Session, site: Site, kind: str, room: Room | None = None, **columns: Any
) -> tuple[Device, str]:
    """A kiosk, lobby screen or room tablet, and its link's token."""
    token = secrets.token_urlsafe(24)
    device = Device(
        site_id=site.id,
        room_id=room.id if room else None,
        kind=kind,
        name=f"{kind} {next(_number)}",
        token_hash=token_hash(token),
        created_at=NOW,
        **columns,
    )
    return _added(session, device), token


def make_api_token(
    session: Session, site: Site | None, role: Role, **columns: Any
) -> tuple[ApiToken, str]:
    """A bearer token for programs, and the token itself."""
    token = secrets.token_urlsafe(24)
    row = ApiToken(
        site_id=site.id if site else None,
        role=role,
        token_hash=token_hash(token),
        created_at=NOW,
        **columns,
    )
    return _added(session, row), token


def make_visit(
    session: Session,
    site: Site,
    patient: Patient | None = None,
    *,
    now: datetime = NOW,
    secret: str = "",
    **columns: Any,
) -> Visit:
    """A visit without an entry; its link's token is `token_of(visit, secret)`."""
    n = next(_number)
    key, nonce = secrets.token_hex(8), new_nonce()
    values = {
        "day": now.date(),
        "ticket": code_of(n),
        "key": key,
        "nonce": nonce,
        "token_hash": token_hash(visit_token(secret, key, nonce)),
        "token_expires_at": now + timedelta(days=3650),
        "patient_id": patient.id if patient else None,
        "presence": Presence.HERE,
        "here_at": now,
        "arrived_at": now,
        **columns,
    }
    return _added(session, Visit(site_id=site.id, **values))


def token_of(visit: Visit, secret: str = "") -> str:
    """The token of a visit's phone link."""
    return visit_token(secret, visit.key, visit.nonce)


def make_entry(
    session: Session,
    service: Service,
    visit: Visit | None = None,
    *,
    now: datetime = NOW,
    target_minutes: int = 30,
    **columns: Any,
) -> QueueEntry:
    """A wait from `now`, a walk-in's unless said."""
    site = session.get_one(Site, service.site_id)
    visit = visit or make_visit(session, site, now=now)
    target = timedelta(minutes=target_minutes)
    values = {
        "state": EntryState.WAITING,
        "entry_class": EntryClass.WALK_IN.value,
        "arrived_at": now,
        "reference_at": now,
        "target": target,
        "due_by": now + target,
        **columns,
    }
    return _added(
        session, QueueEntry(site_id=site.id, visit_id=visit.id, service_id=service.id, **values)
    )

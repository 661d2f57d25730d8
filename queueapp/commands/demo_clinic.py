"""The demo clinic itself: what stands in it, who works there, who signs in, which screens."""

import functools
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.logins import find_staff, hash_password, verify_password
from queueapp.actions.tickets import token_hash
from queueapp.commands.demo_people import DOCTORS, OFFERS, ROOMS, Doctor, Offer
from queueapp.db.models import (
    Base,
    Clinician,
    ClinicianService,
    Device,
    Membership,
    OpeningException,
    OpeningHour,
    Reason,
    Room,
    Service,
    ServiceTarget,
    ShiftPattern,
    Site,
    Staff,
)
from queueapp.domain.actor import Role
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import conflict
from queueapp.domain.viewer import Part

SLUG = "demo"
NAME = "Harbour Street Clinic"
ZONE = "Europe/London"
PASSWORD = "harbour-street"
_DOMAIN = "harbour.example"
LONG_AGO = date(2020, 1, 1)
MANAGER = f"anna@{_DOMAIN}"
OFFICE = (
    ("Marta Kowalczyk", f"marta@{_DOMAIN}", Role.RECEPTIONIST),
    ("Anna Lindgren", MANAGER, Role.MANAGER),
    ("Ada Admin", f"admin@{_DOMAIN}", Role.ADMIN),
)
Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True, slots=True)
class Links:
    """Tokens of the paired screens, the same whenever they are derived; clinicians' logins.

    Rooms are (name, token), clinicians (name, e-mail).
    """

    kiosk: str
    lobby: str
    rooms: tuple[tuple[str, str], ...]
    clinicians: tuple[tuple[str, str], ...] = ()


def demo_site(session: Session, *, name: str, fresh: bool, used: bool = False) -> Site:
    """The site `demo`, made if need be.

    One of another name, or with `fresh` one that has had people, is kept under another address.
    Raises Refused (conflict) when the site was not made by this command.
    """
    site = session.scalars(sa.select(Site).where(Site.slug == SLUG)).one_or_none()
    if site is not None and not _is_ours(session, site):
        raise conflict(
            "not_a_demo",
            f"The site “{SLUG}” was not made by this command, so it is left alone. "
            "Use another database (DATABASE_URL) for the demo.",
        )
    if site is not None and (site.name != name or (fresh and used)):
        site.slug = f"{SLUG}-{site.id}"
        session.execute(sa.delete(Membership).where(Membership.site_id == site.id))
        session.flush()
        site = None
    if site is None:
        site = Site(slug=SLUG, name=name, timezone=ZONE, seq=0, settings={})
        session.add(site)
        session.flush()
    return site


def _is_ours(session: Session, site: Site) -> bool:
    manager = find_staff(session, MANAGER)
    return manager is not None and any(m.site_id == site.id for m in manager.memberships)


def furnish(session: Session, site: Site) -> None:
    """Services, rooms, clinicians and their weekly habits; what is there already stays."""
    services = {offer.slug: _service(session, site, n, offer) for n, offer in enumerate(OFFERS)}
    for n, (name, features) in enumerate(ROOMS):
        one(session, Room, site_id=site.id, name=name)(position=n, features=list(features))
    rooms = {room.name: room for room in session.scalars(rooms_of(site))}
    for doctor in DOCTORS:
        _clinician(session, site, doctor, services, rooms[doctor.room])
    session.flush()


def rooms_of(site: Site) -> sa.Select[Room]:
    """The site's rooms in order."""
    return sa.select(Room).where(Room.site_id == site.id).order_by(Room.position, Room.id)


def one(session: Session, table: type[Row], **key: Any) -> Callable[..., Row]:
    """The row of that key; called with further columns it is added where there is none."""

    def ensure(**columns: Any) -> Row:
        found = session.scalars(sa.select(table).filter_by(**key)).first()
        if found is None:
            found = table(**key, **columns)
            session.add(found)
            session.flush()
        return found

    return ensure


def set_targets(session: Session, service: Service, targets: dict[str, timedelta]) -> None:
    """Targets by class, in force for as long as anybody looks back."""
    for entry_class, within in targets.items():
        one(
            session,
            ServiceTarget,
            service_id=service.id,
            entry_class=entry_class,
            valid_from=LONG_AGO,
        )(within=within)


def _service(session: Session, site: Site, position: int, offer: Offer) -> Service:
    service = one(session, Service, site_id=site.id, slug=offer.slug)(
        name=offer.name,
        plain_name=offer.plain,
        position=position,
        planned=timedelta(minutes=offer.planned),
        not_care=offer.not_care,
    )
    minutes = {c: timedelta(minutes=m) for c, m in offer.targets.items()}
    set_targets(session, service, minutes)
    for words, planned in offer.reasons:
        one(session, Reason, service_id=service.id, words=words)(planned=timedelta(minutes=planned))
    return service


def _clinician(
    session: Session, site: Site, doctor: Doctor, services: dict[str, Service], room: Room
) -> None:
    mine = [services[slug].id for slug in doctor.services]
    gives = sa.select(ClinicianService.clinician_id).where(ClinicianService.service_id.in_(mine))
    found = session.scalars(
        sa.select(Clinician).where(Clinician.name == doctor.name, Clinician.id.in_(gives))
    ).first()
    if found is None:
        found = Clinician(name=doctor.name, title=doctor.title, attributes=list(doctor.attributes))
        session.add(found)
        session.flush()
        session.add_all(ClinicianService(clinician_id=found.id, service_id=s) for s in mine)
    shown = f"{doctor.title} {doctor.name}"
    login = add_login(session, site, shown, f"{doctor.email}@{_DOMAIN}", Role.CLINICIAN)
    found.staff_id = login.id
    for weekday in range(6 if doctor.saturday else 5):
        starts, ends = (time.fromisoformat(t) for t in doctor.hours)
        rest: list[time | None] = [time.fromisoformat(t) for t in doctor.rest]
        if weekday == 5:
            starts, ends, rest = time(9), time(13), [None, None]
        key = {"site_id": site.id, "clinician_id": found.id, "weekday": weekday}
        one(session, ShiftPattern, **key)(
            room_id=room.id,
            starts=starts,
            ends=ends,
            break_starts=rest[0],
            break_ends=rest[1],
            valid_from=LONG_AGO,
        )


def open_weekly(session: Session, site: Site) -> None:
    """Believable hours: weekdays 08:00 to 20:00, Saturdays 09:00 to 13:00, Sundays closed."""
    for weekday in range(6):
        opens, closes = (time(9), time(13)) if weekday == 5 else (time(8), time(20))
        one(session, OpeningHour, site_id=site.id, weekday=weekday)(opens=opens, closes=closes)


def open_round_the_clock(session: Session, site: Site) -> None:
    """Never closed."""
    for weekday in range(7):
        one(session, OpeningHour, site_id=site.id, weekday=weekday)(opens=time(0), closes=time(0))


def stay_open_around(session: Session, site: Site, now: datetime) -> None:
    """Open day and night on the days around `now`, unless the usual hours hold all around it."""
    since, until = (to_local(site.timezone, now + timedelta(hours=h)) for h in (-3, 4))
    hours = session.scalars(sa.select(OpeningHour).where(OpeningHour.site_id == site.id))
    usual = {h.weekday: (h.opens, h.closes) for h in hours}.get(since.weekday(), (time(0), time(0)))
    inside = since.date() == until.date() and usual[0] <= since.time() and until.time() <= usual[1]
    if not inside:
        for day in {since.date(), until.date()}:
            one(session, OpeningException, site_id=site.id, day=day)(
                opens=time(0), closes=time(0), note="Open day and night for the demo"
            )
    session.flush()


def keep_day_whole(session: Session, site: Site, now: datetime, *, from_hour: int = 0) -> None:
    """The service day, which begins at 04:00, begins at midnight while it is early.

    So that its turn does not end what goes on around `now`. `from_hour` is when early begins: later
    for who has people who came before midnight.
    """
    early = from_hour <= to_local(site.timezone, now).hour < 7
    site.settings = {**(site.settings or {}), "day_starts_at": "00:00" if early else "04:00"}
    session.flush()


def add_login(session: Session, site: Site, name: str, email: str, role: Role) -> Staff:
    """A login with the demo's password and that role at the site (an admin's at all)."""
    staff = find_staff(session, email)
    if staff is None:
        staff = Staff(email=email, name=name, password_hash=_hash())
        session.add(staff)
        session.flush()
    elif not _is_password(staff.password_hash):
        staff.password_hash = _hash()
        staff.session_version += 1
    staff.disabled_at = None
    site_id = None if role is Role.ADMIN else site.id
    one(session, Membership, staff_id=staff.id, site_id=site_id, role=role)()
    return staff


# Hashing is slow on purpose, and all of the demo's people share one password.
@functools.cache
def _hash() -> str:
    return hash_password(PASSWORD)


@functools.cache
def _is_password(hashed: str) -> bool:
    return verify_password(PASSWORD, hashed)


def add_office(session: Session, site: Site) -> None:
    """Reception, manager and admin."""
    for name, email, role in OFFICE:
        add_login(session, site, name, email, role)


def pair_screens(session: Session, site: Site, now: datetime, rooms: Iterable[Room]) -> Links:
    """A kiosk, a lobby screen and a tablet per room, with links that stay the same."""
    return Links(
        _pair(session, site, now, Part.KIOSK, "Kiosk at the door", None),
        _pair(session, site, now, Part.LOBBY, "Lobby screen", None),
        tuple(
            (room.name, _pair(session, site, now, Part.ROOM, f"Tablet in {room.name}", room))
            for room in rooms
        ),
        _logins(session, site),
    )


def _logins(session: Session, site: Site) -> tuple[tuple[str, str], ...]:
    rows = session.execute(
        sa.select(Staff.name, Staff.email)
        .join(Membership, Membership.staff_id == Staff.id)
        .where(Membership.site_id == site.id, Membership.role == Role.CLINICIAN)
        .order_by(Staff.id)
    )
    return tuple((name, email) for name, email in rows)


def _pair(
    session: Session, site: Site, now: datetime, kind: Part, name: str, room: Room | None
) -> str:
    words = f"demo screen|{site.id}|{kind.value}|{room.id if room else ''}"
    mac = hmac.new(session.info["secret"].encode(), words.encode(), hashlib.sha256)
    token = urlsafe_b64encode(mac.digest()[:18]).decode()
    device = one(session, Device, token_hash=token_hash(token))(
        site_id=site.id,
        room_id=room.id if room else None,
        kind=kind.value,
        name=name,
        created_at=now,
    )
    device.revoked_at = None
    return token

"""Screens of a clinic: paired with a code that works once, paired again, revoked."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_record import named, record_change
from queueapp.actions.tickets import token_hash
from queueapp.db.models import Device, Pairing, Room
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor, ActorKind, kind_and_id
from queueapp.domain.codes import plain_code
from queueapp.domain.refusal import RefusalKind, Refused, invalid, not_found
from queueapp.domain.viewer import Part

SUBJECT = "device"
KINDS = (Part.KIOSK, Part.LOBBY, Part.ROOM)
LIVES = timedelta(minutes=10)
_DIGITS = 8
# So many wrong codes while one is open, and it ends: 30 tries at 100 million.
MOST_WRONG = 30


def offer_pairing(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    kind: Part,
    name: str,
    room_id: int | None = None,
) -> tuple[Pairing, str]:
    """A code of eight digits, good for 10 min; the screen is made when it is typed there.

    Raises Refused (invalid `kind`, `name`, `room`).
    """
    lock_site(session, site_id)
    name = named(name, 80, "name", "Say which screen it is, for example Lobby, left wall.")
    if kind not in KINDS:
        raise invalid("kind", "Choose kiosk, lobby or room.")
    if kind is Part.ROOM:
        room = session.get(Room, room_id) if room_id else None
        if room is None or room.site_id != site_id or room.retired:
            raise invalid("room", "Choose the room this tablet stands in.")
    pairing = Pairing(
        site_id=site_id,
        room_id=room_id if kind is Part.ROOM else None,
        kind=kind.value,
        name=name,
    )
    return _open(session, actor, now, pairing)


def offer_pairing_again(
    session: Session, actor: Actor, now: datetime, *, site_id: int, device_id: int
) -> tuple[Pairing, str]:
    """A code that makes another browser this screen; the one before then ends.

    Raises Refused (not found).
    """
    lock_site(session, site_id)
    device = _own(session, site_id, device_id)
    pairing = Pairing(
        site_id=site_id,
        room_id=device.room_id,
        device_id=device.id,
        kind=device.kind,
        name=device.name,
    )
    return _open(session, actor, now, pairing)


def _open(session: Session, actor: Actor, now: datetime, pairing: Pairing) -> tuple[Pairing, str]:
    code = _free_code(session, now)
    pairing.code_hash = code_hash(session, code)
    pairing.made_by, pairing.created_at, pairing.expires_at = actor.key, now, now + LIVES
    pairing.wrong_tries = 0
    session.add(pairing)
    session.flush()
    _record(session, actor, now, pairing.site_id, "code", pairing.device_id, pairing.name, pairing)
    return pairing, code


def _free_code(session: Session, now: datetime) -> str:
    while True:
        code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
        if _open_one(session, now, code) is None:
            return code


def code_hash(session: Session, code: str) -> str:
    """What is kept of a code: so few digits need the server's secret, or they could be tried."""
    words = f"pairing|{code}".encode()
    return hmac.new(session.info["secret"].encode(), words, hashlib.sha256).hexdigest()


def _open_one(session: Session, now: datetime, code: str) -> Pairing | None:
    return session.scalars(
        sa.select(Pairing).where(
            Pairing.code_hash == code_hash(session, code),
            Pairing.used_at.is_(None),
            Pairing.expires_at > now,
            Pairing.wrong_tries < MOST_WRONG,
        )
    ).first()


def pair(session: Session, now: datetime, *, code: str) -> str | None:
    """The token of the screen that the code makes, once; None for a wrong or ended code.

    A wrong one counts against every open code, so commit it. Blanks and dashes do not matter.
    """
    found = _open_one(session, now, plain_code(code))
    if found is not None:
        used = session.execute(
            sa.update(Pairing)
            .where(Pairing.id == found.id, Pairing.used_at.is_(None))
            .values(used_at=now)
            .returning(Pairing.id)
        ).all()
        if used:
            return _start(session, now, found)
    session.execute(
        sa.update(Pairing)
        .where(Pairing.used_at.is_(None), Pairing.expires_at > now)
        .values(wrong_tries=Pairing.wrong_tries + 1)
    )
    return None


def _start(session: Session, now: datetime, pairing: Pairing) -> str:
    device = session.get(Device, pairing.device_id) if pairing.device_id else None
    if device is None:
        device = Device(
            site_id=pairing.site_id,
            room_id=pairing.room_id,
            kind=pairing.kind,
            name=pairing.name,
            created_at=now,
        )
        session.add(device)
    token = secrets.token_urlsafe(32)
    device.token_hash = token_hash(token)
    device.revoked_at = None
    session.flush()
    actor = _actor_of(pairing)
    _record(session, actor, now, pairing.site_id, "paired", device.id, device.name, pairing)
    return token


def _actor_of(pairing: Pairing) -> Actor:
    kind, number = kind_and_id(pairing.made_by)
    return Actor(ActorKind(kind), number or None)


def revoke_device(
    session: Session, actor: Actor, now: datetime, *, site_id: int, device_id: int
) -> None:
    """End a screen at once, its sockets too. Raises Refused (not found)."""
    lock_site(session, site_id)
    device = _own(session, site_id, device_id)
    if device.revoked_at is not None:
        return
    device.revoked_at = now
    session.execute(
        sa.update(Pairing)
        .where(Pairing.device_id == device_id, Pairing.used_at.is_(None))
        .values(expires_at=now)
    )
    _record(session, actor, now, site_id, "revoked", device.id, device.name, None)


def _own(session: Session, site_id: int, device_id: int) -> Device:
    device = session.get(Device, device_id, populate_existing=True)
    if device is None or device.site_id != site_id:
        raise not_found("The screen")
    return device


def wrong_code() -> Refused:
    """What the one who types is told, whatever was wrong with the code."""
    return Refused(
        "This code is not open. Codes last ten minutes and work once: ask a manager for a new one.",
        field="code",
        kind=RefusalKind.INVALID,
        code="wrong_code",
    )


def _record(
    session: Session,
    actor: Actor,
    now: datetime,
    site_id: int,
    verb: str,
    device_id: int | None,
    name: str,
    pairing: Pairing | None,
) -> None:
    record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb=verb,
        subject=SUBJECT,
        subject_id=device_id,
        name=name,
        after={"kind": pairing.kind, "room": pairing.room_id} if pairing else None,
    )

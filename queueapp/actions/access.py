"""Who someone is: from what a cookie, a link or a bearer token says, as the database stands now."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.actions.tickets import token_hash
from queueapp.db.models import ApiToken, Device, Staff, Visit
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.viewer import Credential, Grant, Identity, Part, Viewer

_STAMP_LENGTH = 16


def viewer_of(session: Session, credentials: Iterable[Credential], now: datetime) -> Viewer:
    """Those of `credentials` that still count; disabled, revoked and run-out ones are left out."""
    found = (_BY_KIND[c.kind](session, c.id, now) for c in credentials if c.kind in _BY_KIND)
    wanted = {(c.kind, c.id): c.stamp for c in credentials}
    return Viewer(
        tuple(
            i
            for i in found
            if i and wanted[i.credential.kind, i.credential.id] == i.credential.stamp
        )
    )


def still_good(
    session: Session, credentials: Collection[Credential], now: datetime
) -> set[Credential]:
    """Those of many credentials that still count, in one query per kind."""
    queries: dict[str, Any] = {
        "staff": sa.select(Staff.id, Staff.session_version).where(Staff.disabled_at.is_(None)),
        "device": sa.select(Device.id, Device.token_hash).where(Device.revoked_at.is_(None)),
        "visit": sa.select(Visit.id, Visit.token_hash).where(Visit.token_expires_at > now),
        "token": sa.select(ApiToken.id, ApiToken.token_hash).where(ApiToken.revoked_at.is_(None)),
    }
    good = set()
    for kind, query in queries.items():
        ids = [c.id for c in credentials if c.kind == kind]
        if ids:
            rows = session.execute(query.where(query.selected_columns.id.in_(ids)))
            good |= {Credential(kind, row_id, _stamp(value)) for row_id, value in rows}
    return good & set(credentials)


def _stamp(value: str | int) -> str:
    return str(value)[:_STAMP_LENGTH]


def identity_of_token(session: Session, token: str, now: datetime) -> Identity | None:
    """Whom a bearer token stands for: a program's, or the link of a visit."""
    found = session.scalar(sa.select(ApiToken).where(ApiToken.token_hash == token_hash(token)))
    return visit_of_token(session, token, now) if found is None else _program(found)


def visit_of_token(session: Session, token: str, now: datetime) -> Identity | None:
    """The patient of a phone link that has not run out."""
    found = session.scalar(sa.select(Visit).where(Visit.token_hash == token_hash(token)))
    return _patient(found, now)


def device_of_token(session: Session, token: str, now: datetime) -> Identity | None:
    """The paired screen of a device link."""
    query = sa.select(Device.id).where(Device.token_hash == token_hash(token))
    device_id = session.execute(query).scalar()
    return None if device_id is None else _device(session, device_id, now)


def _staff(session: Session, staff_id: int, now: datetime) -> Identity | None:
    staff = session.get(Staff, staff_id, options=[selectinload(Staff.memberships)])
    if staff is None or staff.disabled_at is not None:
        return None
    return Identity(
        Actor(ActorKind.STAFF, staff.id, staff.name),
        Credential("staff", staff.id, _stamp(staff.session_version)),
        tuple(Grant(Part(m.role.value), m.site_id) for m in staff.memberships),
    )


def _device(session: Session, device_id: int, now: datetime) -> Identity | None:
    device = session.get(Device, device_id)
    if device is None or device.revoked_at is not None:
        return None
    return Identity(
        Actor(ActorKind.DEVICE, device.id, device.name),
        Credential("device", device.id, _stamp(device.token_hash)),
        (Grant(Part(device.kind), device.site_id, device.room_id),),
        device_id=device.id,
    )


def _visit(session: Session, visit_id: int, now: datetime) -> Identity | None:
    return _patient(session.get(Visit, visit_id), now)


def _patient(visit: Visit | None, now: datetime) -> Identity | None:
    if visit is None or visit.token_expires_at <= now:
        return None
    return Identity(
        Actor(ActorKind.PATIENT, visit.id, visit.ticket),
        Credential("visit", visit.id, _stamp(visit.token_hash)),
        (Grant(Part.PATIENT, visit.site_id),),
        visit_id=visit.id,
    )


def _token(session: Session, token_id: int, now: datetime) -> Identity | None:
    return _program(session.get(ApiToken, token_id))


def _program(token: ApiToken | None) -> Identity | None:
    if token is None or token.revoked_at is not None:
        return None
    return Identity(
        Actor(ActorKind.TOKEN, token.id, token.name or f"API {token.role}"),
        Credential("token", token.id, _stamp(token.token_hash)),
        (Grant(Part(token.role.value), token.site_id),),
    )


_BY_KIND = {"staff": _staff, "device": _device, "visit": _visit, "token": _token}

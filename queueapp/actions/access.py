"""Who someone is: from what a cookie, a link or a bearer token says, as the database stands now."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.booking_links import booker
from queueapp.actions.tickets import token_hash
from queueapp.db.models import ApiToken, BookingLink, Device, Membership, SignIn, Staff, Visit
from queueapp.db.statement import Statement
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.viewer import Credential, Grant, Identity, Part, Viewer, stamp_of

SIGNED_IN_FOR = timedelta(hours=16)
_OF_TOKEN = Statement(
    sa.select(ApiToken.__table__).where(ApiToken.token_hash == sa.bindparam("hash"))
)


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


def standing(
    session: Session, credentials: Collection[Credential], now: datetime
) -> dict[Credential, frozenset[Grant]]:
    """What each of many credentials that still count lets in to, in one query per kind."""
    found: defaultdict[Credential, set[Grant]] = defaultdict(set)
    for kind, query in _standing_queries(now).items():
        ids = [c.id for c in credentials if c.kind == kind]
        if ids:
            rows = session.execute(query.where(query.selected_columns.id.in_(ids)))
            for row_id, value, part, site_id, room_id in rows:
                grants = found[Credential(kind, row_id, stamp_of(value))]
                if part is not None:
                    grants.add(Grant(Part(part), site_id, room_id))
    return {one: frozenset(found[one]) for one in credentials if one in found}


def _standing_queries(now: datetime) -> dict[str, Any]:
    nowhere = sa.null()
    return {
        "staff": sa.select(SignIn.id, SignIn.key, Membership.role, Membership.site_id, nowhere)
        .join(Staff, Staff.id == SignIn.staff_id)
        .outerjoin(Membership, Membership.staff_id == Staff.id)
        .where(*still_signed_in(now)),
        "device": sa.select(
            Device.id, Device.token_hash, Device.kind, Device.site_id, Device.room_id
        ).where(Device.revoked_at.is_(None)),
        "visit": sa.select(
            Visit.id, Visit.token_hash, sa.literal(Part.PATIENT.value), Visit.site_id, nowhere
        ).where(Visit.token_expires_at > now),
        "booking": sa.select(
            BookingLink.id,
            BookingLink.token_hash,
            sa.literal(Part.BOOKER.value),
            BookingLink.site_id,
            nowhere,
        ).where(BookingLink.expires_at > now),
        "token": sa.select(
            ApiToken.id, ApiToken.token_hash, ApiToken.role, ApiToken.site_id, nowhere
        ).where(ApiToken.revoked_at.is_(None)),
    }


def still_signed_in(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Which sign-ins, joined with their staff, count now."""
    return _signed_in(now - SIGNED_IN_FOR)


def _signed_in(since: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        SignIn.ended_at.is_(None),
        SignIn.started_at > since,
        SignIn.version == Staff.session_version,
        Staff.disabled_at.is_(None),
    )


_STAFF = Statement(
    sa.select(
        SignIn.id, SignIn.key, SignIn.staff_id, Staff.name, Membership.role, Membership.site_id
    )
    .join(Staff, Staff.id == SignIn.staff_id)
    .outerjoin(Membership, Membership.staff_id == Staff.id)
    .where(SignIn.id == sa.bindparam("id"), *_signed_in(sa.bindparam("since")))
    .order_by(Membership.id)
)
_DEVICE = Statement(sa.select(Device.__table__).where(Device.id == sa.bindparam("id")))


def identity_of_token(session: Session, token: str, now: datetime) -> Identity | None:
    """Whom a bearer token stands for: a program's, or the link of a visit."""
    found = _OF_TOKEN.one_or_none(session, {"hash": token_hash(token)})
    return visit_of_token(session, token, now) if found is None else _program(found)


def visit_of_token(session: Session, token: str, now: datetime) -> Identity | None:
    """The patient of a phone link that has not run out."""
    found = session.scalar(sa.select(Visit).where(Visit.token_hash == token_hash(token)))
    return _patient(found, now)


def booking_of_token(session: Session, token: str, now: datetime) -> Identity | None:
    """Whoever has the link of a booking that has not run out."""
    query = sa.select(BookingLink).where(BookingLink.token_hash == token_hash(token))
    return booker(session.scalar(query), now)


def device_of_token(session: Session, token: str, now: datetime) -> Identity | None:
    """The paired screen of a device link."""
    query = sa.select(Device.id).where(Device.token_hash == token_hash(token))
    device_id = session.execute(query).scalar()
    return None if device_id is None else _device(session, device_id, now)


def _staff(session: Session, sign_in_id: int, now: datetime) -> Identity | None:
    session.flush()
    values = {"id": sign_in_id, "since": now - SIGNED_IN_FOR}
    rows = _STAFF.all(session, values)
    if not rows:
        return None
    found = rows[0]
    return Identity(
        Actor(ActorKind.STAFF, found.staff_id, found.name),
        Credential("staff", found.id, stamp_of(found.key)),
        tuple(Grant(Part(row.role.value), row.site_id) for row in rows if row.role),
    )


def _device(session: Session, device_id: int, now: datetime) -> Identity | None:
    session.flush()
    device = _DEVICE.one_or_none(session, {"id": device_id})
    if device is None or device.revoked_at is not None:
        return None
    return Identity(
        Actor(ActorKind.DEVICE, device.id, device.name),
        Credential("device", device.id, stamp_of(device.token_hash)),
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
        Credential("visit", visit.id, stamp_of(visit.token_hash)),
        (Grant(Part.PATIENT, visit.site_id),),
        visit_id=visit.id,
    )


def _booking(session: Session, link_id: int, now: datetime) -> Identity | None:
    return booker(session.get(BookingLink, link_id), now)


def _token(session: Session, token_id: int, now: datetime) -> Identity | None:
    return _program(session.get(ApiToken, token_id))


def _program(token: ApiToken | sa.Row[Any] | None) -> Identity | None:
    if token is None or token.revoked_at is not None:
        return None
    return Identity(
        Actor(ActorKind.TOKEN, token.id, token.name or f"API {token.role}"),
        Credential("token", token.id, stamp_of(token.token_hash)),
        (Grant(Part(token.role.value), token.site_id),),
    )


_BY_KIND = {
    "staff": _staff,
    "device": _device,
    "visit": _visit,
    "booking": _booking,
    "token": _token,
}

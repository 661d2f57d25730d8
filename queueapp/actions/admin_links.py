"""Links by which a member of staff chooses a password: they work once, and not for long."""

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_record import record_change
from queueapp.actions.admin_staff import SUBJECT, Reach, may_whole, own_staff
from queueapp.actions.tickets import token_hash
from queueapp.db.models import Membership, Staff, StaffLink
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.refusal import conflict, forbidden

LIVES = timedelta(hours=24)


def issue_link(
    session: Session, actor: Actor, now: datetime, *, reach: Reach, site_id: int, staff_id: int
) -> str:
    """The token of a new link, good for 24 h; earlier ones of the login end.

    The password stays as it is until the link is used. Raises Refused (not found, forbidden;
    conflict `disabled`).
    """
    lock_site(session, site_id)
    staff = own_staff(session, reach, site_id, staff_id)
    if not may_whole(reach, staff):
        raise forbidden(f"{staff.name} also works where you are no manager. Ask an admin.")
    if staff.disabled_at is not None:
        raise conflict("disabled", f"{staff.name} is disabled. Let this login in again first.")
    session.execute(
        sa.update(StaffLink)
        .where(StaffLink.staff_id == staff_id, StaffLink.used_at.is_(None))
        .values(expires_at=now)
    )
    token = secrets.token_urlsafe(24)
    session.add(
        StaffLink(
            staff_id=staff_id,
            token_hash=token_hash(token),
            made_by=actor.key,
            created_at=now,
            expires_at=now + LIVES,
        )
    )
    _record(session, actor, now, site_id, staff, "linked")
    return token


def staff_of_link(session: Session, now: datetime, token: str) -> Staff | None:
    """Whose password the link chooses; None when it was used, has run out or is none."""
    return session.scalars(
        sa.select(Staff)
        .join(StaffLink, StaffLink.staff_id == Staff.id)
        .where(
            StaffLink.token_hash == token_hash(token),
            StaffLink.used_at.is_(None),
            StaffLink.expires_at > now,
            Staff.disabled_at.is_(None),
        )
    ).one_or_none()


def choose_password(session: Session, now: datetime, *, token: str, password_hash: str) -> Staff:
    """Set the password of the link's login, which ends its sessions; the link is used up.

    Raises Refused (conflict `link_ended`), also for the second of two who use it at once.
    """
    staff = staff_of_link(session, now, token)
    used = session.execute(
        sa.update(StaffLink)
        .where(
            StaffLink.token_hash == token_hash(token),
            StaffLink.used_at.is_(None),
            StaffLink.expires_at > now,
        )
        .values(used_at=now)
        .returning(StaffLink.id)
    ).all()
    if staff is None or not used:
        raise conflict("link_ended", "This link has run out or was used. Ask for a new one.")
    staff.password_hash = password_hash
    staff.session_version += 1
    actor = Actor(ActorKind.STAFF, staff.id, staff.name)
    sites = session.scalars(
        sa.select(Membership.site_id).where(
            Membership.staff_id == staff.id, Membership.site_id.is_not(None)
        )
    )
    for site_id in sorted({s for s in sites if s is not None}):
        _record(session, actor, now, site_id, staff, "password")
    return staff


def _record(
    session: Session, actor: Actor, now: datetime, site_id: int, staff: Staff, verb: str
) -> None:
    record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb=verb,
        subject=SUBJECT,
        subject_id=staff.id,
        name=staff.name,
    )

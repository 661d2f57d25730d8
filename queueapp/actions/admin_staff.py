"""Logins of a clinic: added with a link to choose a password, given roles, disabled.

A manager administers those who work at the manager's sites and nowhere else; an admin everyone.
`reach` is those sites' ids, None for all.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import logins
from queueapp.actions.admin_record import check_version, named, record_change
from queueapp.db.models import Membership, Site, Staff
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor, ActorKind, Role
from queueapp.domain.refusal import conflict, forbidden, invalid, not_found

SUBJECT = "staff"
Reach = Collection[int] | None


def unknown_password() -> str:
    """A password's hash for a login whose owner has not chosen one; slow, so made beforehand."""
    return logins.hash_password(secrets.token_urlsafe(32))


def staff_state(staff: Staff, site_id: int) -> dict[str, Any]:
    """All that can be changed of a login at this site."""
    return {
        "name": staff.name,
        "email": staff.email,
        "roles": sorted(m.role.value for m in staff.memberships if m.site_id in (site_id, None)),
        "disabled": staff.disabled_at is not None,
    }


def add_login(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    reach: Reach,
    site_id: int,
    email: str,
    name: str,
    roles: Collection[Role],
    password_hash: str,
) -> Staff:
    """A new login at the site, which cannot sign in until a password is chosen by link.

    Someone who has a login at another site gets these roles here as well, and keeps name and
    password. Raises Refused (invalid `email`, `name`, `roles`; conflict `email_in_use`).
    """
    site = lock_site(session, site_id)
    _check_roles(reach, roles)
    staff = logins.find_staff(session, email)
    if staff is None:
        first, *_ = sorted(roles)
        slug = None if first is Role.ADMIN else site.slug
        staff = logins.add_staff(
            session, email=email, name=name, password_hash=password_hash, role=first, site=slug
        )
        session.refresh(staff)
    elif any(m.site_id == site_id for m in staff.memberships):
        raise conflict("email_in_use", f"{staff.name} signs in here with this address already.")
    _set_roles(session, staff, site_id, _with_admin(reach, staff, roles))
    _record(session, actor, now, site_id, staff, "added", {})
    return staff


def change_login(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    reach: Reach,
    site_id: int,
    staff_id: int,
    version: str,
    name: str,
    roles: Collection[Role],
) -> bool:
    """Change the name, and the roles at this site; sessions of changed roles end at once.

    Without roles the login is none of this site any more. Raises Refused, also `last_admin`,
    `yourself`, `changed_meanwhile`.
    """
    site = lock_site(session, site_id)
    staff = own_staff(session, reach, site_id, staff_id)
    before = staff_state(staff, site_id)
    check_version(
        session, before, version, subject=SUBJECT, subject_id=staff_id, zone=site.timezone
    )
    name = named(name, 120, "name", "Give the name colleagues know this person by.")
    if name != staff.name:
        _check_whole(reach, staff)
        staff.name = name
    if not _is_admin(staff):
        _check_roles(reach, roles, may_be_none=True)
    roles = _with_admin(reach, staff, roles)
    if set(before["roles"]) != {role.value for role in roles}:
        _check_yourself(actor, staff, "change your own roles")
        _check_last_admin(session, staff, stays=Role.ADMIN in roles)
        _set_roles(session, staff, site_id, roles)
        staff.session_version += 1
    return _record(session, actor, now, site_id, staff, "changed", before)


def disable_login(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    reach: Reach,
    site_id: int,
    staff_id: int,
    disabled: bool,
) -> None:
    """End a login at once and everywhere, or let it in again.

    Raises Refused (forbidden; conflict `yourself`, `last_admin`).
    """
    lock_site(session, site_id)
    staff = own_staff(session, reach, site_id, staff_id)
    _check_whole(reach, staff)
    if (staff.disabled_at is not None) == disabled:
        return
    before = staff_state(staff, site_id)
    if disabled:
        _check_yourself(actor, staff, "disable your own login")
        _check_last_admin(session, staff, stays=False)
    staff.disabled_at = now if disabled else None
    staff.session_version += 1
    _record(session, actor, now, site_id, staff, "disabled" if disabled else "restored", before)


def own_staff(session: Session, reach: Reach, site_id: int, staff_id: int) -> Staff:
    """A login with a role at the site (for an admin: or an admin's). Raises Refused (not found)."""
    staff = session.get(Staff, staff_id, populate_existing=True)
    sites = {m.site_id for m in staff.memberships} if staff else set()
    if staff is None or not (site_id in sites or (reach is None and None in sites)):
        raise not_found("The login")
    return staff


def may_whole(reach: Reach, staff: Staff) -> bool:
    """Whether all that the login opens is within `reach`, so that its password may be reset."""
    return reach is None or all(m.site_id in reach for m in staff.memberships)


def _check_whole(reach: Reach, staff: Staff) -> None:
    if not may_whole(reach, staff):
        raise forbidden(
            f"{staff.name} also works where you are no manager. Only an admin can do this; "
            "you can take away the roles here."
        )


def _is_admin(staff: Staff) -> bool:
    return any(m.role is Role.ADMIN for m in staff.memberships)


def _with_admin(reach: Reach, staff: Staff, roles: Collection[Role]) -> set[Role]:
    """The roles to be: what is not a manager's to give is not a manager's to take, either."""
    if reach is None:
        return set(roles)
    return {*roles} - {Role.ADMIN} | ({Role.ADMIN} if _is_admin(staff) else set())


def _check_roles(reach: Reach, roles: Collection[Role], may_be_none: bool = False) -> None:
    if not roles and not may_be_none:
        raise invalid("roles", "Choose at least one role.")
    if Role.ADMIN in roles and reach is not None:
        raise invalid("roles", "Only an admin can make someone an admin.")


def _check_yourself(actor: Actor, staff: Staff, what: str) -> None:
    if actor.kind is ActorKind.STAFF and actor.id == staff.id:
        raise conflict("yourself", f"You cannot {what}. Ask another manager or an admin.")


def _check_last_admin(session: Session, staff: Staff, *, stays: bool) -> None:
    if stays or not _is_admin(staff):
        return
    others = session.scalar(
        sa.select(sa.func.count(sa.distinct(Staff.id)))
        .join(Membership, Membership.staff_id == Staff.id)
        .where(
            Membership.role == Role.ADMIN,
            Staff.disabled_at.is_(None),
            Membership.staff_id != staff.id,
        )
    )
    if not others:
        raise conflict("last_admin", f"{staff.name} is the last admin. Make another one first.")


def _set_roles(session: Session, staff: Staff, site_id: int, roles: Collection[Role]) -> None:
    # An admin's membership has no site; those of other sites are not this page's.
    wanted = {(role, None if role is Role.ADMIN else site_id) for role in roles}
    for membership in list(staff.memberships):
        if membership.site_id not in (site_id, None):
            continue
        if (membership.role, membership.site_id) in wanted:
            wanted.discard((membership.role, membership.site_id))
        else:
            staff.memberships.remove(membership)
            session.delete(membership)
    for role, where in sorted(wanted, key=str):
        staff.memberships.append(Membership(staff_id=staff.id, site_id=where, role=role))
    session.flush()


def sites_of(session: Session, staff: Staff) -> list[str]:
    """The names of the sites the login has a role at."""
    ids = [m.site_id for m in staff.memberships if m.site_id is not None]
    return list(session.scalars(sa.select(Site.name).where(Site.id.in_(ids)).order_by(Site.name)))


def _record(
    session: Session,
    actor: Actor,
    now: datetime,
    site_id: int,
    staff: Staff,
    verb: str,
    before: dict[str, Any],
) -> bool:
    return record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb=verb,
        subject=SUBJECT,
        subject_id=staff.id,
        name=staff.name,
        before=before,
        after=staff_state(staff, site_id),
    )

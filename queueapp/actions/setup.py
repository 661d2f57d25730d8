"""First-run set-up: with an empty database, whoever has the server's code makes the first admin.

Once there is a site or a login, or the code was used, set-up is closed for good.
"""

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import logins
from queueapp.actions.admin_record import record_change, slug_of
from queueapp.actions.admin_site import new_site
from queueapp.actions.tickets import token_hash
from queueapp.db.models import SetupCode, Site, Staff
from queueapp.domain.actor import SYSTEM, Actor, ActorKind, Role
from queueapp.domain.codes import plain_code
from queueapp.domain.refusal import conflict, invalid

_ONLY = 1
_LETTERS = "ABCDEFGHJKLMNPRTUVWXY34679"
_GROUPS, _GROUP = 3, 4


def is_new(session: Session) -> bool:
    """Whether set-up is open: nobody signs in, there is no clinic, and it was never done."""
    if session.scalar(sa.select(Staff.id).limit(1)) is not None:
        return False
    if session.scalar(sa.select(Site.id).limit(1)) is not None:
        return False
    code = session.get(SetupCode, _ONLY)
    return code is None or code.used_at is None


def make_setup_code(session: Session, now: datetime) -> str | None:
    """A new code, shown as `K7PM-4XTA-9RWC`, in place of any before; None when set-up is closed."""
    if not is_new(session):
        return None
    letters = [secrets.choice(_LETTERS) for _ in range(_GROUPS * _GROUP)]
    code = session.get(SetupCode, _ONLY)
    if code is None:
        code = SetupCode(id=_ONLY)
        session.add(code)
    code.code_hash, code.created_at = token_hash("".join(letters)), now
    return "-".join("".join(letters[n : n + _GROUP]) for n in range(0, len(letters), _GROUP))


def set_up(
    session: Session,
    now: datetime,
    *,
    code: str,
    site_name: str,
    timezone: str,
    admin_name: str,
    email: str,
    password_hash: str,
) -> Site:
    """Make the clinic and its first admin, and close set-up; of two at once one wins.

    Raises Refused (invalid, naming the field; conflict `set_up`).
    """
    if not is_new(session):
        raise conflict("set_up", "This clinic is set up already. Sign in instead.")
    used = session.execute(
        sa.update(SetupCode)
        .where(SetupCode.code_hash == token_hash(plain_code(code)), SetupCode.used_at.is_(None))
        .values(used_at=now)
        .returning(SetupCode.id)
    ).all()
    if not used:
        raise invalid("code", "This is not the code that the server printed when it started.")
    site = new_site(
        session, SYSTEM, now, name=site_name, slug=slug_of(site_name), timezone=timezone
    )
    staff = logins.add_staff(
        session,
        email=email,
        name=admin_name,
        password_hash=password_hash,
        role=Role.ADMIN,
        site=None,
    )
    record_change(
        session,
        Actor(ActorKind.STAFF, staff.id, staff.name),
        now,
        site_id=site.id,
        verb="added",
        subject="staff",
        subject_id=staff.id,
        name=staff.name,
        after={"name": staff.name, "email": staff.email, "roles": [Role.ADMIN.value]},
    )
    return site

"""Logins and API tokens: made, changed and ended."""

import functools
import secrets
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from queueapp.actions.base import find_site
from queueapp.actions.tickets import token_hash
from queueapp.db.models import ApiToken, Membership, Staff
from queueapp.domain import passwords
from queueapp.domain.actor import Role
from queueapp.domain.contact import is_email
from queueapp.domain.refusal import Refused, conflict, invalid

_hasher = PasswordHasher()


@functools.cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_hex(16))


def hash_password(password: str, about: Iterable[str] = ()) -> str:
    """The argon2id hash. Raises Refused (invalid `password`) for one that `passwords` refuses.

    `about` are words known of its owner: e-mail address, name.
    """
    passwords.check(password, about)
    return _hasher.hash(password)


def verify_password(password: str, hashed: str | None) -> bool:
    """Whether it is the password; takes as long when there is no such person (`None`)."""
    try:
        _hasher.verify(hashed or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None and len(password) <= passwords.LONGEST


def renewed_hash(password: str, hashed: str) -> str | None:
    """A hash with today's parameters, for a password just verified; None where it has them."""
    return _hasher.hash(password) if _hasher.check_needs_rehash(hashed) else None


def find_staff(session: Session, email: str) -> Staff | None:
    """The login of that e-mail address, in whatever case it is written."""
    return session.scalars(
        sa.select(Staff).where(Staff.email == email.strip().lower())
    ).one_or_none()


def add_staff(
    session: Session, *, email: str, name: str, password_hash: str, role: Role, site: str | None
) -> Staff:
    """A new login with one role at `site` (a slug; an admin's has none).

    Raises Refused for a bad address, a name left out, or an address in use.
    """
    email = email.strip().lower()
    if not is_email(email):
        raise invalid("email", "Give an e-mail address such as anna@example.org.")
    if not name.strip():
        raise invalid("name", "Give the name colleagues know this person by.")
    if find_staff(session, email):
        raise conflict("email_in_use", f"{email} has a login already.")
    staff = Staff(email=email, name=name.strip(), password_hash=password_hash)
    session.add(staff)
    session.flush()
    session.add(Membership(staff_id=staff.id, site_id=_site_of(session, role, site), role=role))
    return staff


def _site_of(session: Session, role: Role, site: str | None) -> int | None:
    if role is Role.ADMIN:
        return None
    if not site:
        raise invalid("site", f"Say at which site: a {role} belongs to one.")
    return find_site(session, site).id


def _existing(session: Session, email: str) -> Staff:
    staff = find_staff(session, email)
    if staff is None:
        raise Refused(f"Nobody signs in as {email}.", field="email", code="not_found")
    return staff


def set_password(session: Session, email: str, password_hash: str) -> None:
    """Change a password; whoever was signed in with the old one is signed out."""
    staff = _existing(session, email)
    staff.password_hash = password_hash
    staff.session_version += 1


def disable_staff(session: Session, now: datetime, email: str) -> None:
    """End a login, at once and everywhere."""
    staff = _existing(session, email)
    staff.disabled_at = staff.disabled_at or now
    staff.session_version += 1


def issue_token(
    session: Session, now: datetime, *, role: Role, site: str | None, name: str = ""
) -> str:
    """A bearer token for programs; only its hash is kept."""
    token = secrets.token_urlsafe(32)
    site_id = _site_of(session, role, site)
    session.add(
        ApiToken(
            site_id=site_id, role=role, name=name, token_hash=token_hash(token), created_at=now
        )
    )
    return token

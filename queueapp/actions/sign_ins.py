"""Signing in and out: each browser's stretch is a row, so that ending it ends it everywhere."""

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.access import still_signed_in, viewer_of
from queueapp.actions.logins import verify_password
from queueapp.db.models import SignIn, Staff
from queueapp.domain.refusal import invalid
from queueapp.domain.viewer import Credential, Identity, stamp_of

# How long it can be looked up who was signed in.
_KEPT = timedelta(days=90)


def begin_sign_in(session: Session, now: datetime, *, staff: Staff, browser: str = "") -> Identity:
    """A new stretch of being signed in; `browser` is what the browser calls itself.

    Whether the password is right is the caller's to know.
    """
    session.execute(
        sa.delete(SignIn).where(SignIn.staff_id == staff.id, SignIn.started_at < now - _KEPT)
    )
    made = SignIn(
        staff_id=staff.id,
        key=secrets.token_hex(16),
        version=staff.session_version,
        browser=browser[:120],
        started_at=now,
    )
    session.add(made)
    session.flush()
    found = viewer_of(session, [credential_of(made)], now).of_kind("staff")
    assert found is not None
    return found


def credential_of(sign_in: SignIn) -> Credential:
    """What the browser's signed cookie holds."""
    return Credential("staff", sign_in.id, stamp_of(sign_in.key))


def end_sign_in(session: Session, now: datetime, *, sign_in_id: int) -> None:
    """Sign out: the stretch counts no more, whoever holds a copy of its cookie."""
    found = session.get(SignIn, sign_in_id)
    if found is not None and found.ended_at is None:
        found.ended_at = now


def current_sign_ins(session: Session, now: datetime, *, staff_id: int) -> list[SignIn]:
    """Where somebody is signed in, the newest first."""
    return list(
        session.scalars(
            sa.select(SignIn)
            .join(SignIn.staff)
            .where(SignIn.staff_id == staff_id, *still_signed_in(now))
            .order_by(SignIn.id.desc())
        )
    )


def end_other_sign_ins(session: Session, now: datetime, *, staff_id: int, but_id: int) -> int:
    """Sign somebody out of every browser but one; returns of how many."""
    others = [s for s in current_sign_ins(session, now, staff_id=staff_id) if s.id != but_id]
    for other in others:
        other.ended_at = now
    return len(others)


def change_own_password(
    session: Session, now: datetime, *, sign_in_id: int, current: str, password_hash: str
) -> None:
    """Change one's own password: every other browser is signed out, this one stays.

    Raises Refused (invalid `current`) where the current password is not right.
    """
    sign_in = session.get_one(SignIn, sign_in_id)
    staff = sign_in.staff
    if not verify_password(current, staff.password_hash):
        raise invalid("current", "This is not your current password.")
    staff.password_hash = password_hash
    staff.session_version += 1
    sign_in.version = staff.session_version

"""API tokens of a clinic's programs: issued, shown once, revoked."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import logins
from queueapp.actions.admin_record import named, record_change
from queueapp.actions.admin_staff import Reach
from queueapp.actions.tickets import token_hash
from queueapp.db.models import ApiToken
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor, Role
from queueapp.domain.refusal import invalid, not_found

SUBJECT = "token"


def issue_api_token(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    reach: Reach,
    site_id: int,
    name: str,
    role: Role,
) -> str:
    """The new token; only its hash is kept. Raises Refused (invalid `name`, `role`)."""
    site = lock_site(session, site_id)
    name = named(name, 80, "name", "Say which program it is for.")
    if role is Role.ADMIN and reach is not None:
        raise invalid("role", "Only an admin can give a program an admin's rights.")
    slug = None if role is Role.ADMIN else site.slug
    token = logins.issue_token(session, now, role=role, site=slug, name=name)
    session.flush()
    row_id = session.scalar(sa.select(ApiToken.id).where(ApiToken.token_hash == token_hash(token)))
    record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="issued",
        subject=SUBJECT,
        subject_id=row_id,
        name=name,
        after={"role": role.value},
    )
    return token


def revoke_api_token(
    session: Session, actor: Actor, now: datetime, *, reach: Reach, site_id: int, token_id: int
) -> None:
    """End a token at once; its sockets too. Raises Refused (not found)."""
    lock_site(session, site_id)
    token = session.get(ApiToken, token_id, populate_existing=True)
    if token is None or not (token.site_id == site_id or (token.site_id is None and reach is None)):
        raise not_found("The token")
    if token.revoked_at is not None:
        return
    token.revoked_at = now
    record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="revoked",
        subject=SUBJECT,
        subject_id=token_id,
        name=token.name or f"API {token.role}",
    )

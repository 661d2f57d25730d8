"""Who may book over somebody, or outside the hours: as the site's rule says."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import ApiToken, Membership, Site
from queueapp.domain.actor import Actor, ActorKind, Role
from queueapp.domain.refusal import forbidden

_LEADS = {Role.MANAGER, Role.ADMIN}


def may_override(session: Session, actor: Actor, site: Site) -> bool:
    """Whether this one may at this site: staff by the rule, never a patient or a screen."""
    if actor.kind is ActorKind.SYSTEM:
        return True
    allowed = _LEADS if site.rules.overlap_by is Role.MANAGER else {Role.RECEPTIONIST, *_LEADS}
    return bool(_roles(session, actor, site) & allowed)


def check_override(session: Session, actor: Actor, site: Site) -> None:
    """Raise Refused (forbidden, `override.reason`) for one who may not."""
    if not may_override(session, actor, site):
        refused = forbidden("At this clinic only a manager may book over somebody. Ask one.")
        refused.field = "override.reason"
        raise refused


def _roles(session: Session, actor: Actor, site: Site) -> set[Role]:
    if actor.kind is ActorKind.STAFF:
        return set(
            session.scalars(
                sa.select(Membership.role).where(
                    Membership.staff_id == actor.id,
                    sa.or_(Membership.site_id == site.id, Membership.site_id.is_(None)),
                )
            )
        )
    if actor.kind is ActorKind.TOKEN:
        token = session.get(ApiToken, actor.id)
        return {token.role} if token is not None else set()
    return set()

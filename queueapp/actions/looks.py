"""Who looked at whose details: recorded when a person's details are opened."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Look, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.refusal import not_found

# A page that fetches the same details again, since they changed, is the same look.
_SAME = timedelta(minutes=5)


def record_look(
    session: Session, actor: Actor, now: datetime, *, visit_id: int, what: str = "visit"
) -> Look:
    """The look, as it was recorded now or within the last five minutes; changes no screen.

    Raises Refused (not found).
    """
    visit = session.get(Visit, visit_id)
    if visit is None:
        raise not_found("The visit")
    known = session.scalars(
        sa.select(Look)
        .where(
            Look.actor == actor.key,
            Look.visit_id == visit_id,
            Look.what == what,
            Look.looked_at > now - _SAME,
        )
        .limit(1)
    ).one_or_none()
    if known is not None:
        return known
    look = Look(
        site_id=visit.site_id,
        actor=actor.key,
        patient_id=visit.patient_id,
        visit_id=visit.id,
        what=what,
        looked_at=now,
    )
    session.add(look)
    session.flush()
    return look


def record_search(session: Session, actor: Actor, now: datetime, *, site_id: int) -> None:
    """That somebody searched the people of a site; what was typed is not kept."""
    searching = sa.select(Look.id).where(
        Look.site_id == site_id,
        Look.actor == actor.key,
        Look.what == "search",
        Look.looked_at > now - _SAME,
    )
    if session.scalar(searching.limit(1)) is None:
        session.add(Look(site_id=site_id, actor=actor.key, what="search", looked_at=now))
        session.flush()

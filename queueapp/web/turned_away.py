"""Counting who asked a kiosk or phone for a ticket and was told that none is given."""

from flask import request

from queueapp.actions.turning_away import turned_away
from queueapp.domain.actor import Actor
from queueapp.web import idempotency
from queueapp.web.forms import submitted_key
from queueapp.web.security import current_db, current_site, now


def count_turned_away(actor: Actor, service_id: int) -> None:
    """Once per form, however often it is sent."""
    with current_db().write() as session:
        claim = idempotency.claim(
            session,
            now(),
            actor=actor.key,
            method=request.method,
            path=f"{request.path}#turned_away",
            key=submitted_key(),
            body=str(service_id),
        )
        if claim.kept is None:
            turned_away(session, actor, now(), site_id=current_site().id, service_id=service_id)
            claim.keep(session, 409, {"service": service_id})

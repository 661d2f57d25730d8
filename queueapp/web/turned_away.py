"""Counting who asked a kiosk or phone for a ticket and was told that none is given."""

from flask import request
from sqlalchemy.orm import Session

from queueapp.actions.turning_away import turned_away
from queueapp.domain.actor import Actor
from queueapp.web.once import once
from queueapp.web.security import current_site, now


def count_turned_away(actor: Actor, service_id: int) -> None:
    """Once per form, however often it is sent."""

    def work(session: Session) -> dict[str, int]:
        turned_away(session, actor, now(), site_id=current_site().id, service_id=service_id)
        return {"service": service_id}

    path = f"{request.path}#turned_away"
    once(work, actor, body=str(service_id), path=path, status=409)

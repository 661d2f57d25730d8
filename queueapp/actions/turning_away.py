"""Who wanted a ticket and got none is counted, as no wait tells of them."""

from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind


def turned_away(
    session: Session, actor: Actor, now: datetime, *, site_id: int, service_id: int
) -> None:
    """A walk-in was told that no ticket is given: closed, intake over, or too many wait.

    Raises Refused (invalid `service`) for a service of another clinic.
    """
    service = base.get_service(session, site_id, service_id)
    base.note(
        session,
        actor,
        now,
        Kind.TURNED_AWAY,
        site_id=site_id,
        data={"service": service.id},
    )

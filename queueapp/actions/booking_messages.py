"""Messages about a booking, written to the outbox in the transaction that makes them true."""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions.booking_links import link_of, prolong_link
from queueapp.db.models import Appointment, OutboxMessage

log = logging.getLogger(__name__)

CONFIRMED, MOVED, CANCELLED = "booking_confirmed", "booking_moved", "booking_cancelled"
KINDS = (CONFIRMED, MOVED, CANCELLED)


def tell(session: Session, now: datetime, appointment: Appointment, kind: str) -> None:
    """Let the patient know, where the booking was made online; else there is no one to tell.

    The facts are kept as they are now: what is said later of this message stays true of it.
    """
    link = link_of(session, appointment.id)
    if link is None or appointment.patient_id is None:
        return
    prolong_link(session, appointment)
    facts = {
        "starts_at": appointment.starts_at.isoformat(),
        "ends_at": appointment.ends_at.isoformat(),
        "sequence": appointment.sequence,
        "code": appointment.code,
        "uid": link.uid,
    }
    message = OutboxMessage(
        site_id=appointment.site_id,
        patient_id=appointment.patient_id,
        appointment_id=appointment.id,
        kind=kind,
        content={"facts": facts},
        created_at=now,
    )
    session.add(message)
    session.flush()
    log.info("message %s written: %s of booking %s", message.id, kind, appointment.id)

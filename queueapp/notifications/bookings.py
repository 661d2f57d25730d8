"""The words and the calendar file of messages about bookings, from the facts that were stored."""

import logging
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.booking_messages import CANCELLED, CONFIRMED, KINDS, MOVED
from queueapp.db.models import OutboxMessage, Patient, Site
from queueapp.domain.localtime import to_local
from queueapp.integrations.icalendar import Invitation, calendar_file

log = logging.getLogger(__name__)

# Stands for the patient's secret link, which is derived when the message is sent.
LINK = "{link}"
_AT_ONCE = 100
_SUBJECTS = {
    CONFIRMED: "Your appointment at {clinic}",
    MOVED: "Your appointment at {clinic} has a new time",
    CANCELLED: "Your appointment at {clinic} is cancelled",
}
_TEXTS = {
    CONFIRMED: "Your appointment at {clinic}: {when}. Show the code {code} to the kiosk when you "
    "come. Move or cancel it: {link}",
    MOVED: "Your appointment at {clinic} is now: {when}. Show the code {code} to the kiosk when "
    "you come. Move or cancel it: {link}",
    CANCELLED: "Your appointment at {clinic} ({when}) is cancelled. Book another one, or call us.",
}


def is_pending(session: Session) -> bool:
    """Whether a message waits for its words."""
    return session.scalars(_pending().limit(1)).first() is not None


def compose_pending(session: Session, now: datetime, public_url: str) -> int:
    """Give messages their words and files, oldest first; how many there were.

    What is written says when and where, never what for nor with whom.
    """
    pending = session.scalars(_pending().order_by(OutboxMessage.id).limit(_AT_ONCE)).all()
    for message in pending:
        message.content = {**message.content, **_composed(session, message, now, public_url)}
        message.composed_at = now
        log.info("message %s composed: %s, with a calendar file", message.id, message.kind)
    return len(pending)


def _pending() -> sa.Select[tuple[OutboxMessage]]:
    return sa.select(OutboxMessage).where(
        OutboxMessage.composed_at.is_(None), OutboxMessage.kind.in_(KINDS)
    )


def _composed(
    session: Session, message: OutboxMessage, now: datetime, public_url: str
) -> dict[str, Any]:
    facts = message.content["facts"]
    site = session.get_one(Site, message.site_id)
    patient = session.get_one(Patient, message.patient_id)
    starts_at = datetime.fromisoformat(facts["starts_at"])
    invitation = Invitation(
        uid=facts["uid"],
        sequence=facts["sequence"],
        starts_at=starts_at,
        ends_at=datetime.fromisoformat(facts["ends_at"]),
        clinic=site.name,
        code=facts["code"],
        contact=patient.email or patient.phone,
        is_cancelled=message.kind == CANCELLED,
    )
    local = to_local(site.timezone, starts_at)
    words = {
        "clinic": site.name,
        "when": f"{local:%A} {local.day} {local:%B}, {local:%H:%M}",
        "code": facts["code"],
        "link": LINK,
    }
    return {
        "subject": _SUBJECTS[message.kind].format(**words),
        "text": _TEXTS[message.kind].format(**words),
        "ics": calendar_file(invitation, now, public_url, LINK).decode(),
    }

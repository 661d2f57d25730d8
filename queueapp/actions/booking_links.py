"""The patient's link of a booking: unguessable, stored as a hash, good for one booking."""

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.tickets import new_nonce, token_hash, visit_token
from queueapp.db.models import Appointment, BookingLink
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.viewer import Credential, Grant, Identity, Part, stamp_of

# After the time itself, so that "that is over" can still be said.
_LIVES_AFTER = timedelta(days=2)


def give_link(session: Session, now: datetime, appointment: Appointment) -> BookingLink:
    """The link of a new booking; its token is `link_token(session, link)`."""
    nonce = new_nonce()
    link = BookingLink(
        appointment_id=appointment.id,
        site_id=appointment.site_id,
        nonce=nonce,
        uid=hashlib.sha256(f"uid|{nonce}".encode()).hexdigest()[:32],
        token_hash=token_hash(_token(session.info["secret"], nonce)),
        expires_at=appointment.ends_at + _LIVES_AFTER,
        made_at=now,
    )
    session.add(link)
    session.flush()
    return link


def prolong_link(session: Session, appointment: Appointment) -> None:
    """A booking that has moved keeps its link as long after its new time."""
    if link := link_of(session, appointment.id):
        link.expires_at = appointment.ends_at + _LIVES_AFTER
        session.flush()


def link_of(session: Session, appointment_id: int) -> BookingLink | None:
    """The link of a booking made online; None for any other."""
    return session.scalars(
        sa.select(BookingLink).where(BookingLink.appointment_id == appointment_id)
    ).one_or_none()


def link_token(session: Session, link: BookingLink) -> str:
    """The token itself, derived anew: 128 bits, URL-safe."""
    return _token(session.info["secret"], link.nonce)


def booker(link: BookingLink | None, now: datetime) -> Identity | None:
    """Whoever has the link, as one who acts; None where it has run out."""
    if link is None or link.expires_at <= now:
        return None
    return Identity(
        Actor(ActorKind.BOOKER, link.appointment_id, "booking"),
        Credential("booking", link.id, stamp_of(link.token_hash)),
        (Grant(Part.BOOKER, link.site_id),),
        appointment_id=link.appointment_id,
    )


def _token(secret: str, nonce: str) -> str:
    return visit_token(secret, "booking", nonce)

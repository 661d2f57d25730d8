"""A booking half typed, put aside while something else comes first; its time is held meanwhile."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.booking_ends import cancel_booking
from queueapp.actions.booking_rows import Place
from queueapp.actions.bookings import book_held, hold
from queueapp.db.models import Appointment, DraftBooking, Site
from queueapp.domain.actor import Actor
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import AppointmentState, PreferenceKind

# What was typed of a person is not kept longer than it can be of use.
_FORGOTTEN_AFTER = timedelta(hours=16)


def park(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    content: Mapping[str, str],
    service_id: int | None = None,
    place: Place | None = None,
) -> DraftBooking:
    """Put a booking aside as it was typed; with a service and a place, the time is held.

    Takes the place of one that the same person had put aside. Raises Refused as `hold` does
    (`overlap`), in which case nothing is put aside.
    """
    session.execute(
        sa.delete(DraftBooking).where(
            DraftBooking.site_id == site_id, DraftBooking.parked_at < now - _FORGOTTEN_AFTER
        )
    )
    throw_away(session, actor, now, site_id=site_id)
    held = None
    if place is not None and service_id is not None:
        held = hold(session, actor, now, site_id=site_id, service_id=service_id, place=place)
        held.held_until = now + session.get_one(Site, site_id).rules.parked_hold
    draft = DraftBooking(
        site_id=site_id,
        parked_by=actor.key,
        appointment_id=held.id if held else None,
        content=dict(content),
        parked_at=now,
    )
    session.add(draft)
    session.flush()
    return draft


def parked(session: Session, actor: Actor, site_id: int, now: datetime) -> DraftBooking | None:
    """What this one has put aside here, if anything."""
    return session.scalars(
        sa.select(DraftBooking).where(
            DraftBooking.site_id == site_id,
            DraftBooking.parked_by == actor.key,
            DraftBooking.parked_at >= now - _FORGOTTEN_AFTER,
        )
    ).one_or_none()


def held_of(session: Session, draft: DraftBooking, now: datetime) -> Appointment | None:
    """The time that is still held for it; None once that has run out or none was chosen."""
    held = session.get(Appointment, draft.appointment_id) if draft.appointment_id else None
    if held is None or held.state is not AppointmentState.HELD:
        return None
    return held if held.held_until is not None and held.held_until > now else None


def book_parked(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    patient_id: int,
    preference: PreferenceKind = PreferenceKind.NONE,
) -> Appointment:
    """Book the time that was held. Raises Refused (conflict `hold_expired`)."""
    draft = parked(session, actor, site_id, now)
    if draft is None or draft.appointment_id is None:
        raise conflict("hold_expired", "That time is no longer kept. Choose a time again.")
    booked = book_held(
        session,
        actor,
        now,
        appointment_id=draft.appointment_id,
        patient_id=patient_id,
        preference=preference,
    )
    session.delete(draft)
    session.flush()
    return booked


def throw_away(session: Session, actor: Actor, now: datetime, *, site_id: int) -> bool:
    """Forget what this one had put aside and free its time; whether there was anything."""
    draft = parked(session, actor, site_id, now)
    if draft is None:
        return False
    held = held_of(session, draft, now)
    session.delete(draft)
    session.flush()
    if held is not None:
        cancel_booking(session, actor, now, appointment_id=held.id, why="draft_dropped")
    return True

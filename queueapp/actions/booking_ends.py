"""Bookings that are not kept: cancelled, or nobody came."""

from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.actions.booking_messages import CANCELLED, tell
from queueapp.actions.booking_rows import (
    declared_delay,
    lock_booking,
    note_booking,
    shifts_at,
    wrong_state,
)
from queueapp.db.models import Appointment, Site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import AppointmentState


def cancel_booking(
    session: Session, actor: Actor, now: datetime, *, appointment_id: int, why: str = ""
) -> Appointment:
    """The time is free again. `why` is a code, as `by_patient`. Refused once checked in."""
    appointment = lock_booking(session, appointment_id)
    if appointment.state not in (AppointmentState.HELD, AppointmentState.BOOKED):
        raise wrong_state(appointment)
    before, was = base.image(appointment), appointment.state
    appointment.state = AppointmentState.CANCELLED
    appointment.sequence += 1
    session.flush()
    note_booking(
        session,
        actor,
        now,
        Kind.BOOKING_CANCELLED,
        appointment,
        from_state=was,
        why=why,
        before=before,
    )
    tell(session, now, appointment, CANCELLED)
    return appointment


def no_show(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    appointment_id: int,
    occurred_at: datetime | None = None,
) -> Appointment:
    """The patient did not come.

    Refused (conflict `too_early`) before the time, its clinician's declared delay and `too_late`
    have passed while the shift goes on; once it is over, only before the time itself.
    """
    appointment = lock_booking(session, appointment_id)
    if appointment.state is not AppointmentState.BOOKED:
        raise wrong_state(appointment)
    when = base.happened(now, occurred_at)
    earliest = _no_show_from(session, appointment)
    if when < earliest:
        minutes = -int((when - earliest).total_seconds() // 60)
        raise conflict(
            "too_early",
            f"They may still come: this can be said in {minutes} min.",
            earliest=earliest.isoformat(),
        )
    before = base.image(appointment)
    appointment.state = AppointmentState.NO_SHOW
    session.flush()
    note_booking(
        session,
        actor,
        now,
        Kind.NO_SHOW,
        appointment,
        from_state=AppointmentState.BOOKED,
        occurred_at=when,
        before=before,
    )
    return appointment


def _no_show_from(session: Session, appointment: Appointment) -> datetime:
    site = session.get_one(Site, appointment.site_id)
    shifts = shifts_at(session, appointment)
    if shifts and all(shift.actual_to is not None for shift in shifts):
        return appointment.starts_at
    usual = appointment.starts_at + declared_delay(shifts) + site.rules.too_late
    return max(usual, appointment.late_until or usual)

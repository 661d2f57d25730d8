""" "I'm running late": told by one who is still on the way, or booked for later today."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from queueapp.actions.base import note, open_entries
from queueapp.actions.booking_rows import lock_booking, note_booking, wrong_state
from queueapp.actions.entries import lock_visit, must_be_open
from queueapp.db.models import Appointment, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, invalid
from queueapp.domain.visit import AppointmentState, Presence

# One who joined from afar may come at most so long after joining.
LATEST = timedelta(hours=4)
_A_BOOKING_AT_MOST = timedelta(hours=2)


def visit_runs_late(
    session: Session, actor: Actor, now: datetime, *, visit_id: int, by: timedelta
) -> Visit:
    """On the way, and later than said: the place is kept until `by` after the time told before.

    Raises Refused: conflict when not on the way (any more), or later than four hours after joining.
    """
    visit = lock_visit(session, visit_id)
    must_be_open(visit)
    _check(by)
    if visit.presence is not Presence.ON_THE_WAY:
        raise conflict("not_on_the_way", f"{visit.ticket} is here already.")
    come_by = max(visit.come_by or now, now) + by
    if come_by > visit.arrived_at + LATEST:
        raise conflict(
            "too_late", "We cannot keep a place for so long. Leave the queue and join again later."
        )
    visit.come_by = come_by
    session.flush()
    entries = open_entries(session, visit)
    note(
        session,
        actor,
        now,
        Kind.RUNNING_LATE,
        site_id=visit.site_id,
        entry=entries[0] if entries else None,
        visit_id=visit.id,
        data={"come_by": come_by.isoformat()},
    )
    return visit


def booking_runs_late(
    session: Session, actor: Actor, now: datetime, *, appointment_id: int, by: timedelta
) -> Appointment:
    """Booked, not here yet, and later than the time: no no-show is set before then.

    `by` counts from the booked time, or from now once that has passed. Raises Refused: conflict
    `wrong_state`, or `too_late` for more than two hours after the booked time.
    """
    booking = lock_booking(session, appointment_id)
    _check(by)
    if booking.state is not AppointmentState.BOOKED:
        raise wrong_state(booking)
    late_until = max(booking.starts_at, now) + by
    if late_until > booking.starts_at + _A_BOOKING_AT_MOST:
        raise conflict("too_late", "That is too late for this time. Move the booking, or call us.")
    booking.late_until = late_until
    session.flush()
    data = {"late_until": late_until.isoformat()}
    note_booking(session, actor, now, Kind.RUNNING_LATE, booking, data=data)
    return booking


def _check(by: timedelta) -> None:
    if not timedelta(minutes=1) <= by <= LATEST:
        raise invalid("minutes", "Say by how many minutes you come later.")

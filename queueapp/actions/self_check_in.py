"""One check-in for a person's whole day, and for everyone who came along."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.check_ins import check_in
from queueapp.db.models import Appointment, QueueEntry, Site, Visit
from queueapp.db.queries.booked_today import of_the_day, person_of
from queueapp.domain.actor import Actor
from queueapp.domain.visit import OPEN_STATES


def check_in_all(
    session: Session, actor: Actor, now: datetime, *, appointment_id: int
) -> list[QueueEntry]:
    """Check in that booking with all others of today: the person's own and those of the party.

    Each person has one visit and so one ticket; the first is that of the booking meant. Discreet
    bookings are left to the desk. Raises Refused as `check_in` does.
    """
    meant = session.get_one(Appointment, appointment_id)
    site = session.get_one(Site, meant.site_id)
    bookings = of_the_day(session, site, now, meant)
    me = person_of(meant)
    bookings.sort(key=lambda a: (person_of(a) != me, a.starts_at, a.id))
    visits: dict[int | str, Visit] = {}
    entries = []
    for booking in bookings or [meant]:
        who = person_of(booking) or f"booking:{booking.id}"
        known = visits.get(who) or _open_visit(session, booking)
        entry = check_in(session, actor, now, appointment_id=booking.id, joins=known)
        visits[who] = entry.visit
        entries.append(entry)
    return entries


def open_entries_of(session: Session, appointment: Appointment) -> list[QueueEntry]:
    """What still waits of a booking that is checked in: the waits of its visit."""
    return list(
        session.scalars(
            sa.select(QueueEntry)
            .where(
                QueueEntry.visit_id == appointment.visit_id,
                QueueEntry.state.in_(OPEN_STATES),
            )
            .order_by(QueueEntry.id)
        )
    )


def _open_visit(session: Session, booking: Appointment) -> Visit | None:
    """The visit that the person is already here with, checked in for another booking."""
    if booking.patient_id is None:
        return None
    return session.scalars(
        sa.select(Visit)
        .where(
            Visit.site_id == booking.site_id,
            Visit.patient_id == booking.patient_id,
            Visit.departed_at.is_(None),
            Visit.discreet.is_(False),
            sa.exists().where(Appointment.visit_id == Visit.id),
        )
        .order_by(Visit.id)
        .limit(1)
    ).one_or_none()

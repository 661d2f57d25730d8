"""Patients who come together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.arrivals import Newcomer, take_ticket
from queueapp.db.models import Appointment, Party, Patient, QueueEntry, Site, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.localtime import service_day, service_day_span
from queueapp.domain.refusal import invalid
from queueapp.domain.visit import AppointmentState

# More who come at once are seen to by the desk.
MOST_TOGETHER = 6


@dataclass(frozen=True, slots=True)
class Member:
    """One of those who come together without a booking: what they tell, and why they come."""

    newcomer: Newcomer | None = None
    reason_id: int | None = None


def make_party(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    patient_ids: Sequence[int],
    called_together: bool = True,
) -> Party:
    """Join patients: their bookings of today and their visits now in the house belong together.

    Raises Refused (invalid `patients`).
    """
    wanted = set(patient_ids)
    known = set(session.scalars(sa.select(Patient.id).where(Patient.id.in_(wanted))))
    if len(wanted) < 2 or known != wanted:
        raise invalid("patients", "Choose at least two patients who are known here.")
    site = session.get_one(Site, site_id)
    party = Party(site_id=site_id, called_together=called_together, created_at=now)
    session.add(party)
    session.flush()
    day_starts = site.rules.day_starts_at
    today = service_day_span(site.timezone, service_day(site.timezone, now, day_starts), day_starts)
    for booking in session.scalars(
        sa.select(Appointment)
        .where(
            Appointment.site_id == site_id,
            Appointment.patient_id.in_(wanted),
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at >= today.start,
            Appointment.starts_at < today.end,
        )
        .order_by(Appointment.id)
    ):
        booking.party_id = party.id
    for visit in session.scalars(
        sa.select(Visit)
        .where(Visit.site_id == site_id, Visit.patient_id.in_(wanted), Visit.departed_at.is_(None))
        .order_by(Visit.id)
    ):
        visit.party_id = party.id
    session.flush()
    return party


def take_tickets(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    service_id: int,
    members: Sequence[Member],
    called_together: bool = True,
) -> list[QueueEntry]:
    """A ticket for each of those who come together, as one party: for all or for none.

    Raises Refused as `take_ticket` does, and invalid `members`; the caller's transaction then
    keeps nothing.
    """
    if not 2 <= len(members) <= MOST_TOGETHER:
        raise invalid("members", f"Give tickets to 2 to {MOST_TOGETHER} people at once.")
    party = Party(site_id=site_id, called_together=called_together, created_at=now)
    session.add(party)
    session.flush()
    return [
        take_ticket(
            session,
            actor,
            now,
            site_id=site_id,
            service_id=service_id,
            newcomer=member.newcomer,
            party_id=party.id,
            reason_id=member.reason_id,
        )
        for member in members
    ]

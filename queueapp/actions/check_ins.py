"""Booked patients say they are here, one by one or with all of a party."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import desk_items
from queueapp.actions.base import happened, image, never_came, note
from queueapp.actions.booking_rows import DELAY
from queueapp.actions.legs import (
    NO_WISH,
    PlannedStep,
    Wish,
    due_for,
    open_entry,
    open_visit,
    plan_steps,
)
from queueapp.db.known import hold, settled
from queueapp.db.models import Appointment, Patient, QueueEntry, Service, Site, Visit
from queueapp.db.queries.booked_today import today_of
from queueapp.db.writing import Rows, change_now, columns
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, not_found
from queueapp.domain.targets import booked_reference
from queueapp.domain.visit import AppointmentState, EntryClass, PreferenceKind, Presence

_BOOKING = Rows(
    (Appointment, Site, Patient),
    sa.select(*columns(Appointment, Site, Patient), DELAY.label("delay"))
    .select_from(Appointment.__table__)
    .join(Site.__table__, Site.id == Appointment.site_id)
    .outerjoin(Patient.__table__, Patient.id == Appointment.patient_id)
    .where(Appointment.id == sa.bindparam("booking"))
    .with_for_update(key_share=True, of=Appointment.__table__),
)


def check_in(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    appointment_id: int,
    presence: Presence = Presence.HERE,
    party_id: int | None = None,
    joins: Visit | None = None,
    then: Sequence[PlannedStep] = (),
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """A booked patient says they are here; the entry counts as the rules of lateness say.

    It `joins` the visit the person is here with for another booking of the day. Refused:
    not a live booking, another day, already checked in (code `already_here`).
    """
    found = _BOOKING.one_or_none(session, {"booking": appointment_id})
    if found is None:
        raise not_found("The booking")
    appointment, site, patient, delay = found
    hold(session, site)
    when = happened(now, occurred_at)
    _check_bookable(session, site, appointment, when)
    before = image(appointment)
    service = settled(session, site.id, Service, appointment.service_id)
    assert service
    reference, too_late = booked_reference(
        appointment.starts_at, when, delay or timedelta(0), site.rules
    )
    entry_class = EntryClass.WALK_IN if too_late else EntryClass.BOOKED
    visit = joins or open_visit(
        session,
        site,
        when,
        patient=patient,
        party_id=party_id or appointment.party_id,
        presence=presence,
        discreet=appointment.discreet,
    )
    plan_steps(session, visit, then)
    entry = open_entry(
        session,
        now,
        site=site,
        visit=visit,
        service=service,
        due=due_for(session, site, service, entry_class, reference),
        arrived_at=when,
        reason_id=appointment.reason_id,
        appointment_id=appointment.id,
        scheduled_at=appointment.starts_at,
        wish=_booked_wish(appointment),
    )
    change_now(session, appointment, state=AppointmentState.CHECKED_IN, visit_id=visit.id)
    note(
        session,
        actor,
        now,
        Kind.CHECKED_IN,
        site_id=site.id,
        occurred_at=when,
        entry=entry,
        before=before | never_came(entry, None if joins else visit),
        why="too_late" if too_late else "",
    )
    if too_late:
        desk_items.open_item(
            session,
            actor,
            now,
            site_id=site.id,
            kind=desk_items.ItemKind.TOO_LATE,
            subject=f"entry:{entry.id}",
            entry_id=entry.id,
            visit_id=visit.id,
            appointment_id=appointment.id,
        )
    return entry


def _check_bookable(session: Session, site: Site, appointment: Appointment, when: datetime) -> None:
    if appointment.state is AppointmentState.CHECKED_IN:
        raise conflict("already_here", "This booking is already checked in.")
    if appointment.state not in (AppointmentState.BOOKED, AppointmentState.NO_SHOW):
        raise conflict("not_booked", f"This booking is {appointment.state.value}.")
    if appointment.starts_at not in today_of(session, site, when):
        raise conflict("another_day", "This booking is for another day.")


def _booked_wish(appointment: Appointment) -> Wish:
    if appointment.clinician_id is None:
        return NO_WISH
    kind = appointment.preference
    if kind is PreferenceKind.NONE:
        kind = PreferenceKind.IF_POSSIBLE
    return Wish(kind, appointment.clinician_id)

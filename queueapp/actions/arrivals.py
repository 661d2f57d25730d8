"""How people come into the queue: a ticket, "I'm here"; and every next leg."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from queueapp.actions.alarms import raise_alarm
from queueapp.actions.base import get_service, happened, image, never_came, note, open_entries
from queueapp.actions.entries import be_here, lock_visit, must_be_open
from queueapp.actions.intake import check_intake, intake_opens_at
from queueapp.actions.legs import (
    NO_WISH,
    PlannedStep,
    Wish,
    check_class,
    check_wish,
    due_for,
    open_entry,
    open_visit,
    plan_steps,
)
from queueapp.db.known import site_of
from queueapp.db.models import Patient, QueueEntry, Service, Site, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import invalid
from queueapp.domain.targets import remote_reference
from queueapp.domain.visit import EntryClass, Presence


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a walk-in tells of the person; all may stay empty: the language is the clinic's then."""

    name: str = ""
    chosen_name: str = ""
    phone: str = ""
    birth_date: date | None = None
    language: str = ""
    call_routes: tuple[str, ...] = ()
    access_needs: tuple[str, ...] = ()
    room_needs: tuple[str, ...] = ()


def take_ticket(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    service_id: int,
    entry_class: str = EntryClass.WALK_IN,
    newcomer: Newcomer | None = None,
    patient_id: int | None = None,
    party_id: int | None = None,
    reason_id: int | None = None,
    wish: Wish = NO_WISH,
    presence: Presence = Presence.HERE,
    come_by: datetime | None = None,
    discreet: bool = False,
    then: Sequence[PlannedStep] = (),
    despite_limits: bool = False,
    note_text: str = "",
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """A walk-in takes a ticket, here or from afar (`presence` on the way, `come_by`).

    Refused: closed, intake ended or waiting limit reached (unless `despite_limits`, for staff);
    an unknown service, reason, class or clinician, named as the field.
    """
    site = site_of(session, site_id)
    service = get_service(session, site_id, service_id)
    when = happened(now, occurred_at)
    check_class(session, service, entry_class)
    _check_reason(service, reason_id)
    check_wish(session, wish)
    if presence not in (Presence.HERE, Presence.ON_THE_WAY):
        raise invalid("presence", "Say here or on_the_way.")
    if not despite_limits:
        check_intake(session, site, service, when)
    afar = presence is Presence.ON_THE_WAY
    patient = _patient(session, site, when, newcomer, patient_id)
    visit = open_visit(
        session,
        site,
        when,
        patient=patient,
        party_id=party_id,
        presence=presence,
        come_by=(come_by or when + site.rules.come_by) if afar else None,
        discreet=discreet,
    )
    reference = max(when, intake_opens_at(session, site, when)) if afar else when
    plan_steps(session, visit, then)
    entry = open_entry(
        session,
        now,
        site=site,
        visit=visit,
        service=service,
        due=due_for(session, site, service, entry_class, reference),
        arrived_at=when,
        reason_id=reason_id,
        wish=wish,
        note_text=note_text,
    )
    kind = Kind.JOINED if afar else Kind.TICKET_TAKEN
    note(
        session,
        actor,
        now,
        kind,
        site_id=site.id,
        occurred_at=when,
        entry=entry,
        before=never_came(entry, visit),
    )
    # What is entered afterwards alarms nobody any more.
    if entry_class == EntryClass.EMERGENCY and occurred_at is None:
        raise_alarm(session, actor, now, entry=entry)
    return entry


def arrive(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    visit_id: int,
    occurred_at: datetime | None = None,
) -> Visit:
    """ "I'm here": one who joined from afar becomes eligible; too late, the wait starts anew."""
    visit = lock_visit(session, visit_id)
    must_be_open(visit)
    if visit.presence is Presence.HERE:
        return visit
    when = happened(now, occurred_at, visit.arrived_at)
    site = session.get_one(Site, visit.site_id)
    entries = open_entries(session, visit)
    before = image(visit, *entries)
    for entry in entries:
        before["queue_entry"][str(entry.id)] |= {
            "reference_at": entry.reference_at.isoformat(),
            "due_by": entry.due_by.isoformat(),
        }
    was = visit.presence
    be_here(visit, entries, when)
    visit.here_at = when
    for entry in entries:
        entry.passed_over_until = None
        if was is Presence.ON_THE_WAY and visit.joined_from_afar:
            reference = remote_reference(
                visit.arrived_at, entry.reference_at, visit.come_by, when, site.rules
            )
            entry.reference_at, entry.due_by = reference, reference + entry.target
    subjects: list[QueueEntry | None] = [*entries] or [None]
    for n, subject in enumerate(subjects):
        note(
            session,
            actor,
            now,
            Kind.ARRIVED,
            site_id=site.id,
            occurred_at=when,
            entry=subject,
            visit_id=visit.id,
            from_state=was,
            before=before if n == 0 else None,
        )
    return visit


def _patient(
    session: Session,
    site: Site,
    when: datetime,
    newcomer: Newcomer | None,
    patient_id: int | None,
) -> Patient | None:
    if patient_id is not None:
        return session.get_one(Patient, patient_id)
    if newcomer is None or newcomer == Newcomer():
        return None
    patient = Patient(
        name=newcomer.name,
        chosen_name=newcomer.chosen_name,
        phone=newcomer.phone,
        birth_date=newcomer.birth_date,
        language=newcomer.language or site.rules.language,
        call_routes=list(newcomer.call_routes),
        access_needs=list(newcomer.access_needs),
        room_needs=list(newcomer.room_needs),
        created_at=when,
    )
    session.add(patient)
    session.flush()
    return patient


def _check_reason(service: Service, reason_id: int | None) -> None:
    if reason_id is not None and reason_id not in {r.id for r in service.reasons}:
        raise invalid("reason", "Choose one of the reasons of this service.")

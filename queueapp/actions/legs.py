"""Legs of a visit: opening the stay, its plan, and each wait in it with what was promised."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from queueapp.actions.promises import promise_at_joining
from queueapp.actions.tickets import new_nonce, next_ticket, token_hash, visit_token
from queueapp.db.known import hold, known
from queueapp.db.models import (
    Clinician,
    Patient,
    QueueEntry,
    Service,
    Site,
    Visit,
    VisitStep,
)
from queueapp.db.writing import insert_now
from queueapp.domain.refusal import invalid
from queueapp.domain.targets import Due, target_for
from queueapp.domain.visit import EntryClass, EntryState, PreferenceKind, Presence

_LINK_LIVES = timedelta(hours=36)
_SET_BY_RULES = frozenset({EntryClass.BOOKED, EntryClass.ONWARD})


@dataclass(frozen=True, slots=True)
class Wish:
    """Who is wished for: a clinician by id, or all who have an attribute ("speaks Spanish")."""

    kind: PreferenceKind = PreferenceKind.NONE
    clinician_id: int | None = None
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A later step of the visit's plan."""

    service_id: int
    wish: Wish = Wish()
    booked_for: datetime | None = None


NO_WISH = Wish()


def open_visit(
    session: Session,
    site: Site,
    when: datetime,
    *,
    patient: Patient | None,
    party_id: int | None = None,
    presence: Presence = Presence.HERE,
    come_by: datetime | None = None,
    discreet: bool = False,
) -> Visit:
    """A new stay with a ticket of its own and a phone link."""
    day = site.day_at(when)
    key, nonce = new_nonce()[:16], new_nonce()
    visit = insert_now(
        session,
        Visit,
        site_id=site.id,
        day=day,
        ticket=next_ticket(session, site.id, day),
        key=key,
        nonce=nonce,
        token_hash=token_hash(visit_token(session.info["secret"], key, nonce)),
        token_expires_at=when + _LINK_LIVES,
        patient_id=patient.id if patient else None,
        party_id=party_id,
        presence=presence,
        come_by=come_by,
        here_at=when if presence is Presence.HERE else None,
        joined_from_afar=presence is Presence.ON_THE_WAY,
        arrived_at=when,
        discreet=discreet,
    )
    hold(session, visit)
    return visit


def open_entry(
    session: Session,
    now: datetime,
    *,
    site: Site,
    visit: Visit,
    service: Service,
    due: Due,
    arrived_at: datetime,
    reason_id: int | None = None,
    appointment_id: int | None = None,
    previous_id: int | None = None,
    scheduled_at: datetime | None = None,
    wish: Wish = NO_WISH,
    note_text: str = "",
) -> QueueEntry:
    """One wait of a visit, with what it was promised; the caller notes what led to it.

    A wish told now is checked by the caller; one kept from before is kept as it was.
    """
    entry = insert_now(
        session,
        QueueEntry,
        site_id=site.id,
        visit_id=visit.id,
        service_id=service.id,
        reason_id=reason_id,
        appointment_id=appointment_id,
        previous_id=previous_id,
        state=EntryState.WAITING,
        entry_class=due.entry_class,
        band=due.band,
        arrived_at=arrived_at,
        scheduled_at=scheduled_at,
        reference_at=due.reference_at,
        target=due.target,
        due_by=due.due_by,
        preference=wish.kind,
        wished_clinician_id=wish.clinician_id,
        wished_attribute=wish.attribute,
        needs=service.needs_of(visit.patient),
        note=note_text,
    )
    promise = promise_at_joining(session, now, site=site, entry=entry)
    # Known without asking the database again.
    set_committed_value(entry, "visit", visit)
    set_committed_value(entry, "promises", [promise])
    return entry


def due_for(
    session: Session, site: Site, service: Service, entry_class: str, reference_at: datetime
) -> Due:
    """When a wait of this service and class that counts from `reference_at` is due."""
    targets = known(session, site.id).targets.get(service.id, ())
    day = site.day_at(reference_at)
    within = target_for(targets, service.id, entry_class, day, site.rules)
    return Due(entry_class, reference_at, within)


def plan_steps(session: Session, visit: Visit, steps: Sequence[PlannedStep]) -> None:
    """The later steps of a visit, opened one by one as each is finished.

    Raises Refused (invalid `preferred_clinician`) as `check_wish` does, and for a wish that names
    no clinician: a plan keeps nothing else.
    """
    for step in steps:
        check_wish(session, step.wish)
        if step.wish.kind is not PreferenceKind.NONE and step.wish.clinician_id is None:
            raise invalid("preferred_clinician", "Say which clinician, or choose anyone.")
    session.add_all(
        VisitStep(
            visit_id=visit.id,
            position=n,
            service_id=step.service_id,
            clinician_id=step.wish.clinician_id,
            preference=step.wish.kind,
            booked_for=step.booked_for,
        )
        for n, step in enumerate(steps, start=1)
    )


def check_wish(session: Session, wish: Wish) -> None:
    """Raise Refused (invalid `preferred_clinician`) unless it wishes for somebody there is."""
    if wish.kind is PreferenceKind.NONE:
        return
    if wish.clinician_id is None and not wish.attribute:
        raise invalid("preferred_clinician", "Say which clinician, or choose anyone.")
    if wish.clinician_id is not None:
        clinician = session.get(Clinician, wish.clinician_id)
        if clinician is None or clinician.retired:
            raise invalid("preferred_clinician", "Choose one of the clinicians who work here.")


def check_class(
    session: Session, service: Service, entry_class: str, also: Collection[EntryClass] = ()
) -> None:
    """Raise Refused (invalid `class`) unless people may choose it for a wait of this service.

    What the rules alone set (booked, onward) may be chosen only where it is named in `also`.
    """
    usual = {c.value for c in {*EntryClass} - _SET_BY_RULES | {*also}}
    if entry_class in usual:
        return
    labels = {
        one.entry_class for one in known(session, service.site_id).targets.get(service.id, ())
    }
    allowed = usual | labels - _SET_BY_RULES
    if entry_class not in allowed:
        raise invalid("class", f"Use one of: {', '.join(sorted(allowed))}.")

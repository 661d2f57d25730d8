"""What is known of a person: name, language, how to be called, what is needed."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from queueapp.actions.base import note, open_entries, plain
from queueapp.actions.entries import lock_visit, must_be_open
from queueapp.actions.patients import LONGEST_NAME
from queueapp.db.models import Patient, PatientChange, Service, Site, Visit, VisitEvent
from queueapp.domain.actor import Actor
from queueapp.domain.contact import LONGEST_PHONE
from queueapp.domain.events import Kind
from queueapp.domain.refusal import invalid
from queueapp.domain.visit import CallRoute, EntryState

LONGEST_NEED = 120
LONGEST_SOUNDS = 160
LONGEST_LANGUAGE = 16


@dataclass(frozen=True, slots=True)
class Details:
    """A person as they wish to be met. `call_routes` in the order to try, empty for the usual."""

    name: str = ""
    chosen_name: str = ""
    name_sounds: str = ""
    birth_date: date | None = None
    language: str = "en"
    call_routes: tuple[str, ...] = ()
    access_needs: tuple[str, ...] = ()
    room_needs: tuple[str, ...] = ()
    phone: str = ""


def change_details(
    session: Session, actor: Actor, now: datetime, *, visit_id: int, details: Details
) -> Patient:
    """Keep what is known of the visit's person; one without a name becomes a person by it.

    What the room must have holds at once for the waits still to come. Nothing is recorded where
    nothing changed. Raises Refused: not found; conflict once the visit has ended; invalid by field.
    """
    visit = lock_visit(session, visit_id)
    must_be_open(visit)
    wanted = _checked(details, now)
    patient = session.get(Patient, visit.patient_id) if visit.patient_id else None
    if patient is None:
        usual = session.get_one(Site, visit.site_id).rules.language
        patient = Patient(language=usual, created_at=now)
        session.add(patient)
        session.flush()
        visit.patient_id = patient.id
    was = {name: getattr(patient, name) for name in wanted}
    changed = {name: was[name] for name, value in wanted.items() if value != was[name]}
    if not changed:
        return patient
    change = PatientChange(
        site_id=visit.site_id,
        patient_id=patient.id,
        before={name: plain(value) for name, value in changed.items()},
        changed_by=actor.key,
        changed_at=now,
    )
    session.add(change)
    for name in changed:
        setattr(patient, name, wanted[name])
    _take_over(session, visit, patient)
    session.flush()
    note(
        session,
        actor,
        now,
        Kind.DETAILS_CHANGED,
        site_id=visit.site_id,
        visit_id=visit.id,
        data={"change": change.id, "what": sorted(changed)},
        before={"patient_change": {str(change.id): {}}},
    )
    return patient


def details_of(patient: Patient | None) -> Details:
    """What is known of the person now; the defaults for nobody."""
    if patient is None:
        return Details()
    return Details(
        patient.name,
        patient.chosen_name,
        patient.name_sounds,
        patient.birth_date,
        patient.language,
        tuple(patient.call_routes),
        tuple(patient.access_needs),
        tuple(patient.room_needs),
        patient.phone,
    )


def put_details_back(session: Session, event: VisitEvent) -> None:
    """Undo of a change: each changed column as it was."""
    change = session.get_one(PatientChange, event.data["change"])
    patient = session.get_one(Patient, change.patient_id, with_for_update=True)
    for name, value in change.before.items():
        is_date = name == "birth_date" and value is not None
        setattr(patient, name, date.fromisoformat(value) if is_date else value)
    visit = session.get(Visit, event.visit_id)
    if visit is not None:
        _take_over(session, visit, patient)
    session.flush()


def _take_over(session: Session, visit: Visit, patient: Patient) -> None:
    for entry in open_entries(session, visit):
        if entry.state is EntryState.WAITING:
            service = session.get_one(Service, entry.service_id)
            entry.needs = service.needs_of(patient)


def _checked(details: Details, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = asdict(details)
    longest = {"name": LONGEST_NAME, "chosen_name": LONGEST_NAME, "name_sounds": LONGEST_SOUNDS}
    longest |= {"phone": LONGEST_PHONE, "language": LONGEST_LANGUAGE}
    for name, most in longest.items():
        values[name] = " ".join(str(values[name]).split())
        if len(values[name]) > most:
            raise invalid(name, f"Use at most {most} characters.")
    born = details.birth_date
    if born is not None and not date(1880, 1, 1) <= born <= now.date():
        raise invalid("birth_date", "Give a birth date that is not in the future.")
    if not set(details.call_routes) <= {route.value for route in CallRoute}:
        raise invalid("call_routes", "Choose screen, phone or somebody coming over.")
    for name in ("call_routes", "access_needs", "room_needs"):
        values[name] = list(dict.fromkeys(word.strip() for word in values[name] if word.strip()))
        if any(len(word) > LONGEST_NEED for word in values[name]):
            raise invalid(name, f"Use at most {LONGEST_NEED} characters for each.")
    return values

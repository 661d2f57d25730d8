"""How a person wants to be called, what help they need, what they speak: told at the kiosk."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.base import note, open_entries
from queueapp.actions.entries import lock_visit, must_be_open
from queueapp.db.models import Patient, Room, Site, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.contact import phone_digits
from queueapp.domain.events import Kind
from queueapp.domain.refusal import invalid
from queueapp.domain.visit import CallRoute

STEP_FREE = "step-free"

# By the word a form sends: the route it means, and what staff read beside the name.
CALLS: dict[str, tuple[CallRoute, str]] = {
    "sound": (CallRoute.LOBBY, "Call aloud: does not watch the screen"),
    "sight": (CallRoute.LOBBY, "Call by the screen: does not hear the bell"),
    "text": (CallRoute.PHONE, ""),
    "fetch": (CallRoute.FETCH, ""),
}
HELPS: dict[str, str] = {
    "step_free": "Uses a wheelchair or cannot climb stairs",
    "seeing": "Sees badly: read things out",
    "hearing": "Hears badly: face them and speak slowly",
    "interpreter": "Needs an interpreter",
    "time": "Needs more time",
}
_OURS = {words for _, words in CALLS.values()} | set(HELPS.values())


@dataclass(frozen=True, slots=True)
class Wishes:
    """Words of CALLS and HELPS, a language code, a phone number; what is empty stays as it was.

    Only with `show_name` does a lobby show the name when they are called; told anew with `calls`.
    """

    calls: Collection[str] = ()
    helps: Collection[str] = ()
    language: str = ""
    phone: str = ""
    show_name: bool = False


def tell_wishes(
    session: Session, actor: Actor, now: datetime, *, visit_id: int, wishes: Wishes
) -> Visit:
    """Keep them with the patient (a new one where the visit has none), for this and later visits.

    Who cannot climb stairs waits for a step-free room from now on, where the site has one. Raises
    Refused: invalid `call`, `help`, `phone`; conflict once the visit has ended.
    """
    visit = lock_visit(session, visit_id)
    must_be_open(visit)
    _check(wishes)
    patient = visit.patient or _nameless(session, now, visit)
    if wishes.calls:
        routes = dict.fromkeys(CALLS[call][0].value for call in CALLS if call in wishes.calls)
        patient.call_routes = list(routes)
    if wishes.calls or wishes.show_name:
        patient.name_on_lobby = wishes.show_name
    if wishes.calls or wishes.helps:
        patient.access_needs = _needs(patient, wishes)
    patient.language = wishes.language or patient.language
    patient.phone = wishes.phone or patient.phone
    if "step_free" in wishes.helps:
        _need_step_free(session, visit, patient)
    session.flush()
    note(session, actor, now, Kind.WISHES_TOLD, site_id=visit.site_id, visit_id=visit.id)
    return visit


def _check(wishes: Wishes) -> None:
    if not set(wishes.calls) <= set(CALLS):
        raise invalid("call", "Choose sound, the screen, your phone, or somebody who comes over.")
    if not set(wishes.helps) <= set(HELPS):
        raise invalid("help", "Choose what helps you from the list.")
    if wishes.phone and not phone_digits(wishes.phone):
        raise invalid("phone", "Give the whole phone number, such as 07700 900123.")


def _nameless(session: Session, now: datetime, visit: Visit) -> Patient:
    language = session.get_one(Site, visit.site_id).rules.language
    patient = Patient(language=language, created_at=now)
    session.add(patient)
    session.flush()
    visit.patient = patient
    return patient


def _needs(patient: Patient, wishes: Wishes) -> list[str]:
    """What others have written stays; what was told here before is told anew."""
    kept = [words for words in patient.access_needs if words not in _OURS]
    # Whoever chooses both hears and sees: nothing needs saying.
    one_way = [c for c in ("sound", "sight") if c in wishes.calls]
    told = [CALLS[one_way[0]][1]] if len(one_way) == 1 else []
    return [*kept, *told, *(HELPS[h] for h in HELPS if h in wishes.helps)]


def _need_step_free(session: Session, visit: Visit, patient: Patient) -> None:
    rooms = session.scalars(
        sa.select(Room).where(Room.site_id == visit.site_id, Room.retired.is_(False))
    )
    if not any(STEP_FREE in (room.features or ()) for room in rooms):
        return
    patient.room_needs = sorted({*patient.room_needs, STEP_FREE})
    for entry in open_entries(session, visit):
        entry.needs = sorted({*entry.needs, STEP_FREE})

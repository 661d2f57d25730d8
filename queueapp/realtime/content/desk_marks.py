"""What is to be known of somebody before they are called: needs, language, how, and notes."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.core import core
from queueapp.db.models import Note, VisitEvent
from queueapp.db.queries.rows import EntryRow, SiteRows
from queueapp.domain.visit import CallRoute
from queueapp.realtime.content.spoken import language

_USUAL = {CallRoute.LOBBY.value, CallRoute.PHONE.value}
_USUAL_LANGUAGE = "en"
_VISITS = sa.bindparam("visits", expanding=True)
_NEWEST = (
    sa.select(VisitEvent.visit_id, sa.func.max(VisitEvent.seq))
    .where(VisitEvent.visit_id.in_(_VISITS))
    .group_by(VisitEvent.visit_id)
)
_NOTES = sa.select(Note.visit_id, Note.patient_id).where(
    Note.removed_at.is_(None),
    sa.or_(
        Note.visit_id.in_(_VISITS),
        Note.patient_id.in_(sa.bindparam("patients", expanding=True)),
    ),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign beside a name, and what it says in words."""

    icon: str
    words: str


@dataclass(frozen=True, slots=True)
class Known:
    """Of those who wait or are called: the newest change by visit, and who has notes."""

    versions: dict[int, int]
    noted: frozenset[int]


def what_is_known(session: Session, rows: SiteRows) -> Known:
    """Read for all rows at once."""
    visits = {r.visit.id: r.visit.patient_id for r in (*rows.waiting, *rows.in_rooms)}
    if not visits:
        return Known({}, frozenset())
    connection, ids = core(session), [*visits]
    newest = connection.execute(_NEWEST, {"visits": ids})
    people_of = {patient_id for patient_id in visits.values() if patient_id is not None}
    notes = connection.execute(_NOTES, {"visits": ids, "patients": [*people_of]}).all()
    people = {note.patient_id for note in notes if note.patient_id is not None}
    noted = {note.visit_id for note in notes if note.patient_id is None}
    noted |= {visit_id for visit_id, patient_id in visits.items() if patient_id in people}
    versions: dict[Any, int] = {row[0]: row[1] for row in newest}
    return Known(versions, frozenset(noted))


def marks_of(row: EntryRow, known: Known) -> tuple[Mark, ...]:
    """What differs from the usual, in the order in which it matters when calling."""
    patient, found = row.patient, []
    needs = [*row.entry.needs, *(patient.access_needs if patient else ())]
    if needs:
        found.append(Mark("s-wheelchair", "Needs " + ", ".join(dict.fromkeys(needs))))
    if patient and patient.language != _USUAL_LANGUAGE:
        found.append(Mark("s-language", language(patient.language)))
    routes = set(patient.call_routes) if patient else set()
    if CallRoute.FETCH.value in routes:
        found.append(Mark("s-walk", "Go over to call them"))
    elif routes and routes != _USUAL:
        only = "screen" if CallRoute.LOBBY.value in routes else "phone"
        found.append(Mark("s-phone", f"Call by {only} only"))
    if row.visit.discreet:
        found.append(Mark("s-eye", "Discreet: on no screen"))
    if row.visit.id in known.noted:
        found.append(Mark("s-note", "Has notes"))
    return tuple(found)

"""What is to be known of somebody before they are called: needs, language, how, and notes."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Note, QueueEntry, Visit, VisitEvent
from queueapp.db.queries.open_entries import ARE_OPEN
from queueapp.db.queries.rows import EntryRow, SiteRows
from queueapp.db.statement import Statement
from queueapp.domain.visit import CallRoute
from queueapp.realtime.content.spoken import language

_USUAL = {CallRoute.LOBBY.value, CallRoute.PHONE.value}
_USUAL_LANGUAGE = "en"
_ENTRY, _VISIT = QueueEntry.__table__, Visit.__table__
_NEWEST = Statement(
    sa.select(VisitEvent.visit_id, sa.func.max(VisitEvent.seq))
    .join_from(VisitEvent.__table__, _ENTRY, _ENTRY.c.visit_id == VisitEvent.visit_id)
    .where(*ARE_OPEN)
    .group_by(VisitEvent.visit_id)
)
_NOTED = Statement(
    sa.union(
        sa.select(_ENTRY.c.visit_id)
        .join_from(Note.__table__, _ENTRY, _ENTRY.c.visit_id == Note.visit_id)
        .where(*ARE_OPEN, Note.removed_at.is_(None), Note.patient_id.is_(None)),
        sa.select(_ENTRY.c.visit_id)
        .join_from(Note.__table__, _VISIT, _VISIT.c.patient_id == Note.patient_id)
        .join(_ENTRY, _ENTRY.c.visit_id == _VISIT.c.id)
        .where(*ARE_OPEN, Note.removed_at.is_(None)),
    )
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
    of = {"site": rows.site.id}
    return Known(dict(_NEWEST.all(session, of)), frozenset(_NOTED.scalars(session, of)))


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

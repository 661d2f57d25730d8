"""What happened at a site, in words: the record read back for those who work there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.known import known
from queueapp.db.models import (
    Appointment,
    Clinician,
    Device,
    Patient,
    QueueEntry,
    Room,
    Service,
    Shift,
    Site,
    Staff,
    Visit,
    VisitEvent,
)
from queueapp.db.queries.happened_words import ICONS, PLAIN, ROUTES, WITH_ROOM
from queueapp.db.statement import Statement
from queueapp.db.writing import Rows, columns
from queueapp.domain import names
from queueapp.domain.actor import kind_and_id
from queueapp.domain.events import Kind
from queueapp.domain.localtime import to_local

# Not what a person did or would ask about.
_UNTOLD = [
    kind.value
    for kind in (
        Kind.FORECAST_STORED,
        Kind.SETTINGS_CHANGED,
        Kind.DESK_ITEM_OPENED,
        Kind.DESK_ITEM_TAKEN,
        Kind.DESK_ITEM_CLOSED,
        Kind.HELD,
    )
]


_NOT_LATELY = [
    kind.value
    for kind in (
        Kind.PROMISE_REVISED,
        Kind.NOTE_WRITTEN,
        Kind.NOTE_REMOVED,
        Kind.DETAILS_CHANGED,
    )
]
CLASS_WORDS = {
    "emergency": "Emergency",
    "urgent": "Urgent",
    "booked": "Booked",
    "walk_in": "Walk-in",
    "onward": "Sent on",
}


_LATELY = Rows(
    (VisitEvent,),
    sa.select(*columns(VisitEvent))
    .where(
        VisitEvent.site_id == sa.bindparam("site"),
        VisitEvent.kind.not_in([*_UNTOLD, *_NOT_LATELY]),
    )
    .order_by(VisitEvent.seq.desc(), VisitEvent.n.desc())
    .limit(6),
)
_SOME: sa.BindParameter[int] = sa.bindparam("ids", expanding=True)
_VISITS = Statement(sa.select(Visit.id, Visit.ticket).where(Visit.id.in_(_SOME)))
_ENTRIES = Statement(
    sa.select(QueueEntry.id, Visit.ticket, Service.name.label("service"))
    .join_from(QueueEntry.__table__, Visit.__table__, Visit.id == QueueEntry.visit_id)
    .join(Service.__table__, Service.id == QueueEntry.service_id)
    .where(QueueEntry.id.in_(_SOME))
)
_SHIFTS = Statement(
    sa.select(Shift.id, Clinician.title, Clinician.name)
    .join_from(Shift.__table__, Clinician.__table__, Clinician.id == Shift.clinician_id)
    .where(Shift.id.in_(_SOME))
)
_APPOINTMENTS = Statement(
    sa.select(Appointment.id, Appointment.starts_at, Patient.chosen_name, Patient.name)
    .outerjoin_from(Appointment.__table__, Patient.__table__, Patient.id == Appointment.patient_id)
    .where(Appointment.id.in_(_SOME))
)
_STAFF = Statement(sa.select(Staff.id, Staff.name).where(Staff.id.in_(_SOME)))
_DEVICES = Statement(sa.select(Device.id, Device.kind).where(Device.id.in_(_SOME)))


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened: `subject` is a ticket, a name or a clinician, `words` the rest.

    `is_name` says that the subject is a person's name. `why` is a code or words of staff;
    `afterwards` says that it was entered later than it was.
    """

    event_id: int
    seq: int
    at: datetime
    kind: str
    icon: str
    subject: str
    words: str
    who: str
    afterwards: bool
    is_name: bool = False


def class_words(entry_class: str) -> str:
    """A class as a person reads it; a site's own label as it is."""
    return CLASS_WORDS.get(entry_class, entry_class.replace("_", " ").capitalize())


def lately(session: Session, site: Site) -> list[Happening]:
    """The six newest things that happened at the site, newest first."""
    return in_words(session, site, [row for (row,) in _LATELY.all(session, {"site": site.id})])


def of_visit(session: Session, site: Site, visit_id: int, *, limit: int = 40) -> list[Happening]:
    """All that happened to one visit, newest first."""
    events = session.scalars(
        sa.select(VisitEvent)
        .where(VisitEvent.visit_id == visit_id, VisitEvent.kind.not_in(_UNTOLD))
        .order_by(VisitEvent.seq.desc(), VisitEvent.n.desc())
        .limit(limit)
    ).all()
    return in_words(session, site, events)


def in_words(session: Session, site: Site, events: Sequence[VisitEvent]) -> list[Happening]:
    """These events as a person would tell them, in the order given."""
    named = _Names(session, site, events)
    return [named.tell(event) for event in events]


class _Names:
    """What the words need of the rows that the events name, read in a few queries."""

    def __init__(self, session: Session, site: Site, events: Sequence[VisitEvent]) -> None:
        session.flush()
        self.zone = site.timezone
        self.settings = known(session, site.id).rows
        undone = {e.undoes_id for e in events if e.undoes_id is not None}
        query = sa.select(VisitEvent).where(VisitEvent.id.in_(undone))
        self.undone = {e.id: e for e in session.scalars(query)} if undone else {}
        told = [*events, *self.undone.values()]
        others = [e.data.get(key) for e in told for key in ("before", "opened")]
        self.entries = _by_id(session, _ENTRIES, others)
        self.visits = _by_id(session, _VISITS, [e.visit_id for e in told])
        self.shifts = _by_id(session, _SHIFTS, [e.shift_id for e in told])
        self.appointments = _by_id(session, _APPOINTMENTS, [e.appointment_id for e in told])
        self.staff = _by_id(session, _STAFF, _ids_of("staff", told))
        self.devices = _by_id(session, _DEVICES, _ids_of("device", told))

    def tell(self, event: VisitEvent) -> Happening:
        return Happening(
            event_id=event.id,
            seq=event.seq,
            at=event.occurred_at,
            kind=event.kind,
            icon=ICONS.get(Kind(event.kind), "s-dot"),
            subject=self._subject(event),
            words=self._words(event),
            who=self._who(event.actor),
            is_name=event.visit_id not in self.visits and event.appointment_id is not None,
            afterwards=(event.recorded_at - event.occurred_at).total_seconds() > 60,
        )

    def _subject(self, event: VisitEvent) -> str:
        if event.visit_id in self.visits:
            return str(self.visits[event.visit_id].ticket)
        if event.appointment_id in self.appointments:
            booked = self.appointments[event.appointment_id]
            if booked.name is None:
                return "A booking"
            return names.called_name(booked.name, booked.chosen_name)
        if event.shift_id in self.shifts:
            clinician = self.shifts[event.shift_id]
            return names.shown_name(clinician.title, clinician.name)
        return "The clinic"

    def _who(self, actor: str) -> str:
        kind, row_id = kind_and_id(actor)
        if kind == "staff" and row_id in self.staff:
            return str(self.staff[row_id].name)
        if kind == "device" and row_id in self.devices:
            return str(self.devices[row_id].kind)
        return {"patient": "phone", "token": "program", "system": "queueapp"}.get(kind, kind)

    def _words(self, event: VisitEvent) -> str:
        kind, data = Kind(event.kind), event.data
        room = self._room(event.room_id)
        if kind is Kind.UNDONE:
            undone = self.undone.get(event.undoes_id or 0)
            return f"taken back: {self._words(undone)}" if undone else "taken back"
        if kind in WITH_ROOM:
            return WITH_ROOM[kind].format(room=room)
        if kind is Kind.RECALLED:
            route = ROUTES.get(event.why, "")
            return f"called by {route}" if route else f"called again{room}"
        if kind is Kind.CHECKED_IN:
            late = ", too late to count as booked" if event.why == "too_late" else ""
            return f"checked in, booked {self._scheduled(event)}{late}"
        if kind is Kind.STEPPED_OUT:
            return f"stepped out, back by {self._clock(data.get('back_by'))}"
        if kind is Kind.MOVED:
            anchor = self.entries.get(data.get("before", 0))
            return f"moved ahead of {anchor.ticket}" if anchor else "moved"
        if kind is Kind.CLASS_CHANGED:
            was, now = class_words(data.get("from", "")), class_words(data.get("to", ""))
            return f"class changed from {was.lower()} to {now.lower()}"
        if kind in (Kind.TRANSFERRED, Kind.SET_ASIDE):
            opened = self.entries.get(data.get("opened") or 0)
            said = "sent on" if kind is Kind.TRANSFERRED else "set aside"
            return f"{said} to {opened.service}" if opened else said
        if kind is Kind.PREFERENCE_CHANGED:
            return "may be seen by anyone" if data.get("to") == "none" else "asks for a clinician"
        if kind is Kind.DELAY_DECLARED:
            minutes = round(data.get("delay_s", 0) / 60)
            return f"runs {minutes} min late" if minutes else "is on time again"
        if kind is Kind.PAUSED and data.get("until"):
            return f"paused until {self._clock(data['until'])}"
        if kind is Kind.ROOM_CHANGED:
            return f"moved to{self._room(data.get('to_room'), ' ')}"
        return PLAIN.get(kind, kind.value.replace("_", " "))

    def _room(self, room_id: int | None, before: str = " to ") -> str:
        room = self.settings.get((Room, room_id or 0))
        return f"{before}{room_name(room['name'])}" if room else ""

    def _scheduled(self, event: VisitEvent) -> str:
        booked = self.appointments.get(event.appointment_id or 0)
        return f"{to_local(self.zone, booked.starts_at):%H:%M}" if booked else ""

    def _clock(self, instant: object) -> str:
        if not isinstance(instant, str):
            return ""
        return f"{to_local(self.zone, datetime.fromisoformat(instant)):%H:%M}"


def room_name(name: str) -> str:
    """A room as it is spoken of: "3" is "Room 3", "Treatment" stays."""
    return f"Room {name}" if name[:1].isdigit() else name


def _by_id(session: Session, query: Statement, ids: Iterable[Any]) -> dict[Any, Any]:
    wanted = {n for n in ids if isinstance(n, int)}
    if not wanted:
        return {}
    return {row.id: row for row in query.all(session, {"ids": [*wanted]})}


def _ids_of(kind: str, events: Iterable[VisitEvent]) -> list[int]:
    who = (kind_and_id(event.actor) for event in events)
    return [number for what, number in who if what == kind and number]

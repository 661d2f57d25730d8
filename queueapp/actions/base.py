"""What every action needs: finding rows, true times, staging facts with what undo puts back."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from queueapp.db.known import settled
from queueapp.db.models import (
    Appointment,
    Base,
    Clinician,
    DeskItem,
    Note,
    PatientChange,
    QueueEntry,
    Room,
    Service,
    Shift,
    Site,
    Visit,
)
from queueapp.db.unit import record
from queueapp.db.writing import Rows, columns
from queueapp.domain.actor import Actor
from queueapp.domain.events import Fact, Kind
from queueapp.domain.refusal import invalid, not_found
from queueapp.domain.visit import OPEN_STATES, EntryState

_HOLD_ENTRY = Rows(
    (QueueEntry, Visit, Clinician),
    sa.select(*columns(QueueEntry, Visit, Clinician))
    .select_from(QueueEntry.__table__)
    .join(Visit.__table__, Visit.id == QueueEntry.visit_id)
    .outerjoin(Clinician.__table__, Clinician.id == QueueEntry.clinician_id)
    .where(QueueEntry.id == sa.bindparam("row"))
    .with_for_update(key_share=True, of=(QueueEntry.__table__, Visit.__table__)),
)
_HOLD_VISIT = Rows(
    (Visit,),
    sa.select(*columns(Visit))
    .where(Visit.id == sa.bindparam("row"))
    .with_for_update(key_share=True),
)
_HOLD_SHIFT = (
    sa.select(Shift)
    .where(Shift.id == sa.bindparam("row"))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
_OPEN = (
    sa.select(QueueEntry)
    .where(QueueEntry.visit_id == sa.bindparam("visit"), QueueEntry.state.in_(OPEN_STATES))
    .order_by(QueueEntry.id)
)
# What undo may put back, by table. Never personal text: events outlive a purge.
UNDOABLE_COLUMNS: Mapping[type[Base], tuple[str, ...]] = {
    QueueEntry: (
        "state",
        "entry_class",
        "band",
        "passed_over_until",
        "absences",
        "shift_id",
        "clinician_id",
        "room_id",
        "called_at",
        "started_at",
        "still_in_at",
        "ended_at",
        "end_unknown",
        "stepped_out",
        "stepped_out_at",
        "preference",
        "wished_clinician_id",
        "wished_attribute",
    ),
    Visit: (
        "presence",
        "come_by",
        "back_by",
        "here_at",
        "place",
        "departed_at",
        "resolution",
    ),
    Appointment: ("state", "visit_id"),
    DeskItem: ("taken_at", "closed_at", "outcome"),
    Note: ("removed_at",),
    PatientChange: (),
}


def happened(now: datetime, occurred_at: datetime | None, *after: datetime | None) -> datetime:
    """The true time of something entered now, perhaps afterwards.

    Raises Refused (invalid) for a time in the future or before any of `after`.
    """
    when = occurred_at or now
    if when > now:
        raise invalid("occurred_at", "Give a time that is not in the future.")
    for earlier in after:
        if earlier is not None and when < earlier:
            if occurred_at is None:
                return earlier  # the clock was set back; the order of things still holds
            raise invalid("occurred_at", "Give a time that is not before the step before it.")
    return when


def find_site(session: Session, slug: str) -> Site:
    """The site of that slug. Raises Refused (not found)."""
    site = session.scalars(sa.select(Site).where(Site.slug == slug)).one_or_none()
    if site is None:
        raise not_found("The site")
    return site


def get_entry(session: Session, entry_id: int) -> QueueEntry:
    """The entry and its visit, both held until the transaction ends. Raises Refused (not found)."""
    found = _HOLD_ENTRY.one_or_none(session, {"row": entry_id})
    if found is None:
        raise not_found("The ticket")
    entry: QueueEntry = found[0]
    set_committed_value(entry, "visit", found[1])
    set_committed_value(entry, "clinician", found[2])
    settled(session, entry.site_id, Service, entry.service_id)
    return entry


def get_visit(session: Session, visit_id: int) -> Visit:
    """The visit, its row held until the transaction ends. Raises Refused (not found)."""
    found = _HOLD_VISIT.one_or_none(session, {"row": visit_id})
    if found is None:
        raise not_found("The visit")
    visit: Visit = found[0]
    return visit


def get_shift(session: Session, shift_id: int) -> Shift:
    """The shift, its row held until the transaction ends. Raises Refused (not found)."""
    shift = session.scalars(_HOLD_SHIFT, {"row": shift_id}).one_or_none()
    if shift is None:
        raise not_found("The shift")
    return shift


def get_room(session: Session, room_id: int) -> Room:
    """The room. Raises Refused (not found)."""
    room = session.get(Room, room_id)
    if room is None:
        raise not_found("The room")
    return room


def get_service(session: Session, site_id: int, service_id: int) -> Service:
    """A service of the site. Raises Refused (invalid `service`)."""
    service = settled(session, site_id, Service, service_id)
    if service is None or service.site_id != site_id or service.retired:
        raise invalid("service", "Choose one of this clinic's services.")
    return service


def open_entries(session: Session, visit: Visit) -> list[QueueEntry]:
    """The visit's entries that are waiting, called or in service."""
    return list(session.scalars(_OPEN, {"visit": visit.id}))


def image(*rows: QueueEntry | Visit | Appointment) -> dict[str, dict[str, dict[str, Any]]]:
    """What undo puts back: table -> id -> column -> JSON-ready value, as the rows are now."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        columns = UNDOABLE_COLUMNS[type(row)]
        values = {name: plain(getattr(row, name)) for name in columns}
        found.setdefault(row.__tablename__, {})[str(row.id)] = values
    return found


def never_came(entry: QueueEntry, visit: Visit | None) -> dict[str, dict[str, dict[str, Any]]]:
    """What undo puts in place of an arrival that was a mistake: a wait that never was.

    Without a `visit` it was a further wait of one who is here all the same.
    """
    when = plain(entry.arrived_at)
    found = {
        "queue_entry": {str(entry.id): {"state": EntryState.CANCELLED.value, "ended_at": when}}
    }
    return found | ({"visit": {str(visit.id): {"departed_at": when}}} if visit else {})


def plain(value: Any) -> Any:
    """A column's value as JSON knows it: durations in whole seconds, wall times as `HH:MM`."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, timedelta):
        return round(value.total_seconds())
    return value.value if isinstance(value, Enum) else value


def note(
    session: Session,
    actor: Actor,
    now: datetime,
    kind: Kind,
    *,
    site_id: int,
    occurred_at: datetime | None = None,
    entry: QueueEntry | None = None,
    visit_id: int | None = None,
    appointment_id: int | None = None,
    shift_id: int | None = None,
    room_id: int | None = None,
    from_state: str = "",
    why: str = "",
    data: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    undoes_id: int | None = None,
) -> None:
    """Stage what happened. An `entry` fills its own ids and its new state."""
    record(
        session,
        site_id,
        actor,
        now,
        Fact(
            kind=kind,
            occurred_at=occurred_at or now,
            visit_id=entry.visit_id if entry else visit_id,
            entry_id=entry.id if entry else None,
            appointment_id=appointment_id or (entry.appointment_id if entry else None),
            shift_id=shift_id or (entry.shift_id if entry else None),
            room_id=room_id or (entry.room_id if entry else None),
            from_state=str(from_state),
            to_state=entry.state.value if entry else "",
            why=why,
            data=data or {},
            before=before or {},
            undoes_id=undoes_id,
        ),
    )

"""Emergencies in the waiting room, told to every room at once."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from queueapp.actions.alarms import open_alarms
from queueapp.db.models import DeskItem, Device, QueueEntry, Visit
from queueapp.db.queries.happened import room_name
from queueapp.db.queries.rows import SiteRows
from queueapp.domain.visit import EntryClass, Presence


@dataclass(frozen=True, slots=True)
class Alarm:
    """One emergency: `key` names it as long as it lasts; `taken_by` is who has said "I go"."""

    key: str
    item_id: int
    ticket: str
    where: str
    taken_by: str


def alarms(session: Session, rows: SiteRows) -> list[Alarm]:
    """Those that nobody has settled; one who is no emergency any more alarms nobody."""
    found = []
    for item in open_alarms(session, rows.site.id):
        entry = session.get(QueueEntry, item.entry_id) if item.entry_id else None
        if entry is not None and entry.entry_class != EntryClass.EMERGENCY:
            continue
        visit = entry.visit if entry else session.get(Visit, item.visit_id or 0)
        if visit is not None:
            where = _where(session, rows, item, visit)
            found.append(Alarm(f"item-{item.id}", item.id, visit.ticket, where, item.taken_by))
    return found


def _where(session: Session, rows: SiteRows, item: DeskItem, visit: Visit) -> str:
    row = rows.row(item.entry_id or 0)
    if row is not None and row.entry.room is not None:
        return f"called to {room_name(row.entry.room.name)}"
    if visit.place:
        return visit.place
    if visit.presence is not Presence.HERE:
        return "not here yet"
    device = session.get(Device, item.device_id) if item.device_id else None
    return "at the kiosk" if device and device.kind == "kiosk" else "in the waiting room"

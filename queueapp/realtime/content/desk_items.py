"""What needs a person at the desk, in words, with what can be done about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from queueapp.actions.alarms import EMERGENCY
from queueapp.actions.desk_items import ItemKind, open_items
from queueapp.db.models import (
    Appointment,
    DeskItem,
    Device,
    Feedback,
    QueueEntry,
    Room,
    Site,
    Visit,
)
from queueapp.db.queries.happened import room_name
from queueapp.db.queries.rows import wish_words
from queueapp.domain.localtime import to_local
from queueapp.domain.visit import SortedOut

Row = TypeVar("Row", Appointment, Device, Room, Visit)

_ENTRIES = (
    sa.select(QueueEntry)
    .where(QueueEntry.id.in_(sa.bindparam("entries", expanding=True)))
    .options(
        joinedload(QueueEntry.visit, innerjoin=True).joinedload(Visit.patient),
        joinedload(QueueEntry.service, innerjoin=True),
        joinedload(QueueEntry.room),
    )
)
# In the order in which they are seen to; what is said, and the choices: (code, words).
_ORDER = (
    ItemKind.HELP,
    ItemKind.FETCH,
    ItemKind.STRANDED,
    ItemKind.UNCONFIRMED,
    ItemKind.OVERDUE_BACK,
    ItemKind.TOO_LATE,
    ItemKind.SLIPPED,
    ItemKind.NAME_CLASH,
    ItemKind.NOT_FOUND,
    ItemKind.FEEDBACK,
    ItemKind.END_UNKNOWN,
)
CHOICES: dict[str, tuple[tuple[str, str], ...]] = {
    ItemKind.HELP: (("done", "Done"),),
    ItemKind.FETCH: (("went_over", "I went over"),),
    ItemKind.STRANDED: (
        ("anyone", "Anyone may see them"),
        ("row:transfer", "Transfer"),
        ("left", "Mark as left"),
    ),
    ItemKind.UNCONFIRMED: (("here", "Here after all"), ("left", "Mark as left")),
    ItemKind.OVERDUE_BACK: (
        ("back", "Back here"),
        ("row:left", "Left earlier"),
        ("left", "Mark as left"),
    ),
    ItemKind.TOO_LATE: (
        ("as_booked", "See them as booked"),
        ("shorter", "Shorter visit"),
        ("wait", "Wait as a walk-in"),
        ("row:rebook", "Rebook"),
    ),
    ItemKind.SLIPPED: (("told", "I told them"),),
    ItemKind.NAME_CLASH: (("told_apart", "Told apart"),),
    ItemKind.NOT_FOUND: (("row:book", "Book a time"), ("done", "Done")),
    ItemKind.FEEDBACK: (("answered", "Answered"), ("put_right", "Put right")),
    ItemKind.END_UNKNOWN: (("finished", "Was seen"), ("unseen", "Was not seen")),
}


_ALARM = (("row:call", "Call to a room"), ("done", "Someone is with them"))


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One open desk item: a headline, what is known, who has it, and the choices."""

    id: int
    kind: str
    title: str
    about: str
    since: datetime
    taken_by: str
    entry_id: int | None
    is_alarm: bool
    choices: tuple[tuple[str, str], ...]
    name: str = ""


def item_rows(session: Session, site: Site) -> list[ItemRow]:
    """The site's open items, most pressing kind first, then oldest first."""
    items = open_items(session, site.id)
    entries = _entries(session, items)
    # The session lets go of what nobody holds.
    about = _about(session, items)
    answers = _answers(session, items)
    order = {kind.value: n for n, kind in enumerate(_ORDER)}
    items.sort(
        key=lambda item: (
            not item.details.get(EMERGENCY),
            order.get(item.kind, len(order)),
            item.opened_at,
            item.id,
        )
    )
    rows = [
        _row(session, site, item, entries.get(item.entry_id or 0), answers.get(item.visit_id or 0))
        for item in items
    ]
    del about
    return rows


def choices_of(kind: str) -> tuple[tuple[str, str], ...]:
    """What can be done about an item of that kind: (code, words)."""
    return CHOICES.get(kind, (("done", "Done"),))


def _entries(session: Session, items: Sequence[DeskItem]) -> dict[int, QueueEntry]:
    wanted = {item.entry_id for item in items if item.entry_id is not None}
    if not wanted:
        return {}
    return {row.id: row for row in session.scalars(_ENTRIES, {"entries": wanted})}


def _about(session: Session, items: Sequence[DeskItem]) -> list[Any]:
    """What items without an entry are about, in one query for each kind: `get` finds it there."""

    def some(model: type[Row], ids: Iterable[int | None], *with_: Any) -> Sequence[Row]:
        wanted = {found for found in ids if found}
        if not wanted:
            return []
        return session.scalars(sa.select(model).where(model.id.in_(wanted)).options(*with_)).all()

    alone = [item for item in items if item.entry_id is None]
    devices = some(Device, (item.device_id for item in items))
    rooms = [*(d.room_id for d in devices), *(item.details.get("room_id") for item in items)]
    return [
        *devices,
        *some(Room, rooms),
        *some(Visit, (item.visit_id for item in alone), selectinload(Visit.patient)),
        *some(
            Appointment,
            (item.appointment_id for item in alone if item.visit_id is None),
            selectinload(Appointment.patient),
        ),
    ]


def _visit(session: Session, item: DeskItem, entry: QueueEntry | None) -> Visit | None:
    if entry is not None:
        return entry.visit
    return session.get(Visit, item.visit_id) if item.visit_id is not None else None


def _answers(session: Session, items: Sequence[DeskItem]) -> dict[int, Feedback]:
    wanted = {item.visit_id for item in items if item.kind == ItemKind.FEEDBACK}
    if not wanted:
        return {}
    rows = session.scalars(sa.select(Feedback).where(Feedback.visit_id.in_(wanted)))
    return {row.visit_id: row for row in rows}


def _row(
    session: Session,
    site: Site,
    item: DeskItem,
    entry: QueueEntry | None,
    answer: Feedback | None,
) -> ItemRow:
    who = _who(session, item, entry)
    title, about = _words(session, site, item, entry, who, answer)
    return ItemRow(
        id=item.id,
        kind=item.kind,
        title=title,
        about=about,
        since=item.opened_at,
        taken_by=item.taken_by,
        entry_id=item.entry_id,
        is_alarm=bool(item.details.get(EMERGENCY)),
        choices=_ALARM if item.details.get(EMERGENCY) else choices_of(item.kind),
        name=_name(session, item, entry),
    )


def _name(session: Session, item: DeskItem, entry: QueueEntry | None) -> str:
    """The person's name as it stands in the title, so that it can be hidden."""
    visit = _visit(session, item, entry)
    if visit is None and item.appointment_id is not None:
        booked = session.get(Appointment, item.appointment_id)
        return booked.patient.called_name if booked and booked.patient else ""
    return visit.patient.called_name if visit and visit.patient else ""


def _who(session: Session, item: DeskItem, entry: QueueEntry | None) -> str:
    visit = _visit(session, item, entry)
    if visit is not None:
        name = visit.patient.called_name if visit.patient else ""
        return f"{visit.ticket} {name}".strip()
    if item.appointment_id is not None:
        booked = session.get(Appointment, item.appointment_id)
        return booked.patient.called_name if booked and booked.patient else "A booked patient"
    return _device_words(session, item) or "Someone"


def _device_words(session: Session, item: DeskItem) -> str:
    device = session.get(Device, item.device_id) if item.device_id is not None else None
    if device is None:
        return ""
    room = session.get(Room, device.room_id) if device.room_id else None
    return room_name(room.name) if room else device.name


def _words(
    session: Session,
    site: Site,
    item: DeskItem,
    entry: QueueEntry | None,
    who: str,
    answer: Feedback | None,
) -> tuple[str, str]:
    def clock(instant: datetime | None) -> str:
        return f"{to_local(site.timezone, instant):%H:%M}" if instant else ""

    service = entry.service.name if entry else ""
    kind = item.kind
    if item.details.get(EMERGENCY):
        where = _device_words(session, item) or "the kiosk"
        return f"Emergency: {who} at {where}.", "Go there now. Called before everyone else."
    if kind == ItemKind.HELP:
        return f"{who} asks for help.", "Someone pressed “help” there."
    if kind == ItemKind.FETCH:
        room_id = item.details.get("room_id")
        room = session.get(Room, room_id) if room_id else None
        place = f"Sits {entry.visit.place}. " if entry and entry.visit.place else ""
        to = f" to {room_name(room.name)}" if room else ""
        return f"Fetch {who}{to}.", f"{place}Asked to be called by somebody coming over."
    if kind == ItemKind.STRANDED:
        wish = wish_words(entry) if entry else ""
        needs = " and ".join(entry.needs) if entry and entry.needs else ""
        said = ", ".join(part for part in (service, wish, needs and f"needs {needs}") if part)
        return f"No one on duty can see {who}.", f"{said}. Say what is to be done."
    if kind == ItemKind.UNCONFIRMED:
        return f"{who} was called twice and did not come.", f"{service}. Look in the lobby first."
    if kind == ItemKind.OVERDUE_BACK:
        by = clock(entry.visit.back_by) if entry else ""
        return f"{who} is not back.", f"{service}. Said to be back by {by}; the place is kept."
    if kind == ItemKind.TOO_LATE:
        booked = clock(entry.scheduled_at) if entry else ""
        came = clock(entry.arrived_at) if entry else ""
        due = clock(entry.due_by) if entry else ""
        return (
            f"{who} came too late for {booked}.",
            f"{service}. Came {came}, so waits as a walk-in, due by {due}.",
        )
    if kind == ItemKind.NAME_CLASH:
        return f"{who}: another patient has the same name.", "Check the birth date of both."
    if kind == ItemKind.NOT_FOUND:
        return f"{who}: no booking was found.", "The kiosk sent them to the desk."
    if kind == ItemKind.SLIPPED:
        return f"{who} waits longer than was told twice.", f"{service}. A word with them helps."
    if kind == ItemKind.FEEDBACK and item.visit_id is not None:
        return _feedback_words(site, who, answer)
    if kind == ItemKind.END_UNKNOWN:
        return f"Was {who} seen?", f"{service}. The end was not entered."
    return f"{who}: {kind.replace('_', ' ')}.", service


_SORTED_OUT = {
    SortedOut.YES: "has something to say",
    SortedOut.PARTLY: "was only partly sorted out",
    SortedOut.NO: "was not sorted out",
}


def _feedback_words(site: Site, who: str, told: Feedback | None) -> tuple[str, str]:
    if told is None:
        return f"{who} has something to say.", ""
    said = f"“{told.wording}”" if told.wording else "No words."
    if told.answer_by is None:
        return f"{who} {_SORTED_OUT[told.sorted_out]}.", f"{said} No answer is wanted."
    by = to_local(site.timezone, told.answer_by)
    return (
        f"{who} {_SORTED_OUT[told.sorted_out]} and wants an answer.",
        f"{said} Answer to {told.reach} by {by:%A %H:%M}.",
    )

"""What needs a person at the desk: opened once, taken by one, closed with an outcome."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.db.models import DeskItem, Device, Site, Visit
from queueapp.db.queries.queue import load_queue
from queueapp.db.statement import Statement
from queueapp.db.writing import Rows, columns
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.ordering import is_stranded
from queueapp.domain.refusal import conflict, invalid, not_found


class ItemKind(StrEnum):
    """Why the desk is asked."""

    HELP = "help"
    NAME_CLASH = "name_clash"
    STRANDED = "stranded"
    FETCH = "fetch"
    NOT_FOUND = "not_found"
    TOO_LATE = "too_late"
    UNCONFIRMED = "unconfirmed"
    OVERDUE_BACK = "overdue_back"
    END_UNKNOWN = "end_unknown"
    SLIPPED = "slipped"
    FEEDBACK = "feedback"


SETTLED = "settled"
_OPEN_ITEMS = Rows(
    (DeskItem,),
    sa.select(*columns(DeskItem))
    .where(DeskItem.site_id == sa.bindparam("site"), DeskItem.closed_at.is_(None))
    .order_by(DeskItem.opened_at, DeskItem.id),
)
_OPEN_OF_ENTRY = Statement(
    sa.select(DeskItem.id, DeskItem.kind)
    .where(DeskItem.entry_id == sa.bindparam("entry"), DeskItem.closed_at.is_(None))
    .order_by(DeskItem.id)
)


def open_item(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    kind: ItemKind,
    subject: str = "",
    entry_id: int | None = None,
    visit_id: int | None = None,
    appointment_id: int | None = None,
    device_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> DeskItem:
    """The open item of that kind and subject: the one already there, or a new one.

    Without a `subject` it is the first id given, as `entry:7`. Details hold codes, no names.
    """
    about = {
        "entry": entry_id,
        "visit": visit_id,
        "appointment": appointment_id,
        "device": device_id,
    }
    subject = subject or next(f"{what}:{n}" for what, n in about.items() if n is not None)
    session.flush()
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    made = session.scalar(
        insert(DeskItem)
        .values(
            site_id=site_id,
            kind=str(kind),
            subject=subject,
            details=dict(details or {}),
            opened_at=now,
            **{f"{what}_id": n for what, n in about.items()},
        )
        .on_conflict_do_nothing()
        .returning(DeskItem.id)
    )
    item = find_open(session, site_id, kind, subject)
    if item is None:
        raise conflict("just_closed", "That was just closed at the desk. Ask again.")
    if made is not None:
        _note(session, actor, now, Kind.DESK_ITEM_OPENED, item)
    return item


def find_open(session: Session, site_id: int, kind: ItemKind, subject: str) -> DeskItem | None:
    """The open item of that kind and subject, if there is one."""
    return session.scalars(
        sa.select(DeskItem).where(
            DeskItem.site_id == site_id,
            DeskItem.kind == str(kind),
            DeskItem.subject == subject,
            DeskItem.closed_at.is_(None),
        )
    ).one_or_none()


def take_item(session: Session, actor: Actor, now: datetime, *, item_id: int) -> DeskItem:
    """The actor will see to it. Refused when it is closed or a colleague has it."""
    item = _held(session, item_id)
    mine = actor.label or actor.key
    if item.taken_by == mine:
        return item
    if item.taken_by:
        raise conflict("taken", f"{item.taken_by} is already seeing to this.")
    item.taken_by, item.taken_at = mine, now
    _note(session, actor, now, Kind.DESK_ITEM_TAKEN, item, {"taken_by": "", "taken_at": None})
    return item


def close_item(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    item_id: int,
    outcome: str,
    by_hand: bool = False,
) -> DeskItem:
    """It is seen to. `outcome` says in a word or two how. Refused when already closed.

    Closed `by_hand`, it can be undone; closed by what else was done, it goes with that.
    """
    outcome = outcome.strip()
    if not 0 < len(outcome) <= 60:
        raise invalid("outcome", "Say how it ended, in at most 60 characters.")
    item = _held(session, item_id)
    item.outcome, item.closed_at = outcome, now
    back = {"closed_at": None, "outcome": ""} if by_hand else {}
    _note(session, actor, now, Kind.DESK_ITEM_CLOSED, item, back)
    return item


def close_for_entry(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    kind: ItemKind | None = None,
    outcome: str = SETTLED,
) -> list[DeskItem]:
    """Close the entry's open items, of one kind or of all, because their cause is gone."""
    session.flush()
    found = _OPEN_OF_ENTRY.all(session, {"entry": entry_id})
    return [
        close_item(session, actor, now, item_id=item_id, outcome=outcome)
        for item_id, its_kind in found
        if kind is None or its_kind == kind
    ]


def ask_for_help(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    device_id: int | None = None,
    visit_id: int | None = None,
) -> DeskItem:
    """Someone at a kiosk, in a room, or on a phone pressed "help"; pressing again is the same."""
    asking: Device | Visit | None = None
    if device_id is not None:
        asking = session.get(Device, device_id)
    elif visit_id is not None:
        asking = session.get(Visit, visit_id)
    if asking is None:
        raise not_found("Who is asking for help")
    return open_item(
        session,
        actor,
        now,
        site_id=asking.site_id,
        kind=ItemKind.HELP,
        subject=f"device:{device_id}" if device_id is not None else f"visit:{visit_id}",
        device_id=device_id,
        visit_id=visit_id,
    )


def look_for_stranded(session: Session, actor: Actor, now: datetime, *, site: Site) -> list[int]:
    """Open an item for each waiting entry that no shift of today can serve; settle the others.

    Returns the ids of the stranded entries, in calling order.
    """
    session.flush()
    queue = load_queue(session, site, now)
    stranded = {c.entry_id: c.visit_id for c in queue.line if is_stranded(c, queue.shifts, now)}
    known = {item.entry_id: item for item in open_items(session, site.id, ItemKind.STRANDED)}
    for entry_id, visit_id in stranded.items():
        if entry_id not in known:
            open_item(
                session,
                actor,
                now,
                site_id=site.id,
                kind=ItemKind.STRANDED,
                entry_id=entry_id,
                visit_id=visit_id,
            )
    for item in (item for entry_id, item in known.items() if entry_id not in stranded):
        close_item(session, actor, now, item_id=item.id, outcome=SETTLED)
    return list(stranded)


def open_items(session: Session, site_id: int, kind: ItemKind | None = None) -> list[DeskItem]:
    """The site's open items, oldest first; of one kind, or of all."""
    found = [item for (item,) in _OPEN_ITEMS.all(session, {"site": site_id})]
    return found if kind is None else [item for item in found if item.kind == kind]


def _held(session: Session, item_id: int) -> DeskItem:
    item = session.get(DeskItem, item_id, with_for_update=True, populate_existing=True)
    if item is None:
        raise not_found("The desk item")
    if item.closed_at is not None:
        raise conflict("closed", "This was already closed.", outcome=item.outcome)
    return item


def _note(
    session: Session,
    actor: Actor,
    now: datetime,
    kind: Kind,
    item: DeskItem,
    back: Mapping[str, Any] | None = None,
) -> None:
    base.note(
        session,
        actor,
        now,
        kind,
        site_id=item.site_id,
        visit_id=item.visit_id,
        appointment_id=item.appointment_id,
        why=item.kind,
        data={"item": item.id, "entry": item.entry_id, "device": item.device_id},
        before={"desk_item": {str(item.id): dict(back)}} if back else None,
    )

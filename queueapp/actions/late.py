"""What the desk decides about one who came too late for a booked time."""

from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions import desk_items
from queueapp.actions.entries import lock_entry
from queueapp.actions.order import change_class
from queueapp.db.models import DeskItem
from queueapp.domain.actor import Actor
from queueapp.domain.refusal import not_found
from queueapp.domain.visit import EntryClass

SHORTER = "Came too late for the booked time: a shorter visit."


def see_as_booked(session: Session, actor: Actor, now: datetime, *, item_id: int) -> DeskItem:
    """Seen in the booked turn after all. Raises Refused as `change_class` and `close_item` do."""
    change_class(
        session, actor, now, entry_id=_entry_id(session, item_id), entry_class=EntryClass.BOOKED
    )
    return desk_items.close_item(session, actor, now, item_id=item_id, outcome="as_booked")


def see_shorter(session: Session, actor: Actor, now: datetime, *, item_id: int) -> DeskItem:
    """Seen in turn but for less time; the clinician reads so beside the name."""
    entry = lock_entry(session, _entry_id(session, item_id))
    entry.note = SHORTER
    session.flush()
    return desk_items.close_item(session, actor, now, item_id=item_id, outcome="shorter")


def _entry_id(session: Session, item_id: int) -> int:
    item = session.get(DeskItem, item_id)
    if item is None or item.entry_id is None:
        raise not_found("The desk item")
    return item.entry_id

"""An emergency in the waiting room: desk and rooms are alarmed at once, until somebody is there."""

from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions.desk_items import ItemKind, close_item, open_item, open_items
from queueapp.db.models import DeskItem, QueueEntry
from queueapp.domain.actor import Actor, ActorKind

# What marks a desk item as an alarm.
EMERGENCY = "emergency"


def raise_alarm(session: Session, actor: Actor, now: datetime, *, entry: QueueEntry) -> DeskItem:
    """Alarm desk and rooms about one who is an emergency; raised again, it is the same alarm."""
    return open_item(
        session,
        actor,
        now,
        site_id=entry.site_id,
        kind=ItemKind.HELP,
        entry_id=entry.id,
        visit_id=entry.visit_id,
        device_id=actor.id if actor.kind is ActorKind.DEVICE else None,
        details={EMERGENCY: True},
    )


def end_alarm(session: Session, actor: Actor, now: datetime, *, entry: QueueEntry) -> None:
    """The entry is no emergency after all."""
    for item in open_alarms(session, entry.site_id):
        if item.entry_id == entry.id:
            close_item(session, actor, now, item_id=item.id, outcome="no emergency")


def open_alarms(session: Session, site_id: int) -> list[DeskItem]:
    """The alarms that nobody has settled yet, oldest first."""
    return [i for i in open_items(session, site_id, ItemKind.HELP) if i.details.get(EMERGENCY)]

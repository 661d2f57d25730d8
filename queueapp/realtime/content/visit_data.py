"""A visit as data, for programs that follow it: the same facts as its phone's page paints."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import Call, Promise, QueueEntry, Room, Visit
from queueapp.domain.visit import IN_ROOM_STATES, OPEN_STATES
from queueapp.realtime.publish import stamp


def data_of(session: Session, row: Visit) -> dict[str, Any]:
    """Key, ticket, presence and the current wait: state, call and room, what was promised.

    `entry` is None once nothing is open any more; `resolution` then says how it ended, if known.
    """
    entry = _current(session, row.id)
    return {
        "key": row.key,
        "ticket": row.ticket,
        "presence": row.presence.value,
        "come_by": _stamp(row.come_by),
        "back_by": _stamp(row.back_by),
        "departed_at": _stamp(row.departed_at),
        "resolution": row.resolution.value if row.resolution else None,
        "entry": _entry(session, entry) if entry else None,
    }


def _current(session: Session, visit_id: int) -> QueueEntry | None:
    entries = session.scalars(
        sa.select(QueueEntry)
        .where(QueueEntry.visit_id == visit_id, QueueEntry.state.in_(OPEN_STATES))
        .options(selectinload(QueueEntry.promises))
        .order_by(QueueEntry.id)
    ).all()
    in_room = [e for e in entries if e.state in IN_ROOM_STATES]
    return next(iter(in_room or entries), None)


def _entry(session: Session, entry: QueueEntry) -> dict[str, Any]:
    call = session.execute(
        sa.select(Call.number, Call.called_at, Room.name)
        .join(Room, Room.id == Call.room_id)
        .where(Call.entry_id == entry.id, Call.outcome.is_(None))
    ).one_or_none()
    room = session.get(Room, entry.room_id) if entry.room_id else None
    return {
        "id": entry.id,
        "state": entry.state.value,
        "room": room.name if room else None,
        "call": {"number": call.number, "called_at": stamp(call.called_at)} if call else None,
        "promises": [_promise(one) for one in entry.promises],
    }


def _promise(one: Promise) -> dict[str, Any]:
    return {
        "number": one.number,
        "told_at": stamp(one.told_at),
        "low_at": _stamp(one.low_at),
        "high_at": _stamp(one.high_at),
        "reason": one.reason,
    }


def _stamp(instant: datetime | None) -> str | None:
    return stamp(instant) if instant else None

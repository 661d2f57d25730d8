"""A visit as data, for programs that follow it: the same facts as its phone's page paints."""

from datetime import datetime
from typing import Any

from queueapp.db.models import Promise, QueueEntry, Visit
from queueapp.domain.visit import IN_ROOM_STATES, OPEN_STATES
from queueapp.realtime.told import stamp


def data_of(row: Visit) -> dict[str, Any]:
    """Key, ticket, presence and the current wait: state, call and room, what was promised.

    `entry` is None once nothing is open any more; `resolution` then says how it ended, if known.
    """
    entry = current_entry(row)
    return {
        "key": row.key,
        "ticket": row.ticket,
        "presence": row.presence.value,
        "come_by": _stamp(row.come_by),
        "back_by": _stamp(row.back_by),
        "departed_at": _stamp(row.departed_at),
        "resolution": row.resolution.value if row.resolution else None,
        "entry": _entry(entry) if entry else None,
    }


def current_entry(row: Visit) -> QueueEntry | None:
    """The wait that speaks for the visit: one in a room before what else it waits for."""
    still = [e for e in row.entries if e.state in OPEN_STATES]
    return next(iter([e for e in still if e.state in IN_ROOM_STATES] or still), None)


def _entry(entry: QueueEntry) -> dict[str, Any]:
    call = next((c for c in entry.calls if c.outcome is None), None)
    return {
        "id": entry.id,
        "state": entry.state.value,
        "room": entry.room.name if entry.room else None,
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

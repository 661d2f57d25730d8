"""Which room a shift works in, and moving to another even while someone is being called."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base, desk_items
from queueapp.actions.desk_items import ItemKind
from queueapp.actions.entries import end_call
from queueapp.actions.summons import chosen_routes
from queueapp.db.models import Call, QueueEntry, Room, Shift
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, invalid, not_found
from queueapp.domain.visit import IN_ROOM_STATES, CallOutcome, CallRoute, EntryState


def shifts_in(session: Session, room_id: int) -> list[Shift]:
    """The open shifts in a room, the one there longest first."""
    return list(
        session.scalars(
            sa.select(Shift)
            .where(
                Shift.room_id == room_id,
                Shift.actual_from.is_not(None),
                Shift.actual_to.is_(None),
            )
            .order_by(Shift.actual_from, Shift.id)
        )
    )


def in_room(session: Session, shift: Shift) -> list[QueueEntry]:
    """The shift's entries that are called or in service, their rows held."""
    return list(
        session.scalars(
            sa.select(QueueEntry)
            .where(
                QueueEntry.site_id == shift.site_id,
                QueueEntry.state.in_(IN_ROOM_STATES),
                QueueEntry.shift_id == shift.id,
            )
            .order_by(QueueEntry.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def tickets(entries: list[QueueEntry]) -> str:
    """The entries' tickets for a sentence: `B12`, `B12 and C03`."""
    codes = [e.visit.ticket for e in entries]
    return " and ".join([", ".join(codes[:-1]), codes[-1]] if len(codes) > 1 else codes)


def lock_open_shift(session: Session, shift_id: int) -> Shift:
    """The shift, its site's row held before its own, as call-next takes them.

    Raises Refused (not found; conflict `not_open` when it has not begun or is over).
    """
    site_id = session.scalar(sa.select(Shift.site_id).where(Shift.id == shift_id))
    if site_id is None:
        raise not_found("The shift")
    lock_site(session, site_id)
    shift = base.get_shift(session, shift_id)
    if shift.actual_from is None or shift.actual_to is not None:
        raise conflict("not_open", f"{shift.clinician.shown_name} is not on shift now.")
    return shift


def usable_room(session: Session, site_id: int, room_id: int, clinician_id: int) -> Room:
    """A room of the site with a place for the clinician; the caller holds the site's row.

    Raises Refused (invalid `room`; conflict `room_taken` naming who is there).
    """
    room = base.get_room(session, room_id)
    if room.site_id != site_id or room.retired:
        raise invalid("room", "Choose one of this clinic's rooms.")
    others = [s for s in shifts_in(session, room_id) if s.clinician_id != clinician_id]
    if len(others) >= room.places:
        names = " and ".join(s.clinician.shown_name for s in others)
        raise conflict(
            "room_taken",
            f"{names} works in {room.name}. Hand that shift over, close it, or choose another "
            "room.",
            room=room.id,
            shifts=[s.id for s in others],
        )
    return room


def change_room(
    session: Session, actor: Actor, now: datetime, *, shift_id: int, room_id: int
) -> Shift:
    """The shift goes on in another room; who is in the room goes along.

    A standing call is withdrawn and made again to the new room, so that every screen shows it.
    Raises Refused (conflict `not_open`, `room_taken`; invalid `room`).
    """
    shift = lock_open_shift(session, shift_id)
    site_id = shift.site_id
    if room_id == shift.room_id:
        return shift
    room = usable_room(session, site_id, room_id, shift.clinician_id)
    old_room_id, shift.room_id = shift.room_id, room.id
    for entry in in_room(session, shift):
        entry.room_id = room.id
        if entry.state is EntryState.CALLED:
            _call_again(session, actor, now, entry, room.id)
    base.note(
        session,
        actor,
        now,
        Kind.ROOM_CHANGED,
        site_id=site_id,
        shift_id=shift.id,
        room_id=room.id,
        data={"from_room": old_room_id, "to_room": room.id},
    )
    session.flush()
    return shift


def _call_again(
    session: Session, actor: Actor, now: datetime, entry: QueueEntry, room_id: int
) -> None:
    old = session.scalars(
        sa.select(Call).where(Call.entry_id == entry.id, Call.outcome.is_(None))
    ).one()
    end_call(session, entry, CallOutcome.WITHDRAWN, now)
    desk_items.close_for_entry(
        session, actor, now, entry_id=entry.id, kind=ItemKind.FETCH, outcome="room_changed"
    )
    routes = chosen_routes(entry.visit)
    new = Call(
        site_id=entry.site_id,
        entry_id=entry.id,
        room_id=room_id,
        shift_id=old.shift_id,
        number=old.number + 1,
        routes=[route for route in routes if route != CallRoute.FETCH],
        called_at=now,
    )
    session.add(new)
    session.flush()
    base.note(
        session,
        actor,
        now,
        Kind.RECALLED,
        site_id=entry.site_id,
        entry=entry,
        from_state=EntryState.CALLED,
        why="room_changed",
        data={"call": new.id, "number": new.number, "ended_call": old.id},
    )
    if CallRoute.FETCH in routes:
        desk_items.open_item(
            session,
            actor,
            now,
            site_id=entry.site_id,
            kind=ItemKind.FETCH,
            subject=f"call:{new.id}",
            entry_id=entry.id,
            visit_id=entry.visit_id,
            details={"room_id": room_id},
        )

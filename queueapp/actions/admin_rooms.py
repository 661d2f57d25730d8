"""Rooms: added, changed, retired."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_record import check_version, listed, named, record_change
from queueapp.db.models import Device, Room, Shift
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.refusal import conflict, invalid, not_found

SUBJECT = "room"
_MOST_PLACES = 50


@dataclass(frozen=True, slots=True)
class GivenRoom:
    """A room as a manager wants it: how many at once, and what it has (step-free, couch …)."""

    name: str
    places: int = 1
    features: list[str] = field(default_factory=list)
    position: int = 0


def room_state(room: Room) -> dict[str, Any]:
    """All that can be changed of a room."""
    return {
        "name": room.name,
        "places": room.places,
        "features": list(room.features or ()),
        "position": room.position,
        "retired": room.retired,
    }


def add_room(
    session: Session, actor: Actor, now: datetime, *, site_id: int, given: GivenRoom
) -> Room:
    """A new room. Raises Refused (invalid `name`, `places`; conflict `name_taken`)."""
    lock_site(session, site_id)
    room = Room(site_id=site_id)
    _fill(session, room, given)
    session.add(room)
    session.flush()
    _record(session, actor, now, room, "added", {})
    return room


def change_room_settings(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    room_id: int,
    version: str,
    given: GivenRoom,
) -> bool:
    """Change a room; False when nothing differed. Raises Refused, also `changed_meanwhile`."""
    site = lock_site(session, site_id)
    room = _own(session, site_id, room_id)
    before = room_state(room)
    check_version(session, before, version, subject=SUBJECT, subject_id=room_id, zone=site.timezone)
    _fill(session, room, given)
    return _record(session, actor, now, room, "changed", before)


def retire_room(
    session: Session, actor: Actor, now: datetime, *, site_id: int, room_id: int, retired: bool
) -> None:
    """Use a room no more, or again. Raises Refused (conflict `in_use`) while someone works there.

    A retired room's tablet is revoked, as its screen would show a room that is none.
    """
    lock_site(session, site_id)
    room = _own(session, site_id, room_id)
    if room.retired == retired:
        return
    if retired:
        _check_unused(session, room)
        session.execute(
            sa.update(Device)
            .where(Device.room_id == room_id, Device.revoked_at.is_(None))
            .values(revoked_at=now)
        )
    room.retired = retired
    _record(session, actor, now, room, "retired" if retired else "restored", room_state(room))


def _own(session: Session, site_id: int, room_id: int) -> Room:
    room = session.get(Room, room_id, populate_existing=True)
    if room is None or room.site_id != site_id:
        raise not_found("The room")
    return room


def _fill(session: Session, room: Room, given: GivenRoom) -> None:
    name = named(given.name, 40, "name", "Give the room a name as it stands on the door.")
    taken = session.scalar(
        sa.select(Room.id).where(
            Room.site_id == room.site_id,
            sa.func.lower(Room.name) == name.lower(),
            Room.id != (room.id or 0),
        )
    )
    if taken is not None:
        raise conflict("name_taken", f"There is a room called {name} already.")
    if not 1 <= given.places <= _MOST_PLACES:
        raise invalid("places", f"Give 1 to {_MOST_PLACES} places.")
    room.name, room.places, room.position = name, given.places, given.position
    room.features = listed(given.features)
    room.retired = bool(room.retired)
    session.flush()


def _check_unused(session: Session, room: Room) -> None:
    shift = session.scalars(
        sa.select(Shift).where(
            Shift.room_id == room.id, Shift.actual_from.is_not(None), Shift.actual_to.is_(None)
        )
    ).first()
    if shift is not None:
        raise conflict(
            "in_use",
            f"{shift.clinician.shown_name} is working in {room.name}. Change rooms or end the "
            "shift first; then it can be retired.",
        )


def _record(
    session: Session, actor: Actor, now: datetime, room: Room, verb: str, before: dict[str, Any]
) -> bool:
    return record_change(
        session,
        actor,
        now,
        site_id=room.site_id,
        verb=verb,
        subject=SUBJECT,
        subject_id=room.id,
        name=room.name,
        before=before,
        after=room_state(room),
    )

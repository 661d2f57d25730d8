"""Rooms: who works there, when not, and calling the next one in."""

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from queueapp.actions import calls, shifts
from queueapp.actions.base import get_room
from queueapp.actions.shift_rooms import shifts_in
from queueapp.db.models import Shift
from queueapp.domain.refusal import conflict, invalid
from queueapp.web.api.answers import EntryOut, ShiftOut
from queueapp.web.api.bodies import CallNext, PauseRoom, PutClinician, Whose
from queueapp.web.api.fields import instant
from queueapp.web.api.lookups import clinician_of
from queueapp.web.api.table import CLINICIAN, STAFF, Ask, Call


def put_clinician(ask: Ask, room_id: int) -> tuple[int, ShiftOut]:
    """Say who works in a room: begins the shift, or moves it here; null ends it."""
    assert ask.site is not None
    who = ask.body.clinician
    shift = shifts.put_clinician_in_room(
        ask.session,
        ask.actor,
        ask.now,
        site_id=ask.site.id,
        room_id=room_id,
        clinician_id=None if who is None else clinician_of(ask.session, ask.site, who).id,
    )
    return 200, _room(ask, room_id, shift.id if shift else None)


def pause_room(ask: Ask, room_id: int) -> tuple[int, ShiftOut]:
    """Call nobody into the room for a while, and say why."""
    assert ask.site is not None
    shift = _shift(ask, room_id)
    until = ask.body.until
    shifts.pause(
        ask.session,
        ask.actor,
        ask.now,
        shift_id=shift.id,
        reason=ask.body.reason,
        until=until and instant(ask.site.timezone, until),
    )
    return 200, _room(ask, room_id, shift.id)


def resume_room(ask: Ask, room_id: int) -> tuple[int, ShiftOut]:
    """The pause is over."""
    shift = _shift(ask, room_id)
    shifts.resume(ask.session, ask.actor, ask.now, shift_id=shift.id)
    return 200, _room(ask, room_id, shift.id)


def call_next(ask: Ask, room_id: int) -> tuple[int, EntryOut | None]:
    """Call the first in order whom the room's clinician may call; 204 when there is nobody."""
    assert ask.site is not None
    who, when = ask.body.clinician, ask.body.occurred_at
    called = calls.call_next(
        ask.session,
        ask.actor,
        ask.now,
        room_id=room_id,
        clinician_id=None if who is None else clinician_of(ask.session, ask.site, who).id,
        occurred_at=when and instant(ask.site.timezone, when),
    )
    return (204, None) if called is None else (200, EntryOut.of(called))


def _shift(ask: Ask, room_id: int) -> Shift:
    """The open shift in the room, that of `clinician` where it is said."""
    assert ask.site is not None
    room = get_room(ask.session, room_id)
    there = shifts_in(ask.session, room_id)
    if ask.body.clinician is not None:
        who = clinician_of(ask.session, ask.site, ask.body.clinician)
        there = [shift for shift in there if shift.clinician_id == who.id]
    if not there:
        raise conflict("nobody_in_room", f"No clinician works in {room.name} now.")
    if len(there) > 1:
        names = ", ".join(shift.clinician.shown_name for shift in there)
        raise invalid("clinician", f"Several clinicians work in {room.name}. Give one of: {names}.")
    return there[0]


def _room(ask: Ask, room_id: int, shift_id: int | None) -> ShiftOut:
    ask.session.flush()
    shift = ask.session.scalars(
        sa.select(Shift)
        .where(Shift.id == shift_id)
        .options(selectinload(Shift.pauses), selectinload(Shift.clinician))
        .execution_options(populate_existing=True)
    ).one_or_none()
    return ShiftOut.of(room_id, shift)


CALLS = (
    Call(
        "POST",
        "/rooms/{room_id}/clinician",
        put_clinician,
        STAFF,
        {200: ShiftOut},
        PutClinician,
        conflicts="The room is taken, the clinician is on shift elsewhere, or somebody is called "
        "or in the room.",
    ),
    Call(
        "POST",
        "/rooms/{room_id}/pause",
        pause_room,
        STAFF,
        {200: ShiftOut},
        PauseRoom,
        conflicts="Nobody works there, or the pause is on already.",
    ),
    Call(
        "POST",
        "/rooms/{room_id}/resume",
        resume_room,
        STAFF,
        {200: ShiftOut},
        Whose,
        conflicts="Nobody works there, or no pause is on.",
    ),
    Call(
        "POST",
        "/rooms/{room_id}/call-next",
        call_next,
        (CLINICIAN,),
        {200: EntryOut, 204: None},
        CallNext,
        conflicts="Nobody works there (`nobody_in_room`), the clinician is paused (`paused`), or "
        "all places are taken (`room_full`).",
    ),
)

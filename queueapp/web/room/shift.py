"""Who works in the room: coming, going, handing over, pausing, running late, changing rooms."""

from datetime import timedelta
from typing import Any

from queueapp.actions import shifts
from queueapp.db.models import Room
from queueapp.db.queries.happened import room_name
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused
from queueapp.web.fields import future_instant
from queueapp.web.room.forms import HandOverForm, LateForm, OpenForm, PauseForm, RoomForm
from queueapp.web.room.turn import Turn

# What actions call a field, and what the form does.
_FIELDS = {"planned_to": "until", "delay": "minutes"}


def renamed(refused: Refused) -> Refused:
    """The refusal with the field as the form names it."""
    field = _FIELDS.get(refused.field, refused.field)
    return Refused(refused.message, field, refused.kind, refused.code, refused.details)


def open_shift(turn: Turn, form: OpenForm) -> str:
    """Somebody begins to work here."""
    shift = shifts.open_shift(
        *turn.key,
        room_id=turn.room_id,
        clinician_id=form.clinician.chosen() or 0,
        planned_to=future_instant(turn.site.timezone, turn.site.rules, turn.now, form.until),
    )
    turn.session.refresh(shift, ["clinician"])
    return f"{shift.clinician.shown_name} works here until {_clock(turn, shift.planned_to)}"


def hand_over(turn: Turn, form: HandOverForm) -> str:
    """Another takes over, with whoever is in the room."""
    taking = shifts.hand_over(
        *turn.key, shift_id=turn.shift().id, to_clinician_id=form.clinician.chosen() or 0
    )
    turn.session.refresh(taking, ["clinician"])
    return f"{taking.clinician.shown_name} has taken over"


def close(turn: Turn, form: Any) -> str:
    """The shift is over."""
    shift = shifts.close_shift(*turn.key, shift_id=turn.shift().id)
    return f"{shift.clinician.shown_name}’s shift is over"


def change_room(turn: Turn, form: RoomForm) -> str:
    """On in another room, with whoever is called or in here."""
    room_id = form.room.chosen() or 0
    shift = shifts.change_room(*turn.key, shift_id=turn.shift().id, room_id=room_id)
    room = room_name(turn.session.get_one(Room, room_id).name)
    return f"{shift.clinician.shown_name} works in {room} now"


def pause(turn: Turn, form: PauseForm) -> str:
    """Nobody is called for a while."""
    until = future_instant(turn.site.timezone, turn.site.rules, turn.now, form.until)
    shifts.pause(*turn.key, shift_id=turn.shift().id, reason=form.reason.data or "", until=until)
    return f"Pause until {_clock(turn, until)}" if until else "Pause"


def resume(turn: Turn, form: Any) -> str:
    """Back."""
    shifts.resume(*turn.key, shift_id=turn.shift().id)
    return "The pause is over"


def late(turn: Turn, form: LateForm) -> str:
    """Running late by."""
    minutes = form.minutes.data or 0
    delay = timedelta(minutes=minutes)
    shifts.declare_delay(*turn.key, shift_id=turn.shift().id, delay=delay)
    return f"Running {minutes} min late" if minutes else "On time"


def _clock(turn: Turn, instant: Any) -> str:
    return f"{to_local(turn.site.timezone, instant):%H:%M}"

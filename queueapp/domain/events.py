"""Frozen past-tense facts: what happened, to whom, in ids and codes, never in personal text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Everything that can happen; an undone fact is recorded as UNDONE naming the one it undoes."""

    TICKET_TAKEN = "ticket_taken"
    JOINED = "joined"
    CHECKED_IN = "checked_in"
    TURNED_AWAY = "turned_away"
    ARRIVED = "arrived"
    CALLED = "called"
    RECALLED = "recalled"
    DID_NOT_ANSWER = "did_not_answer"
    RESTORED = "restored"
    STARTED = "started"
    STILL_IN = "still_in"
    FINISHED = "finished"
    TRANSFERRED = "transferred"
    SET_ASIDE = "set_aside"
    STEPPED_OUT = "stepped_out"
    RETURNED = "returned"
    LEFT = "left"
    NOT_REACHED = "not_reached"
    CANCELLED = "cancelled"
    WRONG_PERSON = "wrong_person"
    MOVED = "moved"
    CLASS_CHANGED = "class_changed"
    PREFERENCE_CHANGED = "preference_changed"
    NOTE_WRITTEN = "note_written"
    NOTE_REMOVED = "note_removed"
    DETAILS_CHANGED = "details_changed"
    WISHES_TOLD = "wishes_told"
    RUNNING_LATE = "running_late"
    FEEDBACK_GIVEN = "feedback_given"
    UNDONE = "undone"
    BOOKED = "booked"
    HELD = "held"
    BOOKING_MOVED = "booking_moved"
    BOOKING_CANCELLED = "booking_cancelled"
    NO_SHOW = "no_show"
    SHIFT_OPENED = "shift_opened"
    SHIFT_HANDED_OVER = "shift_handed_over"
    SHIFT_CLOSED = "shift_closed"
    ROOM_CHANGED = "room_changed"
    PAUSED = "paused"
    RESUMED = "resumed"
    DELAY_DECLARED = "delay_declared"
    DAY_OPENED = "day_opened"
    DAY_CLOSED = "day_closed"
    DESK_ITEM_OPENED = "desk_item_opened"
    DESK_ITEM_TAKEN = "desk_item_taken"
    DESK_ITEM_CLOSED = "desk_item_closed"
    PROMISE_REVISED = "promise_revised"
    FORECAST_STORED = "forecast_stored"
    SETTINGS_CHANGED = "settings_changed"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened; becomes a VisitEvent `(seq, n)` when its transaction ends.

    `before` is what undo puts back: table name -> id -> column -> value (JSON-ready).
    """

    kind: Kind
    occurred_at: datetime
    visit_id: int | None = None
    entry_id: int | None = None
    appointment_id: int | None = None
    shift_id: int | None = None
    room_id: int | None = None
    from_state: str = ""
    to_state: str = ""
    why: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    undoes_id: int | None = None

"""Calling somebody to the room, and what follows until they come in."""

from dataclasses import replace
from typing import Any

from queueapp.actions import calls, desk_items, service, undo
from queueapp.actions.shift_rooms import shifts_in
from queueapp.db.models import DeskItem, QueueEntry, VisitEvent
from queueapp.db.queries.happened import in_words, room_name
from queueapp.db.unit import lock_site
from queueapp.domain.refusal import conflict, not_found
from queueapp.domain.visit import CallRoute, EntryState
from queueapp.realtime.content.room_undo import called_with
from queueapp.web.room.turn import Turn, number


def call(turn: Turn, form: Any) -> str:
    """Call the next one, who must be the one the button named."""
    meant = still_waits(turn)
    shift = turn.shift()
    called = calls.call_next(*turn.key, room_id=turn.room_id, clinician_id=shift.clinician_id)
    check_meant(turn, meant, called)
    return f"{meant.visit.ticket} called"


def call_one(turn: Turn, form: Any) -> str:
    """Call a chosen person, out of turn."""
    lock_site(turn.session, turn.site.id)
    chosen = turn.entry("entry")
    if chosen.state is not EntryState.WAITING:
        raise turn.where_now(chosen)
    clinician_id = turn.shift().clinician_id
    calls.call_chosen(
        *turn.key, room_id=turn.room_id, entry_id=chosen.id, clinician_id=clinician_id
    )
    return f"{chosen.visit.ticket} called"


def still_waits(turn: Turn) -> QueueEntry:
    """The one the button named, still waiting; the site's queue is held from here on.

    Raises Refused (conflict), saying where they are now.
    """
    lock_site(turn.session, turn.site.id)
    meant = turn.entry("expect")
    if meant.state is not EntryState.WAITING:
        raise turn.where_now(meant)
    return meant


def check_meant(turn: Turn, meant: QueueEntry, called: QueueEntry | None) -> None:
    """Raise Refused (conflict) when another than the one the button named would be called."""
    if called is None:
        raise conflict(
            "nobody", f"{meant.visit.ticket} cannot be called any more, and nobody else can."
        )
    if called.id != meant.id:
        raise conflict(
            "order_changed",
            f"The order has changed: {called.visit.ticket} is next now, not {meant.visit.ticket}. "
            "Nobody was called. Look, then press again.",
        )


def again(turn: Turn, form: Any) -> str:
    """Another summons."""
    summons = calls.recall(*turn.key, entry_id=turn.inside().id)
    return f"{summons.entry.visit.ticket} called again"


def absent(turn: Turn, form: Any) -> str:
    """Nobody came."""
    entry = calls.did_not_answer(*turn.key, entry_id=turn.inside().id)
    return f"{entry.visit.ticket} did not answer, place kept"


def fetched(turn: Turn, form: Any) -> str:
    """Somebody went over."""
    entry = turn.inside()
    calls.tried_route(*turn.key, entry_id=entry.id, route=CallRoute.FETCH)
    return f"Somebody went over to {entry.visit.ticket}"


def wrong(turn: Turn, form: Any) -> str:
    """It is somebody else, or was a slip: back to waiting, in the same place."""
    entry = turn.inside()
    service.wrong_person(*turn.key, entry_id=entry.id)
    return f"{entry.visit.ticket} waits again, place kept"


def take_back(turn: Turn, form: Any) -> str:
    """Undo a fact of this room; a finish takes along the call of the same press."""
    event = turn.session.get(VisitEvent, number("event") or 0)
    if event is None or event.site_id != turn.site.id or event.room_id != turn.room_id:
        raise not_found("What you want to undo")
    for same_press in called_with(turn.session, event):
        undo.undo(*turn.key, event_id=same_press.id)
    undo.undo(*turn.key, event_id=event.id)
    told = in_words(turn.session, turn.site, [event])[0]
    return f"{told.subject}: taken back: {told.words}"


def going(turn: Turn, form: Any) -> str:
    """An emergency in the waiting room: whoever works here goes there, and all rooms see who."""
    item = turn.session.get(DeskItem, number("item") or 0)
    if item is None or item.site_id != turn.site.id:
        raise not_found("The alarm")
    here = shifts_in(turn.session, turn.room_id)
    who = ", ".join([*(s.clinician.shown_name for s in here), room_name(turn.room.name)])
    desk_items.take_item(turn.session, replace(turn.actor, label=who), turn.now, item_id=item.id)
    return f"{who}: going"

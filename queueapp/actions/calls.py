"""Calling people to rooms; who may be called is decided under the site's lock."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import desk_items
from queueapp.actions.base import get_entry, happened, image, note
from queueapp.actions.entries import be_here, lock_entry
from queueapp.actions.summons import ROUTE_WORDS, chosen_routes, standing_call, summon, summons
from queueapp.db.known import settled
from queueapp.db.models import Call, Party, QueueEntry, Room, Site, Visit
from queueapp.db.queries.queue import QueueView, load_head, load_queue
from queueapp.db.unit import find_locked_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.ordering import Candidate, ShiftView, Why, next_for, why_not
from queueapp.domain.refusal import conflict, invalid, not_found
from queueapp.domain.visit import CallOutcome, CallRoute, EntryState, Presence, wrong_state

_REFUSALS = {
    Why.NOT_HERE: "is not here",
    Why.PASSED_OVER: "did not answer a moment ago; wait, or ask the desk to say “here”",
    Why.BUSY_ELSEWHERE: "is called or being seen in another room",
    Why.OTHER_SERVICE: "waits for a service that is not given in this room now",
    Why.ROOM_LACKS_FEATURE: "needs a room with other features",
    Why.ONLY_OTHERS: "wants only another clinician",
    Why.WAITS_FOR_WISH: "still waits for the clinician wished for",
}


# What a person may overrule by choosing someone by name; the rest would break a promise.
_CHOOSABLE = frozenset({Why.PASSED_OVER, Why.WAITS_FOR_WISH})


def call_next(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    room_id: int,
    clinician_id: int | None = None,
    occurred_at: datetime | None = None,
) -> QueueEntry | None:
    """Call the first in order whom the room's clinician may call; None when there is nobody.

    Refused (conflict) when nobody works there, the clinician is paused, or all places are taken.
    """
    view, shift = _ready(session, now, room_id, clinician_id, load_head)
    chosen = next_for(shift, view.line, view.shifts, now, view.rules)
    if chosen is None and not view.is_whole:
        view, shift = _ready(session, now, room_id, clinician_id)
        chosen = next_for(shift, view.line, view.shifts, now, view.rules)
    if chosen is None:
        return None
    return _call(session, actor, now, view, shift, chosen, occurred_at)


def call_chosen(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    room_id: int,
    entry_id: int,
    clinician_id: int | None = None,
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """Call a chosen person out of turn; recorded as such, refused where a wish or need forbids."""
    view, shift = _ready(session, now, room_id, clinician_id)
    candidate = next((c for c in view.line if c.entry_id == entry_id), None)
    if candidate is None:
        entry = get_entry(session, entry_id)
        raise wrong_state(entry.visit.ticket, entry.state)
    why = why_not(candidate, shift, view.shifts, now, view.rules)
    if why is not None and why not in _CHOOSABLE:
        ticket = session.get_one(Visit, candidate.visit_id).ticket
        raise conflict(why.value, f"{ticket} {_REFUSALS[why]}.")
    first = next_for(shift, view.line, view.shifts, now, view.rules)
    out_of_turn = "" if first is not None and first.entry_id == entry_id else "chosen"
    return _call(session, actor, now, view, shift, candidate, occurred_at, why=out_of_turn)


def recall(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    occurred_at: datetime | None = None,
) -> Call:
    """Call again the one who stands called; a summons of its own, with a new chime."""
    entry = lock_entry(session, entry_id)
    standing = standing_call(session, entry)
    when = happened(now, occurred_at, standing.called_at)
    standing.outcome, standing.ended_at = CallOutcome.DID_NOT_ANSWER, when
    session.flush()
    call = summons(session, entry, standing.room_id, standing.shift_id, when)
    note(
        session,
        actor,
        now,
        Kind.RECALLED,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        from_state=entry.state,
        data={"call": call.id, "number": call.number, "ended_call": standing.id},
    )
    return call


def did_not_answer(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """Nobody came: passed over for a while, the place kept; after the second, unconfirmed.

    Refused until every chosen call route was tried.
    """
    entry = lock_entry(session, entry_id)
    standing = standing_call(session, entry)
    visit = entry.visit
    untried = [r for r in chosen_routes(visit) if r not in standing.routes]
    if untried:
        words = ", ".join(ROUTE_WORDS[r] for r in untried)
        raise conflict("routes_left", f"{visit.ticket} was not yet called by: {words}.")
    when = happened(now, occurred_at, standing.called_at)
    before = image(entry, visit)
    rules = session.get_one(Site, entry.site_id).rules
    standing.outcome, standing.ended_at = CallOutcome.DID_NOT_ANSWER, when
    entry.state = EntryState.WAITING
    entry.room_id = entry.shift_id = entry.clinician_id = None
    entry.absences += 1
    entry.passed_over_until = when + rules.pass_over
    if entry.absences >= 2:
        visit.presence = Presence.UNCONFIRMED
        desk_items.open_item(
            session,
            actor,
            now,
            site_id=entry.site_id,
            kind=desk_items.ItemKind.UNCONFIRMED,
            subject=f"entry:{entry.id}",
            entry_id=entry.id,
            visit_id=visit.id,
        )
    note(
        session,
        actor,
        now,
        Kind.DID_NOT_ANSWER,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        room_id=standing.room_id,
        from_state=EntryState.CALLED,
        before=before,
        data={"ended_call": standing.id, "absences": entry.absences},
    )
    return entry


def tried_route(
    session: Session, actor: Actor, now: datetime, *, entry_id: int, route: CallRoute
) -> Call:
    """Someone went to fetch the person, or rang: that way of calling was tried."""
    entry = lock_entry(session, entry_id)
    standing = standing_call(session, entry)
    if route not in standing.routes:
        standing.routes = [*standing.routes, route.value]
        note(
            session,
            actor,
            now,
            Kind.RECALLED,
            site_id=entry.site_id,
            entry=entry,
            from_state=entry.state,
            why=route.value,
            data={"call": standing.id},
        )
    return standing


def restore(session: Session, actor: Actor, now: datetime, *, entry_id: int) -> QueueEntry:
    """ "Here after all": eligible at once, in the place that was kept."""
    entry = lock_entry(session, entry_id)
    visit = entry.visit
    if entry.state is not EntryState.WAITING:
        raise wrong_state(visit.ticket, entry.state)
    before = image(entry, visit)
    was = visit.presence
    entry.passed_over_until = None
    entry.absences = 0
    be_here(visit, [entry], now)
    visit.here_at = now
    desk_items.close_for_entry(
        session, actor, now, entry_id=entry.id, kind=desk_items.ItemKind.UNCONFIRMED, outcome="here"
    )
    note(
        session,
        actor,
        now,
        Kind.RESTORED,
        site_id=entry.site_id,
        entry=entry,
        from_state=was,
        before=before,
    )
    return entry


def _ready(
    session: Session,
    now: datetime,
    room_id: int,
    clinician_id: int | None,
    load: Callable[[Session, Site, datetime], QueueView] = load_queue,
) -> tuple[QueueView, ShiftView]:
    site = find_locked_site(session, {"room": room_id})
    room = settled(session, site.id, Room, room_id) if site else None
    if site is None or room is None:
        raise not_found("The room")
    view = load(session, site, now)
    here = [s for s in view.shifts if s.is_open and s.room_id == room_id]
    if clinician_id is not None:
        here = [s for s in here if s.clinician_id == clinician_id]
    if not here:
        raise conflict("nobody_in_room", f"No clinician works in {room.name} now.")
    if len(here) > 1:
        raise invalid("clinician", "Several clinicians work in this room: say which one calls.")
    shift = here[0]
    if shift.paused_until is not None:
        raise conflict("paused", f"The clinician in {room.name} is paused. Resume first.")
    if shift.free_places < 1:
        raise conflict("room_full", f"All places in {room.name} are taken. Finish first.")
    return view, shift


def _call(
    session: Session,
    actor: Actor,
    now: datetime,
    view: QueueView,
    shift: ShiftView,
    chosen: Candidate,
    occurred_at: datetime | None,
    *,
    why: str = "",
) -> QueueEntry:
    when = _moment(now, occurred_at, chosen)
    called = summon(session, actor, now, shift, chosen.entry_id, when, why)
    for other in _party_fellows(session, called, view):
        if why_not(other, shift, view.shifts, now, view.rules) is None:
            when = _moment(now, occurred_at, other)
            summon(session, actor, now, shift, other.entry_id, when, "party")
    return called


def _moment(now: datetime, occurred_at: datetime | None, who: Candidate) -> datetime:
    """When they were called; with the clock set back since they came, no wait is negative."""
    return happened(now, occurred_at) if occurred_at else happened(now, None, who.arrived_at)


def _party_fellows(session: Session, entry: QueueEntry, view: QueueView) -> list[Candidate]:
    if entry.visit.party_id is None:
        return []
    party = session.get_one(Party, entry.visit.party_id)
    if not party.called_together:
        return []
    fellows = set(session.scalars(sa.select(Visit.id).where(Visit.party_id == party.id)))
    if not view.is_whole:
        view = load_queue(session, session.get_one(Site, view.site_id), view.now)
    return [
        c
        for c in view.line
        if c.visit_id in fellows and c.entry_id != entry.id and c.service_id == entry.service_id
    ]

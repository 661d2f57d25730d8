"""Entries: taking a ticket, and everything done to a wait afterwards."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from queueapp.actions import arrivals, calls, order, presence, service
from queueapp.actions import undo as undoing
from queueapp.actions.arrivals import Newcomer
from queueapp.actions.entries import lock_entry
from queueapp.db.models import QueueEntry
from queueapp.db.queries.queue import load_queue
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import EntryState, Presence, wrong_state
from queueapp.web.api.answers import EntryOut, SentOn, TicketOut
from queueapp.web.api.bodies import (
    Finish,
    Leave,
    Move,
    Nothing,
    SetAside,
    StepOut,
    TakeTicket,
    Transfer,
    Verb,
)
from queueapp.web.api.fields import instant
from queueapp.web.api.lookups import class_of, service_of, site_row, wish_for
from queueapp.web.api.table import CLINICIAN, RECEPTIONIST, STAFF, Ask, Call

Answer = tuple[int, EntryOut]


def take_ticket(ask: Ask) -> tuple[int, TicketOut]:
    """A walk-in takes a ticket, here or from afar, and is told a range."""
    assert ask.site is not None
    body, site = ask.body, ask.site
    wanted = service_of(ask.session, site, body.service)
    newcomer = Newcomer(name=body.name, phone=body.phone)
    entry = arrivals.take_ticket(
        ask.session,
        ask.actor,
        ask.now,
        site_id=site.id,
        service_id=wanted.id,
        entry_class=class_of(ask.session, wanted, body.entry_class),
        newcomer=newcomer if newcomer != Newcomer() else None,
        wish=wish_for(ask.session, site, body.preferred_clinician, body.only_preferred),
        presence=body.presence,
        come_by=_moment(ask, body.come_by),
        discreet=body.discreet,
        occurred_at=_when(ask),
    )
    return 201, TicketOut.of(entry)


def recall(ask: Ask, entry_id: int) -> Answer:
    """Call again the one who stands called."""
    calls.recall(ask.session, ask.actor, ask.now, entry_id=entry_id, occurred_at=_when(ask))
    return _entry(ask, entry_id)


def start(ask: Ask, entry_id: int) -> Answer:
    """The called person has come in; care begins."""
    started = service.start(
        ask.session, ask.actor, ask.now, entry_id=entry_id, occurred_at=_when(ask)
    )
    return 200, EntryOut.of(started)


def finish(ask: Ask, entry_id: int) -> Answer:
    """Care has ended: on to the visit's next planned step, else the visit ends."""
    finished = service.finish(
        ask.session,
        ask.actor,
        ask.now,
        entry_id=entry_id,
        resolution=ask.body.resolution,
        occurred_at=_when(ask),
    )
    return 200, EntryOut.of(finished)


def did_not_answer(ask: Ask, entry_id: int) -> Answer:
    """Nobody came: passed over for a while, the place kept."""
    calls.did_not_answer(ask.session, ask.actor, ask.now, entry_id=entry_id, occurred_at=_when(ask))
    return _entry(ask, entry_id)


def transfer(ask: Ask, entry_id: int) -> tuple[int, SentOn]:
    """Pass the person on to a service: this wait ends, the next one opens."""
    assert ask.site is not None
    body = ask.body
    opened = service.transfer(
        ask.session,
        ask.actor,
        ask.now,
        entry_id=entry_id,
        service_id=service_of(ask.session, ask.site, body.service).id,
        wish=wish_for(ask.session, ask.site, body.preferred_clinician, body.only_preferred),
        booked_for=_moment(ask, body.booked_for),
        note_text=body.note,
        occurred_at=_when(ask),
    )
    return _sent_on(ask, entry_id, opened)


def set_aside(ask: Ask, entry_id: int) -> tuple[int, SentOn]:
    """Out of the room without ending (sample, drops, result), then back to the same clinician."""
    assert ask.site is not None
    body = ask.body
    then = body.then_service
    opened = service.set_aside(
        ask.session,
        ask.actor,
        ask.now,
        entry_id=entry_id,
        then_service_id=then and service_of(ask.session, ask.site, then, field="then_service").id,
        ready_at=_moment(ask, body.ready_at),
        note_text=body.note,
        occurred_at=_when(ask),
    )
    return _sent_on(ask, entry_id, opened)


def leave(ask: Ask, entry_id: int) -> Answer:
    """Go without being seen: all the visit's waits end."""
    presence.leave(
        ask.session,
        ask.actor,
        ask.now,
        entry_id=entry_id,
        why=ask.body.reason,
        occurred_at=_when(ask),
    )
    return _entry(ask, entry_id)


def step_out(ask: Ask, entry_id: int) -> Answer:
    """Go out for a while; the place is kept."""
    presence.step_out(
        ask.session,
        ask.actor,
        ask.now,
        visit_id=lock_entry(ask.session, entry_id).visit_id,
        back_by=_moment(ask, ask.body.back_by),
        occurred_at=_when(ask),
    )
    return _entry(ask, entry_id)


def come_back(ask: Ask, entry_id: int) -> Answer:
    """Be here: back after stepping out, arrived after joining from afar, or found after a call
    that nobody answered."""
    entry = lock_entry(ask.session, entry_id)
    visit, session = entry.visit, ask.session
    if visit.presence is Presence.ON_THE_WAY:
        arrivals.arrive(session, ask.actor, ask.now, visit_id=visit.id, occurred_at=_when(ask))
    elif visit.presence is Presence.UNCONFIRMED or entry.passed_over_until is not None:
        calls.restore(session, ask.actor, ask.now, entry_id=entry_id)
    else:
        presence.come_back(session, ask.actor, ask.now, visit_id=visit.id, occurred_at=_when(ask))
    return _entry(ask, entry_id)


def move(ask: Ask, entry_id: int) -> Answer:
    """Change a person's turn, with a reason; `due_by` stays."""
    before = ask.body.before
    order.move(
        ask.session,
        ask.actor,
        ask.now,
        entry_id=entry_id,
        before_id=before if before is not None else _first_of_line(ask, entry_id),
        reason=ask.body.reason,
    )
    return _entry(ask, entry_id)


def undo(ask: Ask, entry_id: int) -> Answer:
    """Take back the last thing done to the entry, while nothing has built on it."""
    undoing.undo_last(ask.session, ask.actor, ask.now, entry_id=entry_id)
    return _entry(ask, entry_id)


def _first_of_line(ask: Ask, entry_id: int) -> int:
    assert ask.site is not None
    entry = lock_entry(ask.session, entry_id)
    if entry.state is not EntryState.WAITING:
        raise wrong_state(entry.visit.ticket, entry.state)
    line = load_queue(ask.session, site_row(ask.session, ask.site), ask.now).line
    first = next(one for one in line if one.band == entry.band)
    if first.entry_id == entry_id:
        raise conflict("first_already", f"{entry.visit.ticket} is the first of the line already.")
    return first.entry_id


def _when(ask: Ask) -> datetime | None:
    return _moment(ask, ask.body.occurred_at)


def _moment(ask: Ask, value: datetime | None) -> Any:
    assert ask.site is not None
    return None if value is None else instant(ask.site.timezone, value)


def _row(ask: Ask, entry_id: int) -> QueueEntry:
    """The entry as it is after what was done, whatever wrote it."""
    ask.session.flush()
    return ask.session.scalars(
        sa.select(QueueEntry)
        .where(QueueEntry.id == entry_id)
        .execution_options(populate_existing=True)
    ).one()


def _entry(ask: Ask, entry_id: int) -> Answer:
    return 200, EntryOut.of(_row(ask, entry_id))


def _sent_on(ask: Ask, entry_id: int, opened: QueueEntry) -> tuple[int, SentOn]:
    return 200, SentOn.to(_row(ask, entry_id), _row(ask, opened.id))


_STATE = "The entry is not in a state that allows this (`wrong_state`; `details.state` says which)"


def _verb(
    name: str, view: Any, parts: tuple[str, ...], body: Any, more: str = "", answer: Any = EntryOut
) -> Call:
    return Call(
        "POST", f"/entries/{{entry_id}}/{name}", view, parts, {200: answer}, body, None,
        conflicts=_STATE + (f", or {more}." if more else "."),
    )  # fmt: skip


CALLS = (
    Call(
        "POST",
        "/sites/{site}/entries",
        take_ticket,
        (RECEPTIONIST,),
        {201: TicketOut},
        TakeTicket,
        conflicts="No ticket is given now: `closed`, `intake_ended` or `waiting_limit`.",
        links=True,
    ),
    _verb("recall", recall, STAFF, Verb),
    _verb("start", start, (CLINICIAN,), Verb),
    _verb("finish", finish, (CLINICIAN,), Finish),
    _verb(
        "did-not-answer", did_not_answer, STAFF, Verb,
        "a chosen way of calling was not tried yet (`routes_left`)",
    ),
    _verb("transfer", transfer, STAFF, Transfer, answer=SentOn),
    _verb("leave", leave, STAFF, Leave, "the visit has ended (`departed`)"),
    _verb("step-out", step_out, STAFF, StepOut, "the person is not here (`not_here`)"),
    _verb("return", come_back, STAFF, Verb, "the person has not stepped out (`not_out`)"),
    _verb("set-aside", set_aside, (CLINICIAN,), SetAside, answer=SentOn),
    _verb("move", move, STAFF, Move, "the two are in different bands (`other_band`)"),
    _verb("undo", undo, STAFF, Nothing, "there is nothing left to undo"),
)  # fmt: skip

"""Where the person is: stepping out and back, and leaving without being seen."""

import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import desk_items
from queueapp.actions.base import happened, image, note, open_entries
from queueapp.actions.entries import (
    be_here,
    change_state,
    end_call,
    end_moves,
    lock_visit,
    must_be_open,
)
from queueapp.db.models import QueueEntry, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import Refused, conflict, invalid, not_found
from queueapp.domain.visit import CallOutcome, EntryState, Presence, wrong_state

_CODE = re.compile(r"[a-z][a-z_]{0,39}")
_LEAVABLE = (EntryState.WAITING, EntryState.CALLED)


def step_out(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    visit_id: int,
    back_by: datetime,
    occurred_at: datetime | None = None,
) -> Visit:
    """Go out for a while; the place is kept.

    Raises Refused: `back_by` not in the future, the person not here, called or with a clinician.
    """
    visit = lock_visit(session, visit_id)
    must_be_open(visit)
    when = happened(now, occurred_at, visit.here_at)
    if back_by <= now:
        raise invalid("back_by", "Give a time later than now.")
    if visit.presence is not Presence.HERE:
        raise _not_here(visit)
    entries = open_entries(session, visit)
    for entry in entries:
        if entry.state is not EntryState.WAITING:
            raise wrong_state(visit.ticket, entry.state)
    if not entries:
        raise conflict("not_waiting", f"{visit.ticket} is not waiting for anything.")
    before = image(visit, *entries)
    for entry in entries:
        change_state(session, entry, [EntryState.WAITING], stepped_out_at=when)
    visit.presence, visit.back_by = Presence.OUT, back_by
    note(
        session,
        actor,
        now,
        Kind.STEPPED_OUT,
        site_id=visit.site_id,
        occurred_at=when,
        entry=entries[0],
        from_state=EntryState.WAITING,
        data={"back_by": back_by.isoformat()},
        before=before,
    )
    return visit


def come_back(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    visit_id: int,
    occurred_at: datetime | None = None,
) -> Visit:
    """Be here again after stepping out. Raises Refused (conflict) when the person is not out."""
    visit = lock_visit(session, visit_id)
    must_be_open(visit)
    if visit.presence is not Presence.OUT:
        raise conflict("not_out", f"{visit.ticket} has not stepped out.")
    entries = open_entries(session, visit)
    when = happened(now, occurred_at, *(e.stepped_out_at for e in entries))
    before = image(visit, *entries)
    be_here(visit, entries, when)
    session.flush()
    note(
        session,
        actor,
        now,
        Kind.RETURNED,
        site_id=visit.site_id,
        occurred_at=when,
        entry=entries[0] if entries else None,
        visit_id=visit.id,
        from_state=entries[0].state if entries else "",
        before=before,
    )
    overdue = desk_items.ItemKind.OVERDUE_BACK
    for entry in entries:
        desk_items.close_for_entry(
            session, actor, now, entry_id=entry.id, kind=overdue, outcome="here"
        )
    return visit


def leave(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    visit_id: int | None = None,
    entry_id: int | None = None,
    why: str = "",
    occurred_at: datetime | None = None,
) -> Visit:
    """Go without being seen: all the visit's waits end and the visit departs.

    `why` is a code such as `waited_too_long`; other words are kept with the wait, not in the
    record that outlives the patient's details. A booked time stays checked in: it was not missed.
    Raises Refused (conflict) when someone of the visit is with a clinician or it has ended.
    """
    visit = lock_visit(session, _visit_of(session, visit_id, entry_id))
    must_be_open(visit)
    entries = open_entries(session, visit)
    for entry in entries:
        if entry.state not in _LEAVABLE:
            raise wrong_state(visit.ticket, entry.state)
    when = happened(now, occurred_at, visit.arrived_at, *(e.called_at for e in entries))
    is_code = _CODE.fullmatch(why) is not None
    if len(why) > 300:
        raise invalid("reason", "Give a reason of at most 300 characters.")
    before = image(visit, *entries)
    was = [entry.state for entry in entries]
    be_here(visit, entries, when)
    visit.departed_at = when
    if why and not is_code:
        for entry in entries:
            entry.note = why
    session.flush()
    ended: dict[str, Any] = {"ended_call": None, "ended_moves": []}
    for entry in entries:
        change_state(session, entry, _LEAVABLE, state=EntryState.LEFT, ended_at=when)
        call_id = end_call(session, entry, CallOutcome.DID_NOT_ANSWER, when)
        ended["ended_call"] = call_id or ended["ended_call"]
        ended["ended_moves"] += end_moves(session, entry, when)
    # One fact per wait, for the figures; the first puts all of them back.
    for n, left in enumerate(entries or [None]):
        note(
            session,
            actor,
            now,
            Kind.LEFT,
            site_id=visit.site_id,
            occurred_at=when,
            entry=left,
            visit_id=visit.id,
            from_state=was[n] if left else "",
            why=why if is_code else ("in_words" if why else ""),
            data=ended if n == 0 else None,
            before=before if n == 0 else None,
        )
    for left in entries:
        desk_items.close_for_entry(session, actor, now, entry_id=left.id, outcome="left")
    return visit


def _visit_of(session: Session, visit_id: int | None, entry_id: int | None) -> int:
    if visit_id is not None:
        return visit_id
    found = session.scalar(sa.select(QueueEntry.visit_id).where(QueueEntry.id == entry_id))
    if found is None:
        raise not_found("The ticket")
    return found


def _not_here(visit: Visit) -> Refused:
    words = {
        Presence.ON_THE_WAY: "is still on the way",
        Presence.OUT: "has stepped out already",
        Presence.UNCONFIRMED: "was called and did not come",
    }
    return conflict("not_here", f"{visit.ticket} {words[visit.presence]}.")

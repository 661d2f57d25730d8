"""What happens in the room: starting, finishing, sending on, and putting a wrong start right."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import calls, desk_items
from queueapp.actions.base import happened, image, note
from queueapp.actions.entries import (
    be_here,
    change_state,
    end_call,
    end_moves,
    first_standing_call,
    kept_appointments,
    lock_entry,
)
from queueapp.actions.legs import NO_WISH, Wish
from queueapp.actions.plan import NextStep, open_step, pending_step, put_first
from queueapp.db.models import Call, QueueEntry
from queueapp.db.statement import Statement
from queueapp.db.writing import change_now
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import invalid
from queueapp.domain.visit import (
    IN_ROOM_STATES,
    OPEN_STATES,
    AppointmentState,
    CallOutcome,
    EntryClass,
    EntryState,
    PreferenceKind,
    Resolution,
)

_OTHERS = Statement(
    sa.select(sa.func.count(QueueEntry.id)).where(
        QueueEntry.visit_id == sa.bindparam("visit"),
        QueueEntry.id != sa.bindparam("entry"),
        QueueEntry.state.in_(OPEN_STATES),
    )
)


def start(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """The called person has come in: the call is answered, care begins.

    Raises Refused (conflict) unless the entry has been called.
    """
    entry = lock_entry(session, entry_id)
    visit = entry.visit
    when = happened(now, occurred_at, entry.called_at)
    before = image(entry, visit)
    be_here(visit, [entry], when)
    change_state(session, entry, [EntryState.CALLED], state=EntryState.IN_SERVICE, started_at=when)
    data = {"ended_call": end_call(session, entry, CallOutcome.ANSWERED, when)}
    _note(session, actor, now, Kind.STARTED, entry, when, EntryState.CALLED, data, before)
    desk_items.close_for_entry(session, actor, now, entry_id=entry.id, outcome="came")
    return entry


def finish(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    resolution: Resolution | None = None,
    next_step: NextStep | None = None,
    occurred_at: datetime | None = None,
    end_unknown: bool = False,
) -> QueueEntry:
    """Care has ended: on to `next_step` or the visit's plan, else the visit departs.

    `resolution` None is "not said", never a guess. With `end_unknown` nobody knows when: its length
    teaches nothing. Raises Refused (conflict) unless in service.
    """
    entry = lock_entry(session, entry_id)
    visit = entry.visit
    when = happened(now, occurred_at, entry.started_at)
    step = next_step or pending_step(session, visit.id)
    departs = step is None and not _waits_on(session, entry)
    kept = kept_appointments(session, entry, last=departs)
    before = image(entry, visit, *kept)
    change_state(
        session,
        entry,
        [EntryState.IN_SERVICE],
        state=EntryState.FINISHED,
        ended_at=when,
        end_unknown=end_unknown,
    )
    for appointment in kept:
        appointment.state = AppointmentState.FULFILLED
    change_now(
        session,
        visit,
        resolution=resolution or visit.resolution,
        departed_at=when if departs else None,
    )
    data: dict[str, Any] = {"ended_moves": end_moves(session, entry, when), "opened": None}
    if step is not None:
        data["opened"] = open_step(session, now, last_leg=entry, step=step, when=when).id
    why = str(resolution or "")
    _note(session, actor, now, Kind.FINISHED, entry, when, EntryState.IN_SERVICE, data, before, why)
    return entry


def finish_and_call_next(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    room_id: int,
    resolution: Resolution | None = None,
    next_step: NextStep | None = None,
) -> tuple[QueueEntry, QueueEntry | None]:
    """Finish, and call the next one into the room, as one action: both or neither.

    Returns the finished entry and the called one, None when nobody may be called.
    """
    clinician_id = lock_entry(session, entry_id).clinician_id
    finished = finish(
        session, actor, now, entry_id=entry_id, resolution=resolution, next_step=next_step
    )
    called = calls.call_next(session, actor, now, room_id=room_id, clinician_id=clinician_id)
    return finished, called


def transfer(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    service_id: int,
    wish: Wish = NO_WISH,
    booked_for: datetime | None = None,
    note_text: str = "",
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """Pass the person on to a service: this wait ends as it was, the next one opens.

    Who was an emergency and not seen yet stays one. Returns the new entry. Raises Refused:
    conflict when the wait has ended, invalid `service`, `note` or `preferred_clinician`.
    """
    entry = lock_entry(session, entry_id)
    unseen = entry.state is not EntryState.IN_SERVICE
    step = NextStep(
        service_id,
        wish,
        booked_for,
        note_text,
        emergency=unseen and entry.entry_class == EntryClass.EMERGENCY,
    )
    return _send_on(session, actor, now, Kind.TRANSFERRED, entry, step, occurred_at)


def set_aside(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    then_service_id: int | None = None,
    ready_at: datetime | None = None,
    note_text: str = "",
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """Out of the room without ending (sample, drops, result), then back to the same clinician.

    With `then_service_id` (the sample) that comes first and the way back is planned; else the
    way back opens now and nobody calls before `ready_at`. Returns the entry that was opened.
    Raises Refused (conflict) unless in service.
    """
    entry = lock_entry(session, entry_id)
    if ready_at is not None and then_service_id is not None:
        raise invalid("ready_at", "Leave this empty: the other service decides when.")
    if ready_at is not None and ready_at <= now:
        raise invalid("ready_at", "Give a time later than now.")
    back = NextStep(
        entry.service_id,
        Wish(PreferenceKind.ONLY, entry.clinician_id),
        note=note_text,
        reason_id=entry.reason_id,
        not_before=ready_at,
        retired_too=True,
    )
    if then_service_id is None:
        return _send_on(session, actor, now, Kind.SET_ASIDE, entry, back, occurred_at)
    first = NextStep(then_service_id, note=note_text)
    return _send_on(session, actor, now, Kind.SET_ASIDE, entry, first, occurred_at, then=back)


def wrong_person(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """It is somebody else: the entry waits again in its place, its call is withdrawn.

    The clinician can then call the right one. Raises Refused (conflict) unless called or in
    service.
    """
    entry = lock_entry(session, entry_id)
    when = happened(now, occurred_at, entry.started_at or entry.called_at)
    before, was, room_id = image(entry), entry.state, entry.room_id
    call = session.scalars(
        sa.select(Call).where(Call.entry_id == entry.id).order_by(Call.id.desc()).limit(1)
    ).one_or_none()
    change_state(session, entry, IN_ROOM_STATES, **_waiting_again(session, entry, call, when))
    data = {"withdrawn_call": call.id if call else None, "room": room_id}
    _note(session, actor, now, Kind.WRONG_PERSON, entry, when, was, data, before, room_id=room_id)
    return entry


def _waits_on(session: Session, entry: QueueEntry) -> bool:
    """Whether the visit waits, or is seen, elsewhere too."""
    session.flush()
    return bool(_OTHERS.scalar(session, {"visit": entry.visit_id, "entry": entry.id}))


def _waiting_again(
    session: Session, entry: QueueEntry, call: Call | None, when: datetime
) -> dict[str, Any]:
    if call is not None:
        call.outcome, call.ended_at = CallOutcome.WITHDRAWN, call.ended_at or when
        session.flush()
    return {
        "state": EntryState.WAITING,
        "started_at": None,
        "still_in_at": None,
        "called_at": first_standing_call(session, entry),
        "room_id": None,
        "shift_id": None,
        "clinician_id": None,
    }


def _send_on(
    session: Session,
    actor: Actor,
    now: datetime,
    kind: Kind,
    entry: QueueEntry,
    step: NextStep,
    occurred_at: datetime | None,
    then: NextStep | None = None,
) -> QueueEntry:
    allowed = OPEN_STATES if kind is Kind.TRANSFERRED else {EntryState.IN_SERVICE}
    visit = entry.visit
    began = entry.started_at or entry.called_at or entry.arrived_at
    when = happened(now, occurred_at, began)
    before, was = image(entry, visit), entry.state
    change_state(session, entry, allowed, state=EntryState.TRANSFERRED, ended_at=when)
    data: dict[str, Any] = {
        "ended_call": end_call(session, entry, CallOutcome.WITHDRAWN, when),
        "ended_moves": end_moves(session, entry, when),
    }
    if was is EntryState.CALLED:
        entry.called_at = first_standing_call(session, entry)
        entry.room_id = entry.shift_id = entry.clinician_id = None
    opened = open_step(session, now, last_leg=entry, step=step, when=when)
    if entry.stepped_out_at is not None:  # whoever is out stays out for the next wait
        opened.stepped_out_at = when
        entry.stepped_out += max(when - entry.stepped_out_at, timedelta(0))
        entry.stepped_out_at = None
    data |= {"opened": opened.id}
    if then is not None:
        data |= {"planned": put_first(session, visit.id, then).id}
    session.flush()
    _note(session, actor, now, kind, entry, when, was, data, before)
    desk_items.close_for_entry(session, actor, now, entry_id=entry.id, outcome="passed_on")
    return opened


def _note(
    session: Session,
    actor: Actor,
    now: datetime,
    kind: Kind,
    entry: QueueEntry,
    when: datetime,
    was: EntryState,
    data: Mapping[str, Any],
    before: Mapping[str, Any],
    why: str = "",
    room_id: int | None = None,
) -> None:
    note(
        session,
        actor,
        now,
        kind,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        shift_id=entry.shift_id,
        room_id=room_id,
        from_state=was,
        why=why,
        data=data,
        before=before,
    )

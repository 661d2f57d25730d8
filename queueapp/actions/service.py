"""What happens in the room: starting, finishing, sending on."""

from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions.base import get_entry, get_visit, happened, image, note, open_entries
from queueapp.actions.entries import (
    be_here,
    change_state,
    end_call,
    end_moves,
    kept_appointments,
)
from queueapp.actions.plan import NextStep, open_step, pending_step
from queueapp.db.models import QueueEntry
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.visit import AppointmentState, CallOutcome, EntryState, Resolution


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
    entry = get_entry(session, entry_id)
    visit = get_visit(session, entry.visit_id)
    when = happened(now, occurred_at, entry.called_at)
    before = image(entry, visit)
    be_here(visit, [entry], when)
    session.flush()
    change_state(session, entry, [EntryState.CALLED], state=EntryState.IN_SERVICE, started_at=when)
    call_id = end_call(session, entry, CallOutcome.ANSWERED, when)
    note(
        session,
        actor,
        now,
        Kind.STARTED,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        shift_id=entry.shift_id,
        from_state=EntryState.CALLED,
        data={"ended_call": call_id},
        before=before,
    )
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
) -> QueueEntry:
    """Care has ended: on to `next_step` or the visit's plan, else the visit departs.

    `resolution` None is "not said", never a guess. Raises Refused (conflict) unless in service.
    """
    entry = get_entry(session, entry_id)
    visit = get_visit(session, entry.visit_id)
    when = happened(now, occurred_at, entry.started_at)
    others = [e for e in open_entries(session, visit) if e.id != entry.id]
    step = next_step or pending_step(session, visit.id)
    departs = step is None and not others
    kept = kept_appointments(session, entry, last=departs)
    before = image(entry, visit, *kept)
    change_state(
        session,
        entry,
        [EntryState.IN_SERVICE],
        state=EntryState.FINISHED,
        ended_at=when,
        end_unknown=False,
    )
    for appointment in kept:
        appointment.state = AppointmentState.FULFILLED
    if resolution is not None:
        visit.resolution = resolution
    if departs:
        visit.departed_at = when
    moves = end_moves(session, entry, when)
    opened = open_step(session, now, last_leg=entry, step=step, when=when) if step else None
    note(
        session,
        actor,
        now,
        Kind.FINISHED,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        shift_id=entry.shift_id,
        from_state=EntryState.IN_SERVICE,
        why=str(resolution or ""),
        data={"opened": opened.id if opened else None, "ended_moves": moves},
        before=before,
    )
    return entry

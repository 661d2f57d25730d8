"""Buttons pressed late or never: when to ask about them, and what the one tap answers."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from queueapp.actions import service
from queueapp.actions.base import happened, image, note
from queueapp.actions.entries import change_state, lock_entry
from queueapp.actions.learning import usual_lengths
from queueapp.actions.plan import NextStep
from queueapp.db.models import QueueEntry, Site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import CALL_BELIEVED, EntryState, Resolution
from queueapp.waits.durations import Durations

# How many minutes ago a visit may be said to have ended, in one tap.
ENDED_AGO = (10, 30)


def asked_at(session: Session, site: Site, entry: QueueEntry) -> datetime | None:
    """From when on to ask whether a press was forgotten; None while nobody is in a room.

    Of one called: whether they came in. Of one in care: whether they are still there.
    """
    if entry.state is EntryState.CALLED:
        called_at = max((c.called_at for c in entry.calls), default=entry.called_at)
        return called_at + CALL_BELIEVED if called_at else None
    if entry.state is not EntryState.IN_SERVICE or entry.started_at is None:
        return None
    return entry.started_at + _plausible(usual_lengths(session, site), entry)


def still_in(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
) -> QueueEntry:
    """The clinician says that the person is still in the room; asked again after a while.

    Raises Refused (conflict) unless in service.
    """
    entry = lock_entry(session, entry_id)
    when = happened(now, None, entry.started_at)
    before = image(entry)
    change_state(session, entry, [EntryState.IN_SERVICE], still_in_at=when)
    note(
        session,
        actor,
        now,
        Kind.STILL_IN,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        from_state=EntryState.IN_SERVICE,
        before=before,
    )
    return entry


def finish_late(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    ago: timedelta | None,
    resolution: Resolution | None = None,
    next_step: NextStep | None = None,
) -> QueueEntry:
    """Care ended so long `ago`; None where nobody knows when, so that it teaches no length.

    Raises Refused: conflict unless in service, invalid `ago` for a moment before the start.
    """
    entry = lock_entry(session, entry_id)
    when = now - (ago or timedelta(0))
    if ago and entry.started_at is not None and when < entry.started_at:
        raise conflict("not_started", f"{entry.visit.ticket} was not in the room so long ago.")
    return service.finish(
        session,
        actor,
        now,
        entry_id=entry.id,
        resolution=resolution,
        next_step=next_step,
        occurred_at=when,
        end_unknown=ago is None,
    )


def start_late(session: Session, actor: Actor, now: datetime, *, entry_id: int) -> QueueEntry:
    """The called person came in soon after the last call, as people do; nobody pressed it then.

    Raises Refused (conflict) unless called.
    """
    entry = lock_entry(session, entry_id)
    called_at = max((c.called_at for c in entry.calls), default=entry.called_at)
    lengths = usual_lengths(session, entry.service.site)
    walk = timedelta(seconds=float(lengths.walk[len(lengths.walk) // 2]))
    came = min(called_at + walk, now) if called_at else None
    return service.start(session, actor, now, entry_id=entry.id, occurred_at=came)


def _plausible(lengths: Durations, entry: QueueEntry) -> timedelta:
    assert entry.started_at is not None
    known = (entry.still_in_at or entry.started_at) - entry.started_at
    return timedelta(
        seconds=lengths.plausible_s(
            entry.service_id, entry.reason_id, entry.clinician_id, known.total_seconds()
        )
    )

"""A wait that the closing of the clinic ends."""

from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions import base, desk_items
from queueapp.actions.desk_items import ItemKind
from queueapp.actions.entries import be_here, change_state, end_call, end_moves
from queueapp.db.models import QueueEntry
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.visit import OPEN_STATES, CallOutcome, EntryState


def not_reached(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry: QueueEntry,
    when: datetime,
    unsure: bool = False,
) -> None:
    """End the wait as not reached, and the visit with its last wait; the caller holds the site.

    Who was with a clinician may have been seen to the end: that is an unknown end, never a
    finish, and so is a call nobody followed up (`unsure`). The desk is asked.
    """
    visit = base.get_visit(session, entry.visit_id)
    was = entry.state
    unknown = was is EntryState.IN_SERVICE or (unsure and was is EntryState.CALLED)
    before = base.image(entry, visit)
    be_here(visit, [entry], max(when, entry.stepped_out_at or when))
    session.flush()
    change_state(
        session,
        entry,
        OPEN_STATES,
        state=EntryState.NOT_REACHED,
        ended_at=when,
        end_unknown=unknown,
        passed_over_until=None,
    )
    call_id = end_call(session, entry, CallOutcome.DID_NOT_ANSWER, when)
    ended_moves = end_moves(session, entry, when)
    if not base.open_entries(session, visit):
        visit.departed_at = when
    desk_items.close_for_entry(session, actor, now, entry_id=entry.id, outcome="closing")
    base.note(
        session,
        actor,
        now,
        Kind.NOT_REACHED,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        from_state=was,
        why="end_unknown" if unknown else "",
        data={"ended_call": call_id, "ended_moves": ended_moves},
        before=before,
    )
    if unknown:
        desk_items.open_item(
            session,
            actor,
            now,
            site_id=entry.site_id,
            kind=ItemKind.END_UNKNOWN,
            entry_id=entry.id,
            visit_id=visit.id,
        )

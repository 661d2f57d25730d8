"""Changing somebody's turn: a move with its reason, another class, another wish."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.alarms import end_alarm, raise_alarm
from queueapp.actions.base import get_entry, happened, image, note
from queueapp.actions.entries import change_state, lock_entry
from queueapp.actions.legs import Wish, check_class, check_wish, due_for
from queueapp.db.models import OrderMove, QueueEntry, Service, Site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, invalid
from queueapp.domain.targets import Due
from queueapp.domain.visit import EntryClass, EntryState, PreferenceKind, wrong_state


def move(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    before_id: int,
    reason: str,
) -> OrderMove:
    """Put an entry directly before another for as long as that one waits; `due_by` stays.

    Raises Refused: invalid `reason` or `before`; conflict unless both wait, in the same band.
    """
    entry = lock_entry(session, entry_id)
    reason = reason.strip()
    if not 0 < len(reason) <= 200:
        raise invalid("reason", "Give a reason, in at most 200 characters.")
    if before_id == entry_id:
        raise invalid("before", "Choose somebody else to go before.")
    anchor = get_entry(session, before_id)
    if anchor.site_id != entry.site_id:
        raise invalid("before", "Choose somebody who waits at this clinic.")
    for one in (entry, anchor):
        if one.state is not EntryState.WAITING:
            raise wrong_state(one.visit.ticket, one.state)
    if entry.band != anchor.band:
        raise conflict(
            "other_band",
            f"{entry.visit.ticket} and {anchor.visit.ticket} cannot change places: "
            "emergencies are called before everyone else.",
        )
    before = image(entry)
    ended = _end_move_of(session, entry, now)
    made = OrderMove(
        entry_id=entry.id,
        before_id=anchor.id,
        reason=reason,
        moved_by=actor.key,
        made_at=now,
    )
    session.add(made)
    session.flush()
    note(
        session,
        actor,
        now,
        Kind.MOVED,
        site_id=entry.site_id,
        entry=entry,
        from_state=entry.state,
        data={"move": made.id, "before": anchor.id, "ended_moves": ended},
        before=before,
    )
    return made


def change_class(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    entry_id: int,
    entry_class: str,
    why: str = "",
    occurred_at: datetime | None = None,
) -> QueueEntry:
    """Give an entry another class, with that class's band and target.

    Urgent counts from now, all others from where the wait began; raising to urgent never makes
    the entry due later than it was; an emergency alarms desk and rooms. `why` is a code.
    Raises Refused: invalid `class`; conflict unless waiting.
    """
    entry = lock_entry(session, entry_id)
    site = session.get_one(Site, entry.site_id)
    service = session.get_one(Service, entry.service_id)
    check_class(session, service, entry_class, also=_set_by_rules(entry))
    if len(why) > 60:
        raise invalid("reason", "Give a reason of at most 60 characters.")
    if entry.entry_class == entry_class:
        raise conflict("same_class", f"{entry.visit.ticket} already has this class.")
    when = happened(now, occurred_at, entry.arrived_at)
    due = _due(session, site, service, entry, entry_class, when)
    before = image(entry)
    # A move never changes these three, so they are no part of every image; here they are the point.
    was = {
        "reference_at": entry.reference_at.isoformat(),
        "target": round(entry.target.total_seconds()),
        "due_by": entry.due_by.isoformat(),
    }
    before["queue_entry"][str(entry.id)] |= was
    data = {"from": entry.entry_class, "to": entry_class, **was}
    change_state(
        session,
        entry,
        [EntryState.WAITING],
        entry_class=due.entry_class,
        band=due.band,
        reference_at=due.reference_at,
        target=due.target,
        due_by=due.due_by,
    )
    note(
        session,
        actor,
        now,
        Kind.CLASS_CHANGED,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        from_state=EntryState.WAITING,
        why=why,
        data=data,
        before=before,
    )
    if entry_class == EntryClass.EMERGENCY:
        raise_alarm(session, actor, now, entry=entry)
    else:
        end_alarm(session, actor, now, entry=entry)
    return entry


def change_preference(
    session: Session, actor: Actor, now: datetime, *, entry_id: int, wish: Wish
) -> QueueEntry:
    """Wish for another clinician, for some attribute, or for anyone.

    Raises Refused: invalid `preferred_clinician`; conflict unless waiting.
    """
    entry = lock_entry(session, entry_id)
    nobody = wish.kind is PreferenceKind.NONE
    check_wish(session, wish)
    data = {
        "from": entry.preference.value,
        "from_clinician": entry.wished_clinician_id,
        "to": wish.kind.value,
        "to_clinician": wish.clinician_id,
    }
    before = image(entry)
    change_state(
        session,
        entry,
        [EntryState.WAITING],
        preference=wish.kind,
        wished_clinician_id=None if nobody else wish.clinician_id,
        wished_attribute="" if nobody else wish.attribute,
    )
    note(
        session,
        actor,
        now,
        Kind.PREFERENCE_CHANGED,
        site_id=entry.site_id,
        entry=entry,
        from_state=EntryState.WAITING,
        data=data,
        before=before,
    )
    return entry


def _end_move_of(session: Session, entry: QueueEntry, now: datetime) -> list[int]:
    return list(
        session.scalars(
            sa.update(OrderMove)
            .where(OrderMove.entry_id == entry.id, OrderMove.ended_at.is_(None))
            .values(ended_at=now)
            .returning(OrderMove.id)
        )
    )


def _due(
    session: Session,
    site: Site,
    service: Service,
    entry: QueueEntry,
    entry_class: str,
    when: datetime,
) -> Due:
    if entry_class == EntryClass.URGENT:
        reference = min(when, entry.due_by)
        due = due_for(session, site, service, entry_class, reference)
        return Due(entry_class, reference, min(due.target, entry.due_by - reference))
    began = entry.arrived_at
    if entry_class == EntryClass.BOOKED and entry.scheduled_at is not None:
        began = entry.scheduled_at
    return due_for(session, site, service, entry_class, began)


def _set_by_rules(entry: QueueEntry) -> list[EntryClass]:
    """The classes only rules give that this wait had, or could have had, from the beginning."""
    booked = [EntryClass.BOOKED] if entry.scheduled_at is not None else []
    onward = [EntryClass.ONWARD] if entry.previous_id is not None else []
    return booked + onward

"""Taking back what was done by mistake, for as long as nothing has built on it."""

import itertools
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Enum
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from queueapp.actions import desk_items
from queueapp.actions.base import UNDOABLE_COLUMNS, note
from queueapp.actions.booking_messages import CONFIRMED, tell
from queueapp.actions.booking_rows import lock_owners
from queueapp.actions.undo_checks import (
    ARRIVALS,
    ITEMS,
    builds_on,
    check_not_moved_on,
    check_room,
    check_ticket,
)
from queueapp.actions.undo_links import put_back_links
from queueapp.db.models import Appointment, QueueEntry, Site, VisitEvent
from queueapp.db.queries.undone import not_undone
from queueapp.db.types import Seconds, UtcInstant
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, not_found
from queueapp.domain.visit import wrong_state

# Steps of somebody's turn: what "undo" of a row or of a program means.
STEPS = frozenset(
    {
        Kind.CALLED,
        Kind.DID_NOT_ANSWER,
        Kind.STARTED,
        Kind.STILL_IN,
        Kind.FINISHED,
        Kind.LEFT,
        Kind.NO_SHOW,
        Kind.BOOKING_CANCELLED,
        Kind.TRANSFERRED,
        Kind.SET_ASIDE,
        Kind.MOVED,
        Kind.WRONG_PERSON,
        Kind.STEPPED_OUT,
        Kind.CLASS_CHANGED,
        Kind.PREFERENCE_CHANGED,
        Kind.ARRIVED,
        Kind.RETURNED,
        Kind.RESTORED,
    }
)
UNDOABLE = (
    STEPS
    | ARRIVALS
    | {Kind.BOOKED, Kind.BOOKING_MOVED}
    | {Kind.NOTE_WRITTEN, Kind.NOTE_REMOVED, Kind.DETAILS_CHANGED}
    | ITEMS
)
_MODELS = {model.__tablename__: model for model in UNDOABLE_COLUMNS}


def undo(session: Session, actor: Actor, now: datetime, *, event_id: int) -> VisitEvent:
    """Put back what the fact changed; returns the fact that was undone.

    Raises Refused (conflict), in words: not a fact that can be undone, undone already, too long
    ago, or the world has moved on (a later step, the room or the time given to somebody else).
    """
    event = session.get(VisitEvent, event_id)
    if event is None:
        raise not_found("What you want to undo")
    rules = _lock(session, event).rules
    if event.kind not in UNDOABLE or not event.before:
        raise conflict("not_undoable", "This cannot be undone.")
    if session.scalar(sa.select(VisitEvent.id).where(VisitEvent.undoes_id == event.id)):
        raise conflict("already_undone", "This was already undone.")
    age, window = now - event.recorded_at, rules.undo_window
    if age > window:
        raise conflict(
            "too_long_ago",
            f"That was {_minutes(age)} ago; it can be undone for {_minutes(window)}.",
        )
    check_not_moved_on(session, event)
    _check_state(session, event)
    check_room(session, event)
    check_ticket(session, event)
    try:
        with session.begin_nested():
            _put_back(session, event)
    except IntegrityError:
        what = (
            "desk has been asked again"
            if event.kind in ITEMS
            else "time has been given to somebody else"
        )
        raise conflict("taken", f"The {what} since.") from None
    put_back_links(session, event, now)
    if event.kind == Kind.BOOKING_CANCELLED and event.appointment_id is not None:
        tell(session, now, session.get_one(Appointment, event.appointment_id), CONFIRMED)
    _note_undone(session, actor, now, event)
    _settle_desk(session, actor, now, event)
    return event


def undo_last(session: Session, actor: Actor, now: datetime, *, entry_id: int) -> VisitEvent:
    """Undo the newest fact of the entry that can be undone. Raises Refused as `undo` does."""
    if session.get(QueueEntry, entry_id) is None:
        raise not_found("The ticket")
    event = last_undoable(session, entry_id)
    if event is None:
        raise conflict("nothing_to_undo", "There is nothing to undo.")
    return undo(session, actor, now, event_id=event.id)


def last_undoable(session: Session, entry_id: int) -> VisitEvent | None:
    """The newest fact of the entry that is of an undoable kind and not undone yet."""
    events = session.scalars(
        sa.select(VisitEvent)
        .where(
            VisitEvent.entry_id == entry_id,
            VisitEvent.kind.in_([kind.value for kind in STEPS]),
            not_undone(),
        )
        .order_by(VisitEvent.seq.desc(), VisitEvent.n.desc())
    )
    return next((event for event in events if event.before), None)


def undoable(
    session: Session,
    site_id: int,
    now: datetime,
    limit: int = 5,
    *,
    kinds: Collection[Kind] = STEPS,
    actor: Actor | None = None,
) -> list[VisitEvent]:
    """What may still be undone at a site, newest first: of each visit or booking its last step.

    Only facts of `kinds`; of one `actor`, or of all.
    """
    site = session.get(Site, site_id)
    if site is None:
        raise not_found("The site")
    events = session.scalars(
        sa.select(VisitEvent)
        .where(
            VisitEvent.site_id == site_id,
            VisitEvent.recorded_at >= now - site.rules.undo_window,
        )
        .order_by(VisitEvent.seq.desc(), VisitEvent.n.desc())
    ).all()
    undone = {event.undoes_id for event in events}
    standing = [event for event in events if event.id not in undone]
    offered = (
        event
        for event in standing
        if event.kind in kinds
        and event.before
        and (actor is None or event.actor == actor.key)
        and not any(builds_on(later, event) for later in standing)
    )
    return list(itertools.islice(offered, limit))


def _lock(session: Session, event: VisitEvent) -> Site:
    """Hold what the doing of it held first: a clinician's time, else the site's queue."""
    if event.entry_id is not None or event.appointment_id is None:
        return lock_site(session, event.site_id)
    appointment = session.get_one(Appointment, event.appointment_id)
    lock_owners(session, appointment)
    session.refresh(appointment, with_for_update={"key_share": True})
    return session.get_one(Site, event.site_id)


def _check_state(session: Session, event: VisitEvent) -> None:
    if event.entry_id is None:
        return
    entry = session.get_one(
        QueueEntry, event.entry_id, with_for_update=True, populate_existing=True
    )
    if entry.state.value != event.to_state:
        raise wrong_state(entry.visit.ticket, entry.state)


def _put_back(session: Session, event: VisitEvent) -> None:
    for table, rows in event.before.items():
        model = _MODELS[table]
        for row_id, values in rows.items():
            row = session.get_one(model, int(row_id), with_for_update=True, populate_existing=True)
            for name, value in values.items():
                setattr(row, name, _decoded(model.__table__.c[name].type, value))
            if isinstance(row, Appointment):
                row.sequence += 1  # calendars take the newest word
    session.flush()


def _decoded(kind: TypeEngine[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, UtcInstant):
        return datetime.fromisoformat(value)
    if isinstance(kind, Seconds):
        return timedelta(seconds=value)
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return kind.enum_class(value)
    return value


def _settle_desk(session: Session, actor: Actor, now: datetime, event: VisitEvent) -> None:
    kinds = desk_items.ItemKind
    caused = {Kind.CALLED: kinds.FETCH, Kind.DID_NOT_ANSWER: kinds.UNCONFIRMED}.get(
        Kind(event.kind)
    )
    if caused is not None and event.entry_id is not None:
        desk_items.close_for_entry(
            session, actor, now, entry_id=event.entry_id, kind=caused, outcome="undone"
        )
    if event.kind in ARRIVALS and event.entry_id is not None:
        desk_items.close_for_entry(session, actor, now, entry_id=event.entry_id, outcome="undone")
    opened = event.data.get("opened")
    if opened is not None:
        desk_items.close_for_entry(session, actor, now, entry_id=opened, outcome="undone")


def _note_undone(session: Session, actor: Actor, now: datetime, event: VisitEvent) -> None:
    entry = session.get(QueueEntry, event.entry_id) if event.entry_id is not None else None
    note(
        session,
        actor,
        now,
        Kind.UNDONE,
        site_id=event.site_id,
        entry=entry,
        visit_id=event.visit_id,
        appointment_id=event.appointment_id,
        shift_id=event.shift_id,
        room_id=event.room_id,
        from_state=event.to_state,
        why=event.kind,
        undoes_id=event.id,
    )


def _minutes(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"

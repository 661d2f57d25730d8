"""Paper tickets, written while the server was away, entered afterwards with their true times."""

import re
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import calls, presence, service
from queueapp.actions.arrivals import Newcomer, take_ticket
from queueapp.actions.base import get_room, happened, never_came, note
from queueapp.actions.entries import change_state
from queueapp.actions.legs import NO_WISH, Wish
from queueapp.db.models import Promise, QueueEntry, Shift, Visit
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import invalid
from queueapp.domain.visit import EntryClass, EntryState

# "PT7": written on paper, so of its own kind; tickets of the system begin with one letter.
_LABEL = re.compile(r"PT\d{1,3}")


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper ticket: what it says, and how far it got.

    `label` is what stands on it, empty for a ticket of the system. Called and not out: still in
    the room. `left`: went at `out_at` without being seen.
    """

    service_id: int
    came_at: datetime
    label: str = ""
    newcomer: Newcomer = field(default_factory=Newcomer)
    entry_class: str = EntryClass.WALK_IN
    wish: Wish = NO_WISH
    called_at: datetime | None = None
    room_id: int | None = None
    out_at: datetime | None = None
    left: bool = False


def enter_paper(
    session: Session, actor: Actor, now: datetime, *, site_id: int, paper: Paper
) -> QueueEntry:
    """Enter one paper ticket as far as it got; the person keeps the label they hold.

    Who was seen meanwhile was in that room then, whoever is in it now. Raises Refused (invalid
    `label`, `called_at`, `room`, `out_at`) and as `take_ticket`, `call_chosen` and `leave` do.
    """
    lock_site(session, site_id)
    _check(paper, now)
    entry = take_ticket(
        session,
        actor,
        now,
        site_id=site_id,
        service_id=paper.service_id,
        entry_class=paper.entry_class,
        newcomer=paper.newcomer,
        wish=paper.wish,
        despite_limits=True,
        occurred_at=paper.came_at,
    )
    if paper.label:
        _keep_label(session, entry.visit, paper.label)
    if paper.left:
        presence.leave(session, actor, now, entry_id=entry.id, occurred_at=paper.out_at)
    elif paper.called_at is not None and paper.out_at is not None:
        _was_seen(session, actor, now, entry, paper, paper.called_at, paper.out_at)
    elif paper.called_at is not None:
        key = (session, actor, now)
        room_id, at = paper.room_id or 0, paper.called_at
        calls.call_chosen(*key, room_id=room_id, entry_id=entry.id, occurred_at=at)
        service.start(*key, entry_id=entry.id, occurred_at=at)
    return entry


def _check(paper: Paper, now: datetime) -> None:
    if paper.label and _LABEL.fullmatch(paper.label) is None:
        raise invalid("label", "Give what stands on the paper, as PT7.")
    if paper.called_at is not None and paper.room_id is None:
        raise invalid("room", "Choose the room they were called to.")
    if paper.left and paper.out_at is None:
        raise invalid("out_at", "Say when they left.")
    if paper.out_at is not None and paper.called_at is None and not paper.left:
        raise invalid("called_at", "Say when they were called, or that they left.")
    steps = (("came_at", paper.came_at), ("called_at", paper.called_at), ("out_at", paper.out_at))
    earlier = None
    for name, at in steps:
        if at is None:
            continue
        happened(now, at)
        if earlier is not None and at < earlier:
            raise invalid(name, "This is before the step before it.")
        earlier = at


def _keep_label(session: Session, visit: Visit, label: str) -> None:
    taken = session.scalar(
        sa.select(Visit.id).where(
            Visit.site_id == visit.site_id,
            Visit.ticket == label,
            Visit.id != visit.id,
            sa.or_(Visit.day == visit.day, Visit.departed_at.is_(None)),
        )
    )
    if taken is not None:
        raise invalid("label", f"{label} was entered already today.")
    visit.ticket = label
    session.flush()


def _was_seen(
    session: Session,
    actor: Actor,
    now: datetime,
    entry: QueueEntry,
    paper: Paper,
    called_at: datetime,
    out_at: datetime,
) -> None:
    """All of it is over: no room is taken for it now, and nobody was promised anything."""
    shift = _shift_then(session, entry, paper, called_at)
    session.execute(sa.delete(Promise).where(Promise.entry_id == entry.id))
    visit = entry.visit
    change_state(
        session,
        entry,
        [EntryState.WAITING],
        state=EntryState.FINISHED,
        room_id=paper.room_id,
        shift_id=shift.id,
        clinician_id=shift.clinician_id,
        called_at=called_at,
        started_at=called_at,
        ended_at=out_at,
    )
    visit.departed_at = out_at
    session.flush()
    for kind, at, was in (
        (Kind.STARTED, called_at, EntryState.WAITING),
        (Kind.FINISHED, out_at, EntryState.IN_SERVICE),
    ):
        note(
            session,
            actor,
            now,
            kind,
            site_id=entry.site_id,
            occurred_at=at,
            entry=entry,
            from_state=was,
            why="paper",
            # A paper that was entered by mistake is taken back whole.
            before=never_came(entry, visit) if kind is Kind.FINISHED else None,
        )


def _shift_then(session: Session, entry: QueueEntry, paper: Paper, at: datetime) -> Shift:
    room = get_room(session, paper.room_id or 0)
    if room.site_id != entry.site_id:
        raise invalid("room", "Choose one of this clinic's rooms.")
    shift = session.scalars(
        sa.select(Shift)
        .where(
            Shift.room_id == room.id,
            Shift.actual_from <= at,
            sa.or_(Shift.actual_to.is_(None), Shift.actual_to >= at),
        )
        .order_by(Shift.actual_from.desc())
        .limit(1)
    ).one_or_none()
    if shift is None:
        raise invalid("room", "Nobody worked in this room then. Enter the shift first.")
    return shift

"""Opening and closing a day; the sweep that keeps house in between is `sweep`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base, presence, service
from queueapp.actions.day_ends import not_reached
from queueapp.actions.shifts import close_shift, plan_shifts
from queueapp.actions.sweep import is_due, sweep
from queueapp.db.models import QueueEntry, Shift, Site
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import Refused, conflict, invalid
from queueapp.domain.visit import OPEN_STATES, EntryState, Resolution

__all__ = ["DayEnd", "How", "close_day", "is_due", "open_day", "sweep"]


class How(StrEnum):
    """What became of someone still open when the clinic closes."""

    FINISHED = "finished"
    LEFT = "left"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class DayEnd:
    """The desk's answer for one entry; `ended_at` is the true time, needed when finished."""

    how: How
    ended_at: datetime | None = None
    resolution: Resolution | None = None


def open_day(session: Session, actor: Actor, now: datetime, *, site_id: int) -> Site:
    """Begin the service day: its shifts are planned. A closed day opens again; twice is once."""
    site = lock_site(session, site_id)
    day = site.day_at(now)
    again = site.closed_day == day
    if site.opened_day == day and not again:
        return site
    plan_shifts(session, actor, now, site_id=site_id, day=day)
    site.opened_day = day
    site.closed_day = None if again else site.closed_day
    base.note(
        session,
        actor,
        now,
        Kind.DAY_OPENED,
        site_id=site_id,
        why="again" if again else "",
        data={"day": day.isoformat()},
    )
    session.flush()
    return site


def close_day(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    answers: Mapping[int, DayEnd],
) -> Site:
    """End the service day: everyone still open gets the answer given, every open shift closes.

    `answers` is by entry id. Raises Refused (conflict `still_open` with the `entries` that lack
    an answer, oldest first; invalid `answers.<id>…`).
    """
    site = lock_site(session, site_id)
    left = _still_open(session, site_id)
    _check_answers(session, left, answers)
    for entry in left:
        if entry.state in OPEN_STATES:  # an answer for another wait of the visit may end this one
            _end(session, actor, now, entry, answers[entry.id])
    for entry in _still_open(session, site_id):  # what a finished one would have gone on to
        not_reached(session, actor, now, entry=entry, when=now)
    for shift_id in session.scalars(
        sa.select(Shift.id)
        .where(Shift.site_id == site_id, Shift.actual_from.is_not(None), Shift.actual_to.is_(None))
        .order_by(Shift.id)
    ).all():
        close_shift(session, actor, now, shift_id=shift_id)
    site.closed_day = site.day_at(now)
    base.note(
        session,
        actor,
        now,
        Kind.DAY_CLOSED,
        site_id=site_id,
        data={"day": site.closed_day.isoformat(), "entries": [entry.id for entry in left]},
    )
    session.flush()
    return site


def _still_open(session: Session, site_id: int) -> list[QueueEntry]:
    return list(
        session.scalars(
            sa.select(QueueEntry)
            .where(QueueEntry.site_id == site_id, QueueEntry.state.in_(OPEN_STATES))
            .order_by(QueueEntry.arrived_at, QueueEntry.id)
            .execution_options(populate_existing=True)
        )
    )


def _check_answers(session: Session, left: list[QueueEntry], answers: Mapping[int, DayEnd]) -> None:
    lacking = [entry for entry in left if entry.id not in answers]
    if lacking:
        codes = ", ".join(entry.visit.ticket for entry in lacking[:5])
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise conflict(
            "still_open",
            f"Say what became of {codes}{more} before closing.",
            entries=[
                {"id": e.id, "ticket": e.visit.ticket, "state": e.state.value} for e in lacking
            ],
        )
    known = {entry.id for entry in left}
    for entry_id in answers:
        entry = session.get(QueueEntry, entry_id) if entry_id not in known else None
        if entry_id not in known and (entry is None or entry.state in OPEN_STATES):
            raise invalid(f"answers.{entry_id}", "There is no such ticket here.")


def _end(session: Session, actor: Actor, now: datetime, entry: QueueEntry, answer: DayEnd) -> None:
    ticket, field = entry.visit.ticket, f"answers.{entry.id}"
    try:
        if answer.how is How.LEFT:
            presence.leave(
                session,
                actor,
                now,
                entry_id=entry.id,
                why="closing",
                occurred_at=answer.ended_at,
            )
        elif answer.how is How.NOT_REACHED:
            when = base.happened(now, answer.ended_at, entry.started_at or entry.arrived_at)
            not_reached(session, actor, now, entry=entry, when=when)
        elif answer.ended_at is None:
            raise invalid(f"{field}.ended_at", f"Give the time at which {ticket} finished.")
        elif entry.state is EntryState.WAITING:
            raise invalid(field, f"{ticket} was never called: say left or not reached.")
        else:
            if entry.state is EntryState.CALLED:
                service.start(session, actor, now, entry_id=entry.id, occurred_at=entry.called_at)
            service.finish(
                session,
                actor,
                now,
                entry_id=entry.id,
                resolution=answer.resolution,
                occurred_at=answer.ended_at,
            )
    except Refused as refused:
        if refused.field == "occurred_at":
            raise replace(refused, field=f"{field}.ended_at") from None
        raise

"""What an undone fact had made or ended beside the rows it changed: calls, moves, next legs."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.base import get_entry
from queueapp.actions.details import put_details_back
from queueapp.actions.entries import change_state, end_moves
from queueapp.actions.undo_checks import ARRIVALS
from queueapp.db.models import Call, OrderMove, QueueEntry, VisitEvent, VisitStep
from queueapp.domain.events import Kind
from queueapp.domain.visit import CallOutcome, EntryState


def put_back_links(session: Session, event: VisitEvent, now: datetime) -> None:
    """Withdraw the call the fact made, stand up the one it ended, close the leg it opened."""
    data = event.data
    if event.kind == Kind.DETAILS_CHANGED:
        put_details_back(session, event)
    if event.kind in ARRIVALS and event.entry_id is not None:
        end_moves(session, get_entry(session, event.entry_id), now)
    if event.kind == Kind.CALLED:
        _withdraw(session, event, now)
    if event.kind == Kind.WRONG_PERSON:
        _answer_again(session, event)
    elif data.get("ended_call") is not None:
        call = session.get_one(Call, data["ended_call"])
        call.outcome, call.ended_at = None, None
    if data.get("opened") is not None:
        _close_leg(session, data["opened"], now)
    if data.get("planned") is not None:
        step = session.get(VisitStep, data["planned"])
        if step is not None:
            session.delete(step)
    if data.get("move") is not None:
        session.get_one(OrderMove, data["move"]).ended_at = now
    session.flush()
    _move_again(session, data.get("ended_moves") or ())
    session.flush()


def _withdraw(session: Session, event: VisitEvent, now: datetime) -> None:
    """The call and those that repeated it: withdrawn, and shown so."""
    for call in session.scalars(
        sa.select(Call).where(Call.entry_id == event.entry_id, Call.id >= event.data["call"])
    ):
        call.outcome, call.ended_at = CallOutcome.WITHDRAWN, call.ended_at or now


def _answer_again(session: Session, event: VisitEvent) -> None:
    if event.data["withdrawn_call"] is None:
        return
    call = session.get_one(Call, event.data["withdrawn_call"])
    if event.from_state == EntryState.IN_SERVICE:
        call.outcome = CallOutcome.ANSWERED
    else:
        call.outcome, call.ended_at = None, None


def _close_leg(session: Session, entry_id: int, now: datetime) -> None:
    entry = get_entry(session, entry_id)
    change_state(session, entry, [EntryState.WAITING], state=EntryState.CANCELLED, ended_at=now)
    end_moves(session, entry, now)
    session.execute(
        sa.update(VisitStep).where(VisitStep.entry_id == entry_id).values(entry_id=None)
    )


def _move_again(session: Session, move_ids: Iterable[int]) -> None:
    """A move stands again when both still wait and nobody has moved that entry since."""
    for move_id in move_ids:
        move = session.get_one(OrderMove, move_id)
        both = session.scalars(
            sa.select(QueueEntry.state).where(QueueEntry.id.in_([move.entry_id, move.before_id]))
        ).all()
        newer = session.scalar(
            sa.select(OrderMove.id).where(
                OrderMove.entry_id == move.entry_id, OrderMove.ended_at.is_(None)
            )
        )
        if newer is None and all(state is EntryState.WAITING for state in both):
            move.ended_at = None
            session.flush()

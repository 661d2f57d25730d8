"""What is seen of a clinic, and how a step in it is taken back."""

from typing import Any

import sqlalchemy as sa

from queueapp.actions import order, service, undo
from queueapp.actions.base import image
from queueapp.db.models import Call, OrderMove, QueueEntry, Visit, VisitStep
from queueapp.domain.events import Kind
from queueapp.domain.visit import EntryState
from tests.db.small_clinic import SmallClinic


def picture(clinic: SmallClinic) -> dict[str, Any]:
    """All that people can see and figures are made of; legs that undo closed are gone."""
    clinic.session.flush()
    clinic.session.expire_all()
    entries = [
        e
        for e in clinic.session.scalars(sa.select(QueueEntry).order_by(QueueEntry.id))
        if e.state is not EntryState.CANCELLED
    ]
    visits = clinic.session.scalars(sa.select(Visit).order_by(Visit.id)).all()
    standing = sa.select(Call.entry_id, Call.room_id).where(Call.outcome.is_(None))
    moves = sa.select(OrderMove.entry_id, OrderMove.before_id).where(OrderMove.ended_at.is_(None))
    plan = sa.select(VisitStep.id).where(VisitStep.entry_id.is_(None))
    return {
        "line": clinic.line(),
        "due": [(e.id, e.due_by, e.reference_at, e.target) for e in entries],
        "rows": image(*entries, *visits),
        "calls": sorted(map(tuple, clinic.session.execute(standing.order_by(Call.entry_id)))),
        "moves": sorted(map(tuple, clinic.session.execute(moves))),
        "plan": list(clinic.session.scalars(plan.order_by(VisitStep.id))),
    }


def take_back(clinic: SmallClinic, kind: Kind) -> None:
    clinic.do(undo.undo, event_id=clinic.event(kind).id)


def prepared(clinic: SmallClinic, state: str) -> QueueEntry:
    """One who waits, was called or is in service; two others wait behind, one moved up."""
    entry, behind, last = clinic.join(), clinic.join(), clinic.join()
    clinic.do(order.move, entry_id=last.id, before_id=behind.id, reason="In pain")
    clinic.wait(1)
    if state != "waiting":
        clinic.call()
        clinic.wait(1)
    if state == "in_service":
        clinic.do(service.start, entry_id=entry.id)
        clinic.wait(1)
    return entry

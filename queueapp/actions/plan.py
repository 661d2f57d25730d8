"""The next leg of a visit: asked for in the room, or from the visit's plan of steps."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.base import get_service
from queueapp.actions.legs import NO_WISH, Wish, check_wish, due_for, open_entry
from queueapp.db.models import QueueEntry, Service, Site, VisitStep
from queueapp.db.statement import Statement
from queueapp.domain.refusal import invalid
from queueapp.domain.targets import onward_reference
from queueapp.domain.visit import EntryClass

_PENDING = Statement(
    sa.select(
        VisitStep.id,
        VisitStep.service_id,
        VisitStep.preference,
        VisitStep.clinician_id,
        VisitStep.booked_for,
    )
    .where(VisitStep.visit_id == sa.bindparam("visit"), VisitStep.entry_id.is_(None))
    .order_by(VisitStep.position, VisitStep.id)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class NextStep:
    """Where a visit goes on: a service, perhaps with a wish, a booked time, words for colleagues.

    Before `not_before` (drops must work, a result must come) nobody is called for it. What was
    planned is kept even when its service or clinician was retired since (`retired_too`).
    """

    service_id: int
    wish: Wish = NO_WISH
    booked_for: datetime | None = None
    note: str = ""
    reason_id: int | None = None
    not_before: datetime | None = None
    step_id: int | None = None
    emergency: bool = False
    retired_too: bool = False


def pending_step(session: Session, visit_id: int) -> NextStep | None:
    """The first step of the visit's plan that was not opened yet."""
    session.flush()
    step = _PENDING.one_or_none(session, {"visit": visit_id})
    if step is None:
        return None
    wish = Wish(step.preference, step.clinician_id)
    return NextStep(step.service_id, wish, step.booked_for, step_id=step.id, retired_too=True)


def put_first(session: Session, visit_id: int, step: NextStep) -> VisitStep:
    """Plan `step` before all steps of the visit that are still to come."""
    first = session.scalar(
        sa.select(sa.func.min(VisitStep.position)).where(
            VisitStep.visit_id == visit_id, VisitStep.entry_id.is_(None)
        )
    )
    last = session.scalar(
        sa.select(sa.func.max(VisitStep.position)).where(VisitStep.visit_id == visit_id)
    )
    row = VisitStep(
        visit_id=visit_id,
        position=first - 1 if first is not None else (last or 0) + 1,
        service_id=step.service_id,
        clinician_id=step.wish.clinician_id,
        preference=step.wish.kind,
        booked_for=step.booked_for,
    )
    session.add(row)
    session.flush()
    return row


def open_step(
    session: Session,
    now: datetime,
    *,
    last_leg: QueueEntry,
    step: NextStep,
    when: datetime,
) -> QueueEntry:
    """Open the next wait, class `onward`, counted from the end of the last leg.

    A later booked time, or the moment before which nobody is called, counts instead.
    Raises Refused (invalid) for a service of another clinic, a wish for nobody and a long note.
    """
    if len(step.note) > 300:
        raise invalid("note", "Give a note of at most 300 characters.")
    site = session.get_one(Site, last_leg.site_id)
    service = _service(session, site.id, step)
    if not step.retired_too:
        check_wish(session, step.wish)
    reference = onward_reference(when, step.booked_for)
    if step.not_before is not None:
        reference = max(reference, step.not_before)
    entry_class = EntryClass.EMERGENCY if step.emergency else EntryClass.ONWARD
    visit = last_leg.visit
    entry = open_entry(
        session,
        now,
        site=site,
        visit=visit,
        service=service,
        due=due_for(session, site, service, entry_class, reference),
        arrived_at=when,
        reason_id=step.reason_id,
        previous_id=last_leg.id,
        scheduled_at=step.booked_for,
        wish=step.wish,
        note_text=step.note,
    )
    entry.passed_over_until = step.not_before
    if step.step_id is not None:
        session.get_one(VisitStep, step.step_id).entry_id = entry.id
    session.flush()
    return entry


def _service(session: Session, site_id: int, step: NextStep) -> Service:
    if step.retired_too:
        return session.get_one(Service, step.service_id)
    return get_service(session, site_id, step.service_id)

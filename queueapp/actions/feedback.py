""" "Was what you came for sorted out?": answered in one tap, with room for words."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import desk_items
from queueapp.actions.base import get_visit, note
from queueapp.db.models import LONGEST_WORDS, Feedback, QueueEntry, Site, Visit
from queueapp.domain.actor import Actor
from queueapp.domain.contact import is_email, phone_digits
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, invalid
from queueapp.domain.visit import EntryState, SortedOut


@dataclass(frozen=True, slots=True)
class Words:
    """What one adds to the tap: what still needs doing, thanks, and where an answer may go."""

    wording: str = ""
    thanks: str = ""
    wants_answer: bool = False
    reach: str = ""


NO_WORDS = Words()


def give_feedback(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    visit_id: int,
    sorted_out: SortedOut,
    words: Words = NO_WORDS,
) -> Feedback:
    """Keep the answer; a second one replaces it. The clinician seen last is who is thanked.

    "Partly", "no", and a wish for an answer come to the desk, where one takes it. Raises Refused:
    invalid `wording`, `thanks`, `reach`; conflict `not_over` while the visit goes on.
    """
    visit = get_visit(session, visit_id)
    if visit.departed_at is None:
        raise conflict("not_over", "You can tell us once your visit is over.")
    reach = words.reach.strip() or (_known_reach(visit) if words.wants_answer else "")
    _check(words, reach)
    found = feedback_of(session, visit_id)
    if found is None:
        found = Feedback(site_id=visit.site_id, visit_id=visit.id, told_at=now)
        session.add(found)
    found.sorted_out, found.told_at = sorted_out, now
    found.clinician_id = _seen_by(session, visit_id)
    found.wording = words.wording.strip() or found.wording or ""
    found.thanks = words.thanks.strip() or found.thanks or ""
    found.reach = reach if words.wants_answer else ""
    rules = session.get_one(Site, visit.site_id).rules
    found.answer_by = now + rules.answer_within if words.wants_answer else None
    session.flush()
    note(
        session,
        actor,
        now,
        Kind.FEEDBACK_GIVEN,
        site_id=visit.site_id,
        visit_id=visit.id,
        why=sorted_out.value,
        data={"wants_answer": words.wants_answer, "thanks": bool(found.thanks)},
    )
    if sorted_out is not SortedOut.YES or words.wants_answer:
        desk_items.open_item(
            session,
            actor,
            now,
            site_id=visit.site_id,
            kind=desk_items.ItemKind.FEEDBACK,
            visit_id=visit.id,
        )
    return found


def feedback_of(session: Session, visit_id: int) -> Feedback | None:
    """What was answered after the visit, if anything was."""
    return session.scalars(sa.select(Feedback).where(Feedback.visit_id == visit_id)).one_or_none()


def _check(words: Words, reach: str) -> None:
    for name in ("wording", "thanks"):
        if len(getattr(words, name).strip()) > LONGEST_WORDS:
            raise invalid(name, f"Use at most {LONGEST_WORDS} characters.")
    if words.wants_answer and not (is_email(reach) or phone_digits(reach)):
        raise invalid("reach", "Give a phone number or an e-mail address for our answer.")


def _known_reach(visit: Visit) -> str:
    patient = visit.patient
    return (patient.phone or patient.email) if patient else ""


def _seen_by(session: Session, visit_id: int) -> int | None:
    return session.scalar(
        sa.select(QueueEntry.clinician_id)
        .where(
            QueueEntry.visit_id == visit_id,
            QueueEntry.state.in_((EntryState.FINISHED, EntryState.TRANSFERRED)),
            QueueEntry.clinician_id.is_not(None),
        )
        .order_by(QueueEntry.ended_at.desc(), QueueEntry.id.desc())
        .limit(1)
    )

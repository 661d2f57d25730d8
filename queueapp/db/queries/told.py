"""What patients said afterwards: "was what you came for sorted out?", and in which words."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import DeskItem, Feedback, Visit
from queueapp.domain.spans import Span
from queueapp.domain.visit import Resolution, SortedOut

_MOST = 5


@dataclass(frozen=True, slots=True)
class Answers:
    """How many answered what."""

    yes: int
    partly: int
    no: int

    @property
    def told(self) -> int:
        """How many answered at all."""
        return self.yes + self.partly + self.no


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody's words, and what became of them: `owner` took them, `closed_at` put them right."""

    ticket: str
    sorted_out: SortedOut
    words: str
    told_at: datetime
    answer_by: datetime | None
    owner: str
    closed_at: datetime | None
    is_open: bool


def count_answers(session: Session, site_id: int, span: Span) -> Answers:
    """The answers given in the half-open span."""
    query = sa.select(Feedback.sorted_out, sa.func.count()).where(
        Feedback.site_id == site_id, Feedback.told_at >= span.start, Feedback.told_at < span.end
    )
    found = {row[0]: row[1] for row in session.execute(query.group_by(Feedback.sorted_out))}
    return Answers(*(found.get(one, 0) for one in SortedOut))


def count_outcomes(session: Session, site_id: int, since: date) -> dict[Resolution, int]:
    """How clinicians recorded that visits ended, of those of the service days `since` then."""
    query = (
        sa.select(Visit.resolution, sa.func.count())
        .where(Visit.site_id == site_id, Visit.day >= since, Visit.resolution.is_not(None))
        .group_by(Visit.resolution)
    )
    return {one: count for one, count in session.execute(query) if one is not None}


def latest_words(session: Session, site_id: int, span: Span) -> list[Said]:
    """The last few who wrote something in the span, newest first; tickets, no names."""
    item = (
        sa.select(sa.func.max(DeskItem.id))
        .where(DeskItem.visit_id == Feedback.visit_id, DeskItem.kind == "feedback")
        .correlate(Feedback)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Feedback, Visit.ticket, DeskItem)
        .join(Visit, Visit.id == Feedback.visit_id)
        .outerjoin(DeskItem, DeskItem.id == item)
        .where(
            Feedback.site_id == site_id,
            Feedback.told_at >= span.start,
            Feedback.told_at < span.end,
            sa.or_(Feedback.wording != "", Feedback.thanks != ""),
        )
        .order_by(Feedback.told_at.desc(), Feedback.id.desc())
        .limit(_MOST)
    )
    return [
        Said(
            ticket=ticket,
            sorted_out=told.sorted_out,
            words=told.wording or told.thanks,
            told_at=told.told_at,
            answer_by=told.answer_by,
            owner=found.taken_by if found else "",
            closed_at=found.closed_at if found else None,
            is_open=found is not None and found.closed_at is None,
        )
        for told, ticket, found in rows
    ]

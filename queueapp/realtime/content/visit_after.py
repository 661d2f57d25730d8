"""What a phone shows once a visit is over: what we said and did, and what was answered."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from queueapp.actions.feedback import feedback_of
from queueapp.db.models import Clinician, Feedback, Site, Visit
from queueapp.domain.visit import CallOutcome, EntryState


@dataclass(frozen=True, slots=True)
class After:
    """The first promise as told, the first call, who may be thanked, the answer so far."""

    said_low: datetime | None
    said_high: datetime | None
    called_at: datetime | None
    thanked: str
    told: Feedback | None
    answer_within: timedelta

    @property
    def was_kept(self) -> bool:
        """Whether the call came inside the range, or before it: nobody minds that."""
        return bool(self.called_at and self.said_high and self.called_at <= self.said_high)


def after_of(session: Session, visit: Visit) -> After:
    """What there is to say of a visit that has ended."""
    first = visit.entries[0] if visit.entries else None
    said = next((p for p in first.promises if p.low_at is not None), None) if first else None
    calls = [c for c in first.calls if c.outcome is not CallOutcome.WITHDRAWN] if first else []
    seen_by = [e.clinician for e in visit.entries if e.state is EntryState.FINISHED and e.clinician]
    last: Clinician | None = seen_by[-1] if seen_by else None
    return After(
        said_low=said.low_at if said else None,
        said_high=said.high_at if said else None,
        called_at=calls[0].called_at if calls else None,
        thanked=last.shown_name if last else "",
        told=feedback_of(session, visit.id),
        answer_within=session.get_one(Site, visit.site_id).rules.answer_within,
    )

"""Thanks from patients, for the clinician they are meant for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Feedback

_SHOWN_FOR = timedelta(days=30)
_MOST = 5


@dataclass(frozen=True, slots=True)
class Thanks:
    """What somebody wrote, and when; without a name or a ticket."""

    words: str
    told_at: datetime


def thanks_to(session: Session, site_id: int, clinician_id: int, now: datetime) -> list[Thanks]:
    """The last few of the last 30 days, newest first."""
    rows = session.execute(
        sa.select(Feedback.thanks, Feedback.told_at)
        .where(
            Feedback.site_id == site_id,
            Feedback.clinician_id == clinician_id,
            Feedback.thanks != "",
            Feedback.told_at > now - _SHOWN_FOR,
        )
        .order_by(Feedback.told_at.desc())
        .limit(_MOST)
    )
    return [Thanks(*row) for row in rows]

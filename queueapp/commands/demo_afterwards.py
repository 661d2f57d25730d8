"""What some of the demo clinic's patients said once their visit was over."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.feedback import Words, give_feedback
from queueapp.db.models import QueueEntry, Visit
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.visit import EntryState, SortedOut

_AFTER = timedelta(minutes=2)
_YES, _PARTLY = SortedOut.YES, SortedOut.PARTLY
# One after the other, for those who were seen today; the rest say nothing, as most do.
_SAID = (
    (_YES, Words()),
    (_YES, Words(wording="Called within the time I was told, and nobody rushed me.")),
    (_YES, Words()),
    (_PARTLY, Words(wording="The results were not there yet. Who rings me?")),
    (_YES, Words(thanks="Thank you for taking the time to explain it twice.")),
    (_YES, Words()),
    (_YES, Words()),
)


def say_afterwards(session: Session, site_id: int, since: datetime, now: datetime) -> None:
    """Answers to "was what you came for sorted out?" of visits that were over by then."""
    over = session.scalars(
        sa.select(Visit)
        .where(
            Visit.site_id == site_id,
            Visit.departed_at >= since,
            Visit.departed_at < now - _AFTER,
            Visit.id.in_(
                sa.select(QueueEntry.visit_id).where(QueueEntry.state == EntryState.FINISHED)
            ),
        )
        .order_by(Visit.departed_at, Visit.id)
    ).all()
    for visit, (answer, words) in zip(over, _SAID, strict=False):
        assert visit.departed_at
        patient = Actor(ActorKind.PATIENT, visit.id, visit.ticket)
        told_at = visit.departed_at + _AFTER
        give_feedback(session, patient, told_at, visit_id=visit.id, sorted_out=answer, words=words)

"""How often the first promise was right: said beside every range, or not at all while too few."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Call, Promise, QueueEntry, Site
from queueapp.domain.visit import CallOutcome
from queueapp.waits.promise import hit, hit_rate

DAYS = 30


def hit_share(session: Session, site: Site, now: datetime) -> float | None:
    """The share (0-1) of the last DAYS; None while there are too few to say.

    Whole days up to yesterday; people who stepped out are left out, as their wait was their own.
    """
    today = site.day_at(now)
    until = site.span_of(today).start
    first_call = (
        sa.select(sa.func.min(Call.called_at))
        .where(
            Call.entry_id == QueueEntry.id,
            sa.or_(Call.outcome.is_(None), Call.outcome != CallOutcome.WITHDRAWN),
        )
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Promise.low_at, Promise.high_at, first_call)
        .join(QueueEntry, QueueEntry.id == Promise.entry_id)
        .where(
            QueueEntry.site_id == site.id,
            QueueEntry.arrived_at >= until - timedelta(days=DAYS),
            QueueEntry.arrived_at < until,
            QueueEntry.stepped_out == timedelta(0),
            Promise.number == 1,
        )
    ).all()
    return hit_rate(
        hit(low, high, called)
        for low, high, called in rows
        if low is not None and high is not None and called is not None
    ).share

"""How first promises came out, as ranges are calibrated by: the range behind them and the call."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Promise, QueueEntry, Site
from queueapp.domain.outcomes import Place, Wait
from queueapp.domain.visit import EntryState

_UNCALLED = (EntryState.WAITING, EntryState.NOT_REACHED)


def load_waits(session: Session, site: Site, since: datetime, until: datetime) -> list[Wait]:
    """Of those told a range in [since, until) who were called, still wait or were not reached.

    Who left or stepped out teaches nothing: that wait was their own.
    """
    e, p = QueueEntry.__table__.c, Promise.__table__.c
    rows = session.execute(
        sa.select(
            e.service_id, e.entry_class, p.ahead, p.told_at, p.raw_low, p.raw_high, e.called_at
        )
        .select_from(sa.join(QueueEntry.__table__, Promise.__table__, p.entry_id == e.id))
        .where(
            e.site_id == site.id,
            e.arrived_at >= since,
            e.arrived_at < until,
            p.number == 1,
            p.told_at >= since,
            p.raw_high.is_not(None),
            e.stepped_out == timedelta(0),
            e.stepped_out_at.is_(None),
            sa.or_(e.called_at.is_not(None), e.state.in_(_UNCALLED)),
        )
        .order_by(p.told_at, p.id)
    )
    found = []
    for service, entry_class, ahead, told_at, low, high, called in rows:
        place = Place(service, entry_class, ahead).told(high.total_seconds())
        found.append(
            Wait(
                place,
                told_at.timestamp(),
                low.total_seconds(),
                high.total_seconds(),
                called.timestamp() if called else None,
            )
        )
    return found

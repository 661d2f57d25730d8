"""Past waits of a site as forecasts learn from them."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Call, QueueEntry, Site
from queueapp.domain.passages import Passage
from queueapp.domain.visit import CallOutcome, EntryState

_CARE = (EntryState.IN_SERVICE, EntryState.FINISHED, EntryState.TRANSFERRED)
# An emergency goes before everyone: due so much earlier.
_BAND_S = 1e7


def load_passages(session: Session, site: Site, since: datetime, until: datetime) -> list[Passage]:
    """Entries that arrived in [since, until), as they stand now: what was undone is not there.

    A wait during which somebody stepped out was their own, and teaches nothing.
    """
    first_call = (
        sa.select(Call.entry_id, sa.func.min(Call.called_at).label("at"))
        .where(
            Call.site_id == site.id,
            Call.called_at >= since,
            sa.or_(Call.outcome.is_(None), Call.outcome != CallOutcome.WITHDRAWN),
        )
        .group_by(Call.entry_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            QueueEntry.id,
            QueueEntry.service_id,
            QueueEntry.entry_class,
            QueueEntry.state,
            QueueEntry.band,
            QueueEntry.arrived_at,
            QueueEntry.due_by,
            QueueEntry.started_at,
            QueueEntry.ended_at,
            QueueEntry.end_unknown,
            QueueEntry.clinician_id,
            QueueEntry.stepped_out,
            first_call.c.at,
        )
        .outerjoin(first_call, first_call.c.entry_id == QueueEntry.id)
        .where(
            QueueEntry.site_id == site.id,
            QueueEntry.arrived_at >= since,
            QueueEntry.arrived_at < until,
        )
        .order_by(QueueEntry.arrived_at, QueueEntry.id)
    )
    found = []
    for row in rows:
        called = row.at or row.started_at
        ended = None if row.end_unknown else _seconds(row.ended_at)
        found.append(
            Passage(
                number=row.id,
                service=row.service_id,
                entry_class=row.entry_class,
                arrived=row.arrived_at.timestamp(),
                due=row.due_by.timestamp() + (row.band - 1) * _BAND_S,
                called=_seconds(called),
                ended=ended if called else None,
                left=None if called else ended,
                clinician=row.clinician_id,
                served=row.state in _CARE and row.stepped_out == timedelta(0),
            )
        )
    return found


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None

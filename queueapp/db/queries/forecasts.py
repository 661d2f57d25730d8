"""Which sites need a new forecast, and what the stored one says."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer, object_session

from queueapp.db.models import QueueEntry, Site, StoredForecast
from queueapp.db.session import once, parsed_once
from queueapp.domain.quantiles import Forecast
from queueapp.domain.visit import EntryState

# Its content is long, and read only where it has not been: see `parsed`.
_STORED = (
    sa.select(StoredForecast)
    .where(StoredForecast.site_id == sa.bindparam("site"))
    .options(defer(StoredForecast.content))
)


def stored_forecast(session: Session, site_id: int) -> StoredForecast | None:
    """The site's newest forecast, whatever its age; in a reading session asked for once."""
    return once(
        session,
        ("forecast", site_id),
        lambda: session.scalars(_STORED, {"site": site_id}).one_or_none(),
    )


def parsed(stored: StoredForecast) -> Forecast:
    """The stored forecast as the waits package knows it; read and parsed once per process."""
    session = object_session(stored)
    assert session is not None
    return parsed_once(
        session,
        ("forecast", stored.site_id),
        (stored.made_at, stored.for_seq, stored.seq),
        lambda: Forecast.from_json(stored.content),
    )


def sites_to_forecast(session: Session, now: datetime, stale_after: timedelta) -> list[int]:
    """Sites that changed since their forecast, or wait on one gone stale; the oldest first.

    The seq that storing a forecast takes is no change. One that came between its snapshot and its
    storing is: then the stored seq is not the one right after the snapshot's.
    """
    someone_waits = (
        sa.select(QueueEntry.id)
        .where(QueueEntry.site_id == Site.id, QueueEntry.state == EntryState.WAITING)
        .exists()
    )
    made = StoredForecast
    return list(
        session.scalars(
            sa.select(Site.id)
            .outerjoin(made, made.site_id == Site.id)
            .where(
                sa.or_(
                    made.id.is_(None),
                    Site.seq > made.seq,
                    made.seq > made.for_seq + 1,
                    sa.and_(made.made_at <= now - stale_after, someone_waits),
                    # The clock was set back: its age would be wrong for as long.
                    made.made_at > now + stale_after,
                )
            )
            .order_by(made.made_at.asc().nulls_first(), Site.id)
        )
    )

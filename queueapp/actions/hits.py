"""How often the first promise was right, by service: said beside every range, with its count."""

from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.db.models import Site
from queueapp.db.queries.hits import ENOUGH, Hits, count_arrived, count_hits
from queueapp.db.session import SNAPSHOT, parsed_once
from queueapp.domain.localtime import ONE_DAY
from queueapp.domain.spans import Span

DAYS = 30

__all__ = ["DAYS", "ENOUGH", "Hits", "hits_of", "hits_of_all", "recent_hits"]


def recent_hits(session: Session, site: Site, now: datetime) -> dict[int, Hits]:
    """By service, of the last DAYS: whole service days of the site up to yesterday.

    So it stays the same all day, and nobody can tell from it how a promise of today came out.
    """
    today = site.day_at(now)
    seen = session.info.get(SNAPSHOT)
    known: dict[int, Hits] | None = seen.get(("hits", site.id, today)) if seen is not None else None
    if known is not None:
        return known
    span = Span(site.span_of(today - DAYS * ONE_DAY).start, site.span_of(today).start)
    stamp = (span, count_arrived(session, site, span))
    known = parsed_once(session, ("hits", site.id), stamp, lambda: count_hits(session, site, span))
    if seen is not None:
        seen["hits", site.id, today] = known
    return known


def hits_of(session: Session, site: Site, now: datetime, service_id: int) -> Hits | None:
    """Of one service; None where it is no care."""
    return recent_hits(session, site, now).get(service_id)


def hits_of_all(session: Session, site: Site, now: datetime) -> Hits:
    """Of all services that are care together."""
    return sum(recent_hits(session, site, now).values(), Hits())

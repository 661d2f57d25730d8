"""What one who came in now would be told, per service: for lobby, kiosk and phone."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.intake import check_intake
from queueapp.actions.legs import due_for
from queueapp.actions.promises import eligible_ahead, newest_forecast, quote_for
from queueapp.db.models import QueueEntry, Service, Site
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import EntryClass, PreferenceKind
from queueapp.waits.promise import spoken_range

# Behind everyone with the same due time: no real entry has this number.
_LAST = 2**62


@dataclass(frozen=True, slots=True)
class ServiceWait:
    """Whole minutes a walk-in would be told now; `refusal` says why no ticket is given."""

    service: Service
    low_min: int
    high_min: int
    refusal: str = ""


def waits_now(session: Session, site: Site, now: datetime) -> list[ServiceWait]:
    """One per service that is care, in the site's order.

    It is true as of the newest forecast, so that the same facts give the same words.
    """
    stored = newest_forecast(session, site, now)
    as_of = stored.made_at if stored else now
    services = session.scalars(
        sa.select(Service)
        .where(Service.site_id == site.id, Service.retired.is_(False), Service.not_care.is_(False))
        .order_by(Service.position, Service.id)
    ).all()
    found = []
    for service in services:
        due = due_for(session, site, service, EntryClass.WALK_IN, now)
        newcomer = QueueEntry(
            id=_LAST,
            site_id=site.id,
            service_id=service.id,
            band=due.band,
            due_by=due.due_by,
            arrived_at=now,
            preference=PreferenceKind.NONE,
        )
        rank = eligible_ahead(session, newcomer)
        told = quote_for(session, as_of, site=site, entry=newcomer, rank=rank, stored=stored)
        low, high = spoken_range(told.low_s, told.high_s)
        found.append(ServiceWait(service, low, high, _refusal(session, site, service, now)))
    return found


def _refusal(session: Session, site: Site, service: Service, now: datetime) -> str:
    try:
        check_intake(session, site, service, now)
    except Refused as refused:
        return refused.message
    return ""

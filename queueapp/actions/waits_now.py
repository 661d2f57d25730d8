"""What one who came in now would be told, per service: for lobby, kiosk and phone."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.actions.intake import check_takes
from queueapp.actions.promises import newest_forecast
from queueapp.db.known import known, settled
from queueapp.db.models import Service, Site
from queueapp.db.queries.doors import timetable
from queueapp.db.queries.forecasts import parsed
from queueapp.db.queries.queue import QueueView, load_queue
from queueapp.domain.hours import Timetable, current_opening
from queueapp.domain.ordering import OrderKey
from queueapp.domain.quantiles import NOBODY_ON_DUTY
from queueapp.domain.refusal import Refused
from queueapp.domain.targets import Due, target_for
from queueapp.domain.visit import EntryClass, Presence
from queueapp.waits.promise import COLD_START, quote, spoken_range

# Behind everyone with the same due time: no real entry has this number.
_LAST = 2**62


@dataclass(frozen=True, slots=True)
class ServiceWait:
    """Whole minutes a walk-in would be told now, None while nobody who gives it is on duty.

    `refused` says why no ticket is given.
    """

    service: Service
    low_min: int | None
    high_min: int | None
    refused: Refused | None = None


def waits_now(session: Session, site: Site, now: datetime) -> list[ServiceWait]:
    """One per service that is care, in the site's order.

    It is true as of the newest forecast, so that the same facts give the same words.
    """
    stored = newest_forecast(session, site, now)
    forecast = parsed(stored) if stored else None
    as_of = stored.made_at if stored else now
    services = [s for s in services_of(session, site) if not (s.retired or s.not_care)]
    targets = known(session, site.id).targets
    view, rules = load_queue(session, site, now), site.rules
    day = site.day_at(now)
    hours = timetable(session, site)
    opening = current_opening(hours, as_of) if hours else None
    waiting = Counter(c.service_id for c in view.line)
    found = []
    for service in services:
        within = target_for(targets.get(service.id, ()), service.id, EntryClass.WALK_IN, day, rules)
        working = sum(s.is_open and service.id in s.services for s in view.shifts)
        due = Due(EntryClass.WALK_IN, now, within)
        told = quote(
            forecast,
            as_of,
            service.id,
            None,
            _rank(view, service.id, (due.band, due.due_by, now, _LAST)),
            opening.end if opening else None,
            rules=rules,
            servers=working,
            mean_s=service.planned.total_seconds(),
        )
        refused = _refused(site, service, now, hours, waiting[service.id])
        if told.basis == NOBODY_ON_DUTY or (told.basis == COLD_START and not working):
            found.append(ServiceWait(service, None, None, refused))
        else:
            low, high = spoken_range(told.low_s, told.high_s)
            found.append(ServiceWait(service, low, high, refused))
    return found


def services_of(session: Session, site: Site) -> list[Service]:
    """All of the site's in its order, retired ones too."""
    ids = [row_id for model, row_id in known(session, site.id).rows if model is Service]
    found = (settled(session, site.id, Service, row_id) for row_id in ids)
    return [one for one in found if one is not None]


def _rank(view: QueueView, service_id: int, key: OrderKey) -> int:
    """How many here are due before a newcomer, among services that share a clinician on shift."""
    sharing = {service_id}.union(
        *(s.services for s in view.shifts if s.is_open and service_id in s.services)
    )
    return sum(
        c.service_id in sharing and c.presence is Presence.HERE and c.key < key for c in view.line
    )


def _refused(
    site: Site, service: Service, now: datetime, hours: Timetable | None, waiting: int
) -> Refused | None:
    try:
        check_takes(site, service, now, hours=hours, waiting=waiting)
    except Refused as refused:
        return refused
    return None

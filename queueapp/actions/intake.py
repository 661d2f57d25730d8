"""Whether a service still takes walk-ins today, said before a ticket is given."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import QueueEntry, Service, Site
from queueapp.db.queries.doors import timetable
from queueapp.domain.hours import (
    Timetable,
    current_opening,
    next_opening,
)
from queueapp.domain.localtime import local_to_utc, to_local
from queueapp.domain.refusal import conflict
from queueapp.domain.visit import EntryState


def closes_at(session: Session, site: Site, now: datetime) -> datetime | None:
    """When the site closes today; None when it does not, or is closed already."""
    hours = timetable(session, site)
    opening = current_opening(hours, now) if hours else None
    return opening.end if opening else None


def intake_opens_at(session: Session, site: Site, now: datetime) -> datetime:
    """`now` while open, else the next opening (or `now` when none is known)."""
    hours = timetable(session, site)
    if hours is None or current_opening(hours, now):
        return now
    return next_opening(hours, now) or now


def check_intake(session: Session, site: Site, service: Service, now: datetime) -> None:
    """Raise Refused (conflict) when no ticket may be given: closed, intake ended, or full."""
    waiting = 0
    if service.waiting_limit is not None:
        waiting = (
            session.scalar(
                sa.select(sa.func.count()).where(
                    QueueEntry.service_id == service.id, QueueEntry.state == EntryState.WAITING
                )
            )
            or 0
        )
    check_takes(site, service, now, hours=timetable(session, site), waiting=waiting)


def check_takes(
    site: Site, service: Service, now: datetime, *, hours: Timetable | None, waiting: int
) -> None:
    """`check_intake` by what is known already: the site's hours, and how many wait."""
    if hours is not None and current_opening(hours, now) is None:
        opens = next_opening(hours, now)
        local = to_local(site.timezone, opens) if opens else None
        again = f" We open again {local:%A at %H:%M}." if local else ""
        details = {"opens_at": local.isoformat()} if local else {}
        raise conflict("closed", f"We are closed now.{again}", **details)
    if service.intake_ends is not None:
        day = site.day_at(now)
        if now >= local_to_utc(site.timezone, day, service.intake_ends):
            raise conflict(
                "intake_ended",
                f"{service.name} takes no more walk-ins today; the last ticket was at "
                f"{service.intake_ends:%H:%M}. "
                "Book a time, choose another service or ask the desk.",
                last=f"{service.intake_ends:%H:%M}",
            )
    if service.waiting_limit is not None and waiting >= service.waiting_limit:
        raise conflict(
            "waiting_limit",
            f"{waiting} people wait for {service.name}, as many as we can see. "
            "Book a time, choose another service or ask the desk.",
            waiting=waiting,
        )

"""Dated shifts from weekly habits."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.db.models import (
    Shift,
    ShiftBreak,
    ShiftPattern,
    ShiftService,
    Site,
)
from queueapp.db.queries.duty import patterns_on, services_of, span_on
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.spans import Span


def plan_shifts(
    session: Session, actor: Actor, now: datetime, *, site_id: int, day: date
) -> list[Shift]:
    """Make the day's shifts from the weekly habits; those made, none where one is there already.

    A habit is left out where its clinician has a shift of that day over the same time, planned,
    open or closed.
    """
    site = lock_site(session, site_id)
    there: dict[int, list[Span]] = {}
    for shift in session.scalars(
        sa.select(Shift).where(Shift.site_id == site_id, Shift.day == day)
    ):
        there.setdefault(shift.clinician_id, []).append(Span(shift.planned_from, shift.planned_to))
    made = []
    for pattern in patterns_on(session, site_id, day):
        span, pause = span_on(site.timezone, pattern, day)
        taken = there.setdefault(pattern.clinician_id, [])
        if span.start == span.end or any(span.overlaps(other) for other in taken):
            continue
        taken.append(span)
        made.append(_plan(session, site, pattern, day, span, pause))
    session.flush()
    if made:
        base.note(
            session,
            actor,
            now,
            Kind.SETTINGS_CHANGED,
            site_id=site_id,
            why="shifts_planned",
            data={"day": day.isoformat(), "shifts": [shift.id for shift in made]},
        )
    return made


def _plan(
    session: Session, site: Site, pattern: ShiftPattern, day: date, span: Span, pause: Span | None
) -> Shift:
    given = services_of(session, site.id, pattern.clinician_id)
    shift = Shift(
        site_id=site.id,
        clinician_id=pattern.clinician_id,
        day=day,
        planned_from=span.start,
        planned_to=span.end,
        room_id=pattern.room_id,
        services=[ShiftService(service_id=service_id) for service_id in given],
        breaks=[ShiftBreak(starts_at=pause.start, ends_at=pause.end)] if pause else [],
    )
    session.add(shift)
    return shift

"""Dated shifts from weekly habits."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.db.models import (
    Clinician,
    ClinicianService,
    OpeningException,
    Service,
    Shift,
    ShiftBreak,
    ShiftPattern,
    ShiftService,
    Site,
)
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.localtime import ONE_DAY, local_to_utc
from queueapp.domain.spans import Span


def services_of(session: Session, site_id: int, clinician_id: int) -> list[int]:
    """The site's services in use that the clinician can give, by id."""
    return list(
        session.scalars(
            sa.select(Service.id)
            .join(ClinicianService, ClinicianService.service_id == Service.id)
            .where(
                ClinicianService.clinician_id == clinician_id,
                Service.site_id == site_id,
                Service.retired.is_(False),
            )
            .order_by(Service.id)
        )
    )


def patterns_on(session: Session, site_id: int, day: date) -> list[ShiftPattern]:
    """The habits that hold on a local day; none on a day the clinic is closed by exception."""
    closed = session.scalar(
        sa.select(OpeningException.id).where(
            OpeningException.site_id == site_id,
            OpeningException.day == day,
            OpeningException.opens.is_(None),
        )
    )
    if closed is not None:
        return []
    return list(
        session.scalars(
            sa.select(ShiftPattern)
            .join(Clinician, Clinician.id == ShiftPattern.clinician_id)
            .where(
                ShiftPattern.site_id == site_id,
                ShiftPattern.weekday == day.weekday(),
                ShiftPattern.valid_from <= day,
                sa.or_(ShiftPattern.valid_to.is_(None), ShiftPattern.valid_to >= day),
                Clinician.retired.is_(False),
            )
            .order_by(ShiftPattern.starts, ShiftPattern.id)
        )
    )


def span_on(zone: str, pattern: ShiftPattern, day: date) -> tuple[Span, Span | None]:
    """When the habit holds on `day`, and its break; past midnight runs into the next day."""
    runs_over = pattern.ends <= pattern.starts
    shift = Span(
        local_to_utc(zone, day, pattern.starts),
        local_to_utc(zone, day + ONE_DAY if runs_over else day, pattern.ends),
    )
    if pattern.break_starts is None or pattern.break_ends is None:
        return shift, None
    late = runs_over and pattern.break_starts < pattern.starts
    late_end = late or pattern.break_ends <= pattern.break_starts
    pause = Span(
        local_to_utc(zone, day + ONE_DAY if late else day, pattern.break_starts),
        local_to_utc(zone, day + ONE_DAY if late_end else day, pattern.break_ends),
    )
    return shift, pause


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

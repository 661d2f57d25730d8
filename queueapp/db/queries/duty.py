"""When clinicians are on duty: dated shifts, and weekly habits for days not planned yet."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import (
    Clinician,
    ClinicianService,
    OpeningException,
    Pause,
    Service,
    Shift,
    ShiftPattern,
    Site,
)
from queueapp.db.queries.doors import timetable
from queueapp.domain.hours import opening_spans
from queueapp.domain.localtime import ONE_DAY, local_to_utc, to_local
from queueapp.domain.spans import Span, intersect_spans, merge_spans, subtract_spans

_SITE: sa.BindParameter[int] = sa.bindparam("site")
_CLOSED_DAYS = sa.select(OpeningException.day).where(
    OpeningException.site_id == _SITE,
    OpeningException.day.between(sa.bindparam("first"), sa.bindparam("last")),
    OpeningException.opens.is_(None),
)
_PATTERNS = (
    sa.select(ShiftPattern)
    .join(Clinician, Clinician.id == ShiftPattern.clinician_id)
    .where(
        ShiftPattern.site_id == _SITE,
        ShiftPattern.valid_from <= sa.bindparam("last"),
        sa.or_(ShiftPattern.valid_to.is_(None), ShiftPattern.valid_to >= sa.bindparam("first")),
        Clinician.retired.is_(False),
    )
    .order_by(ShiftPattern.starts, ShiftPattern.id)
)
# By day, not by time: a dated shift stands for its day's habit though it be shorter.
_SHIFTS = (
    sa.select(Shift)
    .where(Shift.site_id == _SITE, Shift.day.between(sa.bindparam("first"), sa.bindparam("last")))
    .options(selectinload(Shift.services), selectinload(Shift.breaks), selectinload(Shift.pauses))
    .order_by(Shift.id)
)
_SHIFTS_OF_ONE = _SHIFTS.where(Shift.clinician_id == sa.bindparam("clinician"))
_ABLE = sa.select(ClinicianService.clinician_id).where(
    ClinicianService.service_id == sa.bindparam("service")
)


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
    if day in _closed_days(session, site_id, day, day):
        return []
    patterns = _patterns(session, site_id, day, day)
    return [pattern for pattern in patterns if pattern.weekday == day.weekday()]


def _closed_days(session: Session, site_id: int, first: date, last: date) -> set[date]:
    values = {"site": site_id, "first": first, "last": last}
    return set(session.scalars(_CLOSED_DAYS, values))


def _patterns(session: Session, site_id: int, first: date, last: date) -> list[ShiftPattern]:
    """The habits that hold on any day from `first` to `last`."""
    values = {"site": site_id, "first": first, "last": last}
    return list(session.scalars(_PATTERNS, values))


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


def opening_of(session: Session, site: Site, over: Span) -> list[Span]:
    """When the doors are open within `over`; a site without opening hours is always open.

    Days with exceptions, such as a holiday, are as the exceptions say.
    """
    doors = timetable(session, site)
    if doors is None:
        return [over]
    first, last = _days(site, over)
    return intersect_spans([over], opening_spans(doors, first, last))


def on_duty(
    session: Session,
    site: Site,
    service: Service,
    over: Span,
    now: datetime,
    clinician_id: int | None = None,
) -> Mapping[int, list[Span]]:
    """When each clinician gives the service within `over`: breaks, pauses and closed doors apart.

    A day's weekly habits count until the day is opened, but where a dated shift stands instead.
    """
    found: dict[int, list[Span]] = defaultdict(list)
    away: list[Span] = []
    dated: dict[int, list[Span]] = defaultdict(list)
    for shift in _shifts(session, site, over, clinician_id):
        planned = Span(shift.planned_from, shift.planned_to)
        dated[shift.clinician_id].append(planned)
        start = shift.actual_from or shift.planned_from
        end = max(start, shift.actual_to or shift.planned_to)
        if service.id in {link.service_id for link in shift.services}:
            away = [Span(b.starts_at, b.ends_at) for b in shift.breaks]
            away += [_away(p, now, end) for p in shift.pauses if p.ended_at is None]
            found[shift.clinician_id] += subtract_spans([Span(start, end)], away)
    for owner, span, rest in _habits(session, site, service, over, clinician_id):
        if not any(span.overlaps(other) for other in dated[owner]):
            found[owner] += subtract_spans([span], [rest] if rest else [])
    doors = opening_of(session, site, over)
    return {owner: intersect_spans(merge_spans(spans), doors) for owner, spans in found.items()}


def _days(site: Site, over: Span) -> tuple[date, date]:
    # What began the day before may run past midnight.
    first = to_local(site.timezone, over.start).date() - ONE_DAY
    return first, to_local(site.timezone, over.end).date()


def _away(pause: Pause, now: datetime, shift_end: datetime) -> Span:
    back = shift_end if pause.until is None else max(pause.until, now)
    return Span(pause.started_at, max(pause.started_at, back))


def _shifts(session: Session, site: Site, over: Span, clinician_id: int | None) -> list[Shift]:
    first, last = _days(site, over)
    values = {"site": site.id, "first": first, "last": last}
    if clinician_id is None:
        return list(session.scalars(_SHIFTS, values))
    return list(session.scalars(_SHIFTS_OF_ONE, {**values, "clinician": clinician_id}))


def _habits(
    session: Session, site: Site, service: Service, over: Span, clinician_id: int | None
) -> list[tuple[int, Span, Span | None]]:
    able = set(session.scalars(_ABLE, {"service": service.id}))
    if clinician_id is not None:
        able &= {clinician_id}
    day, last = _days(site, over)
    if site.opened_day is not None:
        day = max(day, site.opened_day + ONE_DAY)
    if not able or day > last:
        return []
    closed = _closed_days(session, site.id, day, last)
    weekly = defaultdict(list)
    for pattern in _patterns(session, site.id, day, last):
        if pattern.clinician_id in able:
            weekly[pattern.weekday].append(pattern)
    found = []
    while day <= last:
        for pattern in weekly[day.weekday()] if day not in closed else ():
            if pattern.valid_from <= day and (pattern.valid_to or day) >= day:
                found.append((pattern.clinician_id, *span_on(site.timezone, pattern, day)))
        day += ONE_DAY
    return found

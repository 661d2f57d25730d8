"""A manager's day: each service and class against its target, by hour, and who was not seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Appointment, Service, ServiceTarget, Site
from queueapp.db.queries.figures import Figures, count_no_shows, count_turned_away, figures_of
from queueapp.db.queries.hits import Hits, count_hits
from queueapp.db.queries.wait_rows import WaitRows, load_waits, micros
from queueapp.domain.localtime import ONE_DAY, local_to_utc, service_day, service_day_span
from queueapp.domain.rules import SiteRules
from queueapp.domain.spans import Span
from queueapp.domain.targets import Target, target_for
from queueapp.domain.verdicts import Verdict, verdict, wilson
from queueapp.domain.visit import AppointmentState, EntryClass, EntryState

DEFAULT_SHARE = 0.8
_ORDER = [c.value for c in (EntryClass.EMERGENCY, EntryClass.URGENT, EntryClass.BOOKED)]
_LAST = [EntryClass.WALK_IN.value, EntryClass.ONWARD.value]


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One service and class against its target; `low`-`high` is where the true share lies."""

    service: Service
    entry_class: str
    within: timedelta
    aim: float
    figures: Figures
    waiting: int
    no_shows: int
    verdict: Verdict
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class HourRow:
    """Those who arrived in one hour of the local clock; `expected` bookings are still to come."""

    starts_at: datetime
    booked: Figures
    others: Figures
    expected: int


@dataclass(frozen=True, slots=True)
class Board:
    """A service day; services that are no care are left out."""

    day: date
    span: Span
    services: tuple[Service, ...]
    total: Figures
    targets: tuple[TargetRow, ...]
    hours: dict[int, tuple[HourRow, ...]]
    no_shows: int
    turned_away: int
    kept: Hits


def load_board(session: Session, site: Site, now: datetime) -> Board:
    """Today's board, true as of the session's snapshot. `hours` are by service id; 0 is all."""
    rules = site.rules
    day = service_day(site.timezone, now, rules.day_starts_at)
    span = service_day_span(site.timezone, day, rules.day_starts_at)
    services = care_services(session, site)
    ids = [s.id for s in services]
    rows = load_waits(session, site.id, span, service_ids=ids)
    no_shows = count_no_shows(session, site.id, span)
    expected = _expected(session, site, span, ids)
    return Board(
        day=day,
        span=span,
        services=tuple(services),
        total=figures_of(rows),
        targets=tuple(target_rows(session, services, rows, no_shows, day, rules)),
        hours={
            key: tuple(_hours(site, day, part, [at for at, s in expected if key in (0, s)]))
            for key, part in [(0, rows), *((i, rows.where(rows.service == i)) for i in ids)]
        },
        no_shows=sum(no_shows.get(i, 0) for i in ids),
        turned_away=count_turned_away(session, site.id, span),
        kept=sum(count_hits(session, site, span).values(), Hits()),
    )


def care_services(session: Session, site: Site) -> list[Service]:
    """The site's services that boards show, in its order; retired ones too, while they had any."""
    return list(
        session.scalars(
            sa.select(Service)
            .where(Service.site_id == site.id, Service.not_care.is_(False))
            .order_by(Service.position, Service.id)
        )
    )


def target_rows(
    session: Session,
    services: Iterable[Service],
    rows: WaitRows,
    no_shows: dict[int, int],
    day: date,
    rules: SiteRules,
) -> Iterable[TargetRow]:
    """One row per service and class that has a target of its own or had anybody."""
    targets = targets_of(session, services)
    for service in services:
        own = [t for t in targets if t.service_id == service.id]
        mine = rows.where(rows.service == service.id)
        classes = set(mine.entry_class.tolist())
        if not service.retired:
            classes |= {t.entry_class for t in own if t.valid_from <= day}
        if no_shows.get(service.id):
            classes.add(EntryClass.BOOKED.value)
        for entry_class in sorted(classes, key=_class_order):
            part = mine.where(mine.entry_class == entry_class)
            figures = figures_of(part)
            aim = share_for(own, entry_class, day)
            low, high = wilson(figures.within, figures.judged)
            booked = entry_class == EntryClass.BOOKED
            yield TargetRow(
                service=service,
                entry_class=entry_class,
                within=target_for(own, service.id, entry_class, day, rules),
                aim=aim,
                figures=figures,
                waiting=int((part.state == EntryState.WAITING.value).sum()),
                no_shows=no_shows.get(service.id, 0) if booked else 0,
                verdict=verdict(figures.within, figures.judged, aim),
                low=low,
                high=high,
            )


def targets_of(session: Session, services: Iterable[Service]) -> list[Target]:
    """The dated targets of the services."""
    query = sa.select(ServiceTarget).where(ServiceTarget.service_id.in_([s.id for s in services]))
    return [
        Target(t.service_id, t.entry_class, t.within, t.share, t.valid_from)
        for t in session.scalars(query)
    ]


def share_for(targets: Iterable[Target], entry_class: str, day: date) -> float:
    """The share to be called in time that is in force; a class without a target aims at 80 %."""
    in_force = [t for t in targets if t.entry_class == entry_class and t.valid_from <= day]
    return max(in_force, key=lambda t: t.valid_from).share if in_force else DEFAULT_SHARE


def hour_edges(zone: str, day: date, starts_at: time) -> list[datetime]:
    """The instants at which the hours of a service day begin, and its end.

    An hour that the clocks repeat is one of two hours' length; one they skip has none.
    """
    first = service_day_span(zone, day, starts_at)
    edges = [first.start]
    for n in range(starts_at.hour + 1, starts_at.hour + 25):
        edge = local_to_utc(zone, day + ONE_DAY * (n // 24), time(n % 24))
        if edges[-1] < edge < first.end:
            edges.append(edge)
    return [*edges, first.end]


def _class_order(entry_class: str) -> tuple[int, str]:
    if entry_class in _ORDER:
        return _ORDER.index(entry_class), ""
    return 10 + (_LAST.index(entry_class) if entry_class in _LAST else -1), entry_class


def _hours(site: Site, day: date, rows: WaitRows, expected: list[datetime]) -> Iterable[HourRow]:
    edges = hour_edges(site.timezone, day, site.rules.day_starts_at)
    of_row = np.searchsorted(micros(edges), rows.arrived, side="right") - 1
    to_come = np.searchsorted(micros(edges), micros(expected), side="right") - 1
    used = {*of_row.tolist(), *to_come.tolist()}
    if not used:
        return
    booked = rows.entry_class == EntryClass.BOOKED.value
    for n in range(min(used), max(used) + 1):
        here = of_row == n
        yield HourRow(
            edges[n],
            figures_of(rows.where(here & booked)),
            figures_of(rows.where(here & ~booked)),
            int((to_come == n).sum()),
        )


def _expected(
    session: Session, site: Site, span: Span, service_ids: list[int]
) -> list[tuple[datetime, int]]:
    query = sa.select(Appointment.starts_at, Appointment.service_id).where(
        Appointment.site_id == site.id,
        Appointment.state == AppointmentState.BOOKED,
        Appointment.service_id.in_(service_ids),
        Appointment.starts_at >= span.start,
        Appointment.starts_at < span.end,
    )
    return [(row[0], row[1]) for row in session.execute(query)]

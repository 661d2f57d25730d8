"""How waits and targets have gone over days and weeks, beside the same stretch before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from queueapp.db.models import Service, Site
from queueapp.db.queries.board import (
    care_services,
    hour_edges,
    share_for,
    targets_of,
)
from queueapp.db.queries.figures import Figures, figures_of
from queueapp.db.queries.hits import Hits, count_hits
from queueapp.db.queries.time_spent import TimeSpent, load_time_spent
from queueapp.db.queries.told import count_answers
from queueapp.db.queries.wait_rows import WaitRows, load_waits, micros
from queueapp.domain.control import Limits, limits
from queueapp.domain.localtime import ONE_DAY, service_day, service_day_span, to_local
from queueapp.domain.spans import Span
from queueapp.domain.verdicts import share_difference

_FEWEST = 5
_MINUTE = 60_000_000
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Period:
    """One day or week; `limits` are None where there is too little to draw them from."""

    first: date
    days: int
    figures: Figures
    limits: Limits | None


@dataclass(frozen=True, slots=True)
class Change:
    """A figure now and before, and its change with the interval it lies in (95 in 100)."""

    name: str
    now: float | None
    before: float | None
    change: tuple[float, float, float] | None
    less_is_better: bool

    @property
    def word(self) -> str:
        """`Better` or `Worse` only where the whole interval says so."""
        if self.change is None:
            return "Too few to say"
        _, low, high = self.change
        if low <= 0 <= high:
            return "Unclear"
        return "Better" if (high < 0) == self.less_is_better else "Worse"


@dataclass(frozen=True, slots=True)
class Trend:
    """`choices` are the (service, class) there were; `heat` is median minutes by hour, weekday.

    `spent` is where the time of a visit went: before, and now.
    """

    first: date
    last: date
    periods: tuple[Period, ...]
    now: Figures
    before: Figures
    changes: tuple[Change, ...]
    aim: float | None
    heat: dict[int, tuple[float | None, ...]]
    choices: tuple[tuple[Service, str], ...]
    spent: tuple[TimeSpent, TimeSpent]


def load_trend(
    session: Session,
    site: Site,
    now: datetime,
    *,
    count: int,
    weeks: bool,
    service_id: int | None = None,
    entry_class: str | None = None,
) -> Trend:
    """The last `count` whole days or weeks (from Monday), and as many before them."""
    days = count * _WEEK if weeks else count
    today = service_day(site.timezone, now, site.rules.day_starts_at)
    end = today - ONE_DAY * today.weekday() if weeks else today
    starts = [end - ONE_DAY * (2 * days - n) for n in range(2 * days + 1)]
    edges = [service_day_span(site.timezone, d, site.rules.day_starts_at).start for d in starts]
    services = care_services(session, site)
    everyone = load_waits(
        session, site.id, Span(edges[0], edges[-1]), service_ids=[s.id for s in services]
    )
    rows = _chosen(everyone, service_id, entry_class)
    of_day = np.searchsorted(micros(edges), rows.arrived, side="right") - 1
    recent, older = rows.where(of_day >= days), rows.where(of_day < days)
    figures, before = figures_of(recent), figures_of(older)
    stretches = Span(edges[0], edges[days]), Span(edges[days], edges[-1])
    was, is_now = load_time_spent(
        session, site.id, stretches, [s.id for s in services], service_id, entry_class
    )
    changes = list(_changes(recent, older, figures, before))
    if service_id is None and entry_class is None:
        changes += _told(session, site, *stretches)
    aim = None
    if service_id is not None and entry_class is not None:
        own = targets_of(session, [s for s in services if s.id == service_id])
        aim = share_for(own, entry_class, today)
    return Trend(
        first=starts[days],
        last=end - ONE_DAY,
        periods=tuple(_periods(starts, rows, of_day, days, _WEEK if weeks else 1)),
        now=figures,
        before=before,
        changes=tuple(changes),
        aim=aim,
        heat=_heat(site, starts[days:-1], recent),
        choices=tuple(_choices(services, everyone)),
        spent=(was, is_now),
    )


def _chosen(rows: WaitRows, service_id: int | None, entry_class: str | None) -> WaitRows:
    mask = np.ones(len(rows), dtype=bool)
    if service_id is not None:
        mask &= rows.service == service_id
    if entry_class is not None:
        mask &= rows.entry_class == entry_class
    return rows.where(mask)


def _choices(services: Iterable[Service], rows: WaitRows) -> Iterable[tuple[Service, str]]:
    for service in services:
        for entry_class in np.unique(rows.entry_class[rows.service == service.id]).tolist():
            yield service, entry_class


def _periods(
    starts: list[date], rows: WaitRows, of_day: NDArray[np.int64], first: int, length: int
) -> Iterable[Period]:
    found = []
    for n in range(first, 2 * first, length):
        figures = figures_of(rows.where((of_day >= n) & (of_day < n + length)))
        if figures.judged:
            found.append((starts[n], figures))
    lines = limits([(f.within, f.judged) for _, f in found])
    for n, (day, figures) in enumerate(found):
        yield Period(day, length, figures, lines[n] if lines else None)


def _changes(rows: WaitRows, older: WaitRows, now: Figures, before: Figures) -> Iterable[Change]:
    yield Change(
        "Called within target",
        now.share,
        before.share,
        share_difference(now.within, now.judged, before.within, before.judged),
        less_is_better=False,
    )
    for name, q in (("Median wait", 0.5), ("9 in 10 within", 0.9)):
        mine, theirs = _quantile(rows, q), _quantile(older, q)
        yield Change(
            name,
            mine[0] if mine else None,
            theirs[0] if theirs else None,
            _difference(mine, theirs),
            less_is_better=True,
        )
    yield Change(
        "Left without being seen",
        now.left / now.arrived if now.arrived else None,
        before.left / before.arrived if before.arrived else None,
        share_difference(now.left, now.arrived, before.left, before.arrived),
        less_is_better=True,
    )


def _told(session: Session, site: Site, older: Span, recent: Span) -> Iterable[Change]:
    """Promises kept, and what patients said afterwards: told of the whole clinic alone."""
    spans = (recent, older)
    kept, before = (sum(count_hits(session, site, one).values(), Hits()) for one in spans)
    yield _share("Promises kept", kept.inside, kept.told, before.inside, before.told)
    now, then = (count_answers(session, site.id, span) for span in (recent, older))
    yield _share("Sorted out the first time", now.yes, now.told, then.yes, then.told)


def _share(name: str, hits: int, of: int, before_hits: int, before_of: int) -> Change:
    return Change(
        name,
        hits / of if of else None,
        before_hits / before_of if before_of else None,
        share_difference(hits, of, before_hits, before_of),
        less_is_better=False,
    )


def _quantile(rows: WaitRows, q: float) -> tuple[float, float, float] | None:
    """A quantile of the waits in minutes with the interval between two of them (Woodruff)."""
    waits = rows.wait[rows.wait >= 0]
    n = len(waits)
    if n < _FEWEST:
        return None
    reach = NormalDist().inv_cdf(0.975) * sqrt(q * (1 - q) / n)
    low, high = max(0.0, q - reach), min(1.0, q + reach)
    at, least, most = (float(p) / _MINUTE for p in np.quantile(waits, [q, low, high]))
    return at, least, most


def _difference(
    now: tuple[float, float, float] | None, before: tuple[float, float, float] | None
) -> tuple[float, float, float] | None:
    if now is None or before is None:
        return None
    change = now[0] - before[0]
    return (
        change,
        change - sqrt((now[0] - now[1]) ** 2 + (before[2] - before[0]) ** 2),
        change + sqrt((now[2] - now[0]) ** 2 + (before[0] - before[1]) ** 2),
    )


def _heat(site: Site, days: list[date], rows: WaitRows) -> dict[int, tuple[float | None, ...]]:
    """Median minutes by local hour of arrival; None where fewer than five came."""
    starts_at = site.rules.day_starts_at
    edges: list[datetime] = []
    weekday = []
    for day in days:
        of_this = hour_edges(site.timezone, day, starts_at)[:-1]
        edges += of_this
        weekday += [day.weekday()] * len(of_this)
    hours = np.array([to_local(site.timezone, edge).hour for edge in edges])
    waited = rows.wait >= 0
    slot = np.searchsorted(micros(edges), rows.arrived[waited], side="right") - 1
    wait, hour, day_of = rows.wait[waited], hours[slot], np.array(weekday)[slot]
    found = {}
    for h in sorted(set(hour.tolist()), key=lambda h: (h - starts_at.hour) % 24):
        cells = [wait[(hour == h) & (day_of == d)] for d in range(_WEEK)]
        found[h] = tuple(
            float(np.median(cell)) / _MINUTE if len(cell) >= _FEWEST else None for cell in cells
        )
    return found

"""Figures of a range: how many came, how long they waited, who was called in time."""

from datetime import date, datetime, time
from typing import Annotated

import sqlalchemy as sa
from pydantic import Field

from queueapp.db.models import Service
from queueapp.db.queries.figures import DAWN, DUSK, Metrics, load_metrics
from queueapp.domain.localtime import local_to_utc
from queueapp.domain.refusal import invalid
from queueapp.domain.spans import Span
from queueapp.web.api.fields import Day, Input, Moment, Output, Slug, instant, line
from queueapp.web.api.lookups import service_of, site_row
from queueapp.web.api.table import Ask, Call

_LABEL = r"^[a-z][a-z0-9_-]*$"
WaitSeconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class MetricsQuery(Input):
    """The half-open range of arrivals: from `from` up to, and without, `to`; today unless said.

    Local to the site unless an offset is given; a date is its first moment.
    """

    from_: Annotated[Moment | Day | None, Field(alias="from")] = None
    to: Moment | Day | None = None
    service: Slug | None = None
    class_: Annotated[str | None, line(32, _LABEL), Field(alias="class")] = None


class MetricsOut(Output):
    """What FORMATS calls `metrics`; nulls where nobody has been called.

    `n` entries have a wait. `within_target` of the `judged` were called by their `due_by`;
    `judged` were called, or left after it. `served`, `left_without_being_seen`, `not_reached`,
    `transferred`, `cancelled` and `open` add up to `arrived`.
    """

    arrived: Count
    served: Count
    left_without_being_seen: Count
    not_reached: Count
    transferred: Count
    cancelled: Count
    open: Count
    no_show: Count
    turned_away: Count
    n: Count
    median_wait_s: WaitSeconds | None
    active_median_wait_s: WaitSeconds | None
    p90_wait_s: WaitSeconds | None
    max_wait_s: WaitSeconds | None
    within_target: Count
    judged: Count
    share_within_target: Annotated[float, Field(ge=0, le=1)] | None

    @classmethod
    def of(cls, found: Metrics) -> "MetricsOut":
        """The answer for those figures."""
        figures = found.figures
        return cls(
            arrived=figures.arrived,
            served=figures.served,
            left_without_being_seen=figures.left,
            not_reached=figures.not_reached,
            transferred=figures.transferred,
            cancelled=figures.cancelled,
            open=figures.open,
            no_show=found.no_show,
            turned_away=found.turned_away,
            n=figures.n,
            median_wait_s=figures.median_s,
            active_median_wait_s=figures.active_median_s,
            p90_wait_s=figures.p90_s,
            max_wait_s=figures.max_s,
            within_target=figures.within,
            judged=figures.judged,
            share_within_target=figures.share,
        )


def read_metrics(ask: Ask) -> tuple[int, MetricsOut]:
    """Arrivals, waits and targets of a range, per event."""
    assert ask.site is not None
    site, query = site_row(ask.session, ask.site), ask.query
    if query.from_ is None and query.to is None:
        span = site.span_of(site.day_at(ask.now))
    else:
        since = _edge(site.timezone, query.from_) or DAWN
        until = _edge(site.timezone, query.to) or max(DUSK, since)
        if until < since:
            raise invalid("to", "Give a time that is not before `from`; `to` is not included.")
        span = Span(since, until)
    service = None
    if query.service is not None:
        service = ask.session.scalars(
            sa.select(Service).where(Service.site_id == site.id, Service.slug == query.service)
        ).one_or_none() or service_of(ask.session, ask.site, query.service)
    found = load_metrics(ask.session, site, span, service=service, entry_class=query.class_)
    return 200, MetricsOut.of(found)


def _edge(zone: str, given: datetime | date | None) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return instant(zone, given) if given else None
    return local_to_utc(zone, given, time(0))


CALLS = (
    Call(
        "GET",
        "/sites/{site}/metrics",
        read_metrics,
        ("manager",),
        {200: MetricsOut},
        query=MetricsQuery,
    ),
)

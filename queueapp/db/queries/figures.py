"""What waits come to: counts, percentiles and the share within target, per event.

Every group is computed from its own waits; nothing is ever averaged from averages.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import (
    TURNED_AWAY,
    Appointment,
    QueueEntry,
    Service,
    ServiceTarget,
    Site,
    VisitEvent,
)
from queueapp.db.queries.wait_rows import WaitRows, counted, judged_columns, load_waits
from queueapp.domain.spans import Span
from queueapp.domain.visit import OPEN_STATES, AppointmentState, EntryClass, EntryState

_SECOND = 1_000_000
_REGULAR = "regular"
DAWN, DUSK = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a set of entries; waits are seconds, None where nobody has been called.

    `n` have a wait. `judged` were called or left after `due_by`: of them `within` were called by
    it. `left` went without being seen; `not_reached` (the clinic closed first) is apart from it.
    """

    arrived: int
    served: int
    left: int
    not_reached: int
    transferred: int
    cancelled: int
    open: int
    n: int
    median_s: float | None
    p90_s: float | None
    max_s: float | None
    active_median_s: float | None
    within: int
    judged: int

    @property
    def share(self) -> float | None:
        """The share called by `due_by`, 0-1."""
        return self.within / self.judged if self.judged else None


def figures_of(rows: WaitRows) -> Figures:
    """The figures of all the rows; percentiles by linear interpolation."""
    waited = rows.wait >= 0
    wait = rows.wait[waited]
    states, counts = np.unique(rows.state, return_counts=True)
    by_state = dict(zip(states.tolist(), counts.tolist(), strict=True))
    median = p90 = longest = active = None
    if len(wait):
        median, p90 = (float(p) / _SECOND for p in np.percentile(wait, [50, 90]))
        longest = float(wait.max()) / _SECOND
        active = float(np.median(np.maximum(wait - rows.out[waited], 0))) / _SECOND
    return Figures(
        arrived=len(rows),
        served=by_state.get(EntryState.FINISHED, 0),
        left=by_state.get(EntryState.LEFT, 0),
        not_reached=by_state.get(EntryState.NOT_REACHED, 0),
        transferred=by_state.get(EntryState.TRANSFERRED, 0),
        cancelled=by_state.get(EntryState.CANCELLED, 0),
        open=sum(by_state.get(state, 0) for state in OPEN_STATES),
        n=len(wait),
        median_s=median,
        p90_s=p90,
        max_s=longest,
        active_median_s=active,
        within=int(rows.in_time.sum()),
        judged=int(rows.judged.sum()),
    )


def count_no_shows(
    session: Session, site_id: int, span: Span, service_id: int | None = None
) -> dict[int, int]:
    """Bookings of the span whose patient did not come, by service."""
    query = sa.select(Appointment.service_id, sa.func.count()).where(
        Appointment.site_id == site_id,
        Appointment.starts_at >= span.start,
        Appointment.starts_at < span.end,
        Appointment.state == AppointmentState.NO_SHOW,
        Appointment.visit_id.is_(None),
    )
    if service_id is not None:
        query = query.where(Appointment.service_id == service_id)
    return {row[0]: row[1] for row in session.execute(query.group_by(Appointment.service_id))}


def count_turned_away(
    session: Session, site_id: int, span: Span, service_id: int | None = None
) -> int:
    """Who was told in the span that no ticket is given: closed, intake over, or too many wait."""
    query = sa.select(VisitEvent.data).where(
        VisitEvent.site_id == site_id,
        TURNED_AWAY,
        VisitEvent.recorded_at >= span.start,
        VisitEvent.recorded_at < span.end,
    )
    said = session.scalars(query).all()
    return sum(service_id in (None, data.get("service")) for data in said)


_IN_TIME = (
    sa.select(QueueEntry.service_id, QueueEntry.entry_class, *map(sa.func.sum, judged_columns()))
    .where(
        QueueEntry.site_id == sa.bindparam("site"),
        QueueEntry.arrived_at >= sa.bindparam("start"),
        QueueEntry.arrived_at < sa.bindparam("end"),
        counted(),
    )
    .group_by(QueueEntry.service_id, QueueEntry.entry_class)
)


def count_in_time(
    session: Session, site_id: int, span: Span
) -> dict[tuple[int, str], tuple[int, int]]:
    """Called by `due_by`, of those called or left after it: by service and class."""
    rows = session.connection().execute(
        _IN_TIME, {"site": site_id, "start": span.start, "end": span.end}
    )
    return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of a range, and who never became an entry."""

    figures: Figures
    no_show: int
    turned_away: int


def load_metrics(
    session: Session,
    site: Site,
    span: Span,
    *,
    service: Service | None = None,
    entry_class: str | None = None,
) -> Metrics:
    """The figures of the entries that arrived in the half-open span.

    A no-show counts at its booked time, as `booked`; one turned away when it was said, as a
    walk-in.
    """
    rows = load_waits(
        session,
        site.id,
        span,
        service_ids=None if service is None else [service.id],
        classes=None if entry_class is None else _of_class(entry_class),
    )
    service_id = service.id if service else None
    no_shows, turned_away = 0, 0
    if entry_class in (None, EntryClass.BOOKED):
        no_shows = sum(count_no_shows(session, site.id, span, service_id).values())
    if entry_class in (None, EntryClass.WALK_IN, _REGULAR):
        turned_away = count_turned_away(session, site.id, span, service_id)
    return Metrics(figures_of(rows), no_shows, turned_away)


def _of_class(entry_class: str) -> sa.ColumnElement[bool]:
    """Entries of a class; `regular` is a walk-in's where the service has no such target."""
    same = QueueEntry.entry_class == entry_class
    if entry_class != _REGULAR:
        return same
    with_its_own = sa.select(ServiceTarget.service_id).where(
        ServiceTarget.entry_class == entry_class
    )
    walk_in = QueueEntry.entry_class == EntryClass.WALK_IN
    return sa.or_(same, sa.and_(walk_in, QueueEntry.service_id.not_in(with_its_own)))

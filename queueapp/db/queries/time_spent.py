"""Where the time of a visit goes: waiting, walking, with the clinician, between services."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from queueapp.db.models import QueueEntry, Visit
from queueapp.db.queries.wait_rows import NONE, Instant, counted, micros, read_instants
from queueapp.domain.spans import Span
from queueapp.domain.visit import EntryState

_MINUTE = 60_000_000
STAGES = (
    "Waiting for the first call",
    "Walking to the room",
    "With the clinician",
    "Waiting between services",
)
_SEEN = (EntryState.FINISHED, EntryState.TRANSFERRED)


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Mean minutes of a visit by stage, in the order of `STAGES`; None where nobody was seen."""

    visits: int
    minutes: tuple[float, ...]

    @property
    def total(self) -> float:
        """Mean minutes from arrival to departure, as far as they were recorded."""
        return sum(self.minutes)


def load_time_spent(
    session: Session,
    site_id: int,
    spans: Collection[Span],
    service_ids: Collection[int],
    service_id: int | None = None,
    entry_class: str | None = None,
) -> list[TimeSpent]:
    """For each half-open span: the visits that arrived in it, were seen, and are over.

    With a service or a class, only the legs that are so, of the visits that have one. A visit with
    an end that nobody entered is left out, as its length is not known.
    """
    e = QueueEntry
    reference = sa.case((e.scheduled_at > e.arrived_at, e.scheduled_at), else_=e.arrived_at)
    unknown = sa.select(e.visit_id).where(e.site_id == site_id, e.end_unknown)
    query = (
        sa.select(
            e.visit_id,
            sa.case((e.previous_id.is_not(None), 1), else_=0),
            *map(Instant, (e.arrived_at, reference, e.called_at, e.started_at, e.ended_at)),
        )
        .join(Visit, Visit.id == e.visit_id)
        .where(
            e.site_id == site_id,
            e.arrived_at >= min(s.start for s in spans),
            e.arrived_at < max(s.end for s in spans),
            e.state.in_(_SEEN),
            e.service_id.in_(service_ids),
            e.started_at.is_not(None),
            Visit.departed_at.is_not(None),
            e.visit_id.not_in(unknown),
            counted(),
        )
    )
    if service_id is not None:
        query = query.where(e.service_id == service_id)
    if entry_class is not None:
        query = query.where(e.entry_class == entry_class)
    columns = list(zip(*session.connection().execute(query).all(), strict=True)) or [()] * 7
    visit, onward = (np.array(column, dtype=np.int64) for column in columns[:2])
    arrived, due, called, began, ended = map(read_instants, columns[2:])
    called = np.where(called == NONE, began, np.minimum(called, began))
    wait = np.maximum(called - due, 0)
    stages = np.stack(
        [
            np.where(onward == 0, wait, 0),
            began - called,
            np.maximum(ended - began, 0),
            np.where(onward == 1, wait, 0),
        ]
    )
    edges = [micros([span.start, span.end]) for span in spans]
    return [_mean(visit, stages, (arrived >= a) & (arrived < b)) for a, b in edges]


def _mean(
    visit: NDArray[np.int64], stages: NDArray[np.int64], here: NDArray[np.bool_]
) -> TimeSpent:
    """All minutes of a stage over all visits, whether or not they had that stage."""
    visits = len(np.unique(visit[here]))
    if not visits:
        return TimeSpent(0, (0.0,) * len(STAGES))
    return TimeSpent(visits, tuple(stages[:, here].sum(axis=1) / _MINUTE / visits))

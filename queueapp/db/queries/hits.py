"""How first promises came out, by service: counted from what was stored when they were told."""

from dataclasses import dataclass, fields
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Promise, QueueEntry, Service, Site
from queueapp.db.queries.wait_rows import counted
from queueapp.domain.quantiles import NOBODY_ON_DUTY
from queueapp.domain.spans import Span
from queueapp.domain.visit import EntryState

ENOUGH = 30


@dataclass(frozen=True, slots=True)
class Hits:
    """First promises: the first standing call came sooner, inside the range, or later or never.

    `apart` are those of people who left uncalled or stepped out: the wait was then their own.
    """

    sooner: int = 0
    inside: int = 0
    later: int = 0
    apart: int = 0

    @property
    def told(self) -> int:
        """How many there are to judge."""
        return self.sooner + self.inside + self.later

    @property
    def share(self) -> float | None:
        """The share (0-1) that was right; None while there are too few to say."""
        return self.inside / self.told if self.told >= ENOUGH else None

    @property
    def in_time(self) -> float | None:
        """The share (0-1) called not later than told; None while there are too few to say."""
        return (self.sooner + self.inside) / self.told if self.told >= ENOUGH else None

    def __add__(self, other: "Hits") -> "Hits":
        return Hits(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def count_hits(session: Session, site: Site, span: Span) -> dict[int, Hits]:
    """By each service that is care, of those who arrived in the half-open span.

    Nobody is counted who still waits, or who was told that nothing can be said. Whom the clinic
    did not reach before it closed was promised a call that never came.
    """
    e, called = QueueEntry, QueueEntry.called_at
    out = sa.or_(e.stepped_out > timedelta(0), e.stepped_out_at.is_not(None))
    never = sa.and_(called.is_(None), e.state == EntryState.NOT_REACHED)
    kinds = sa.case(
        (out, "apart"),
        (called < Promise.low_at, "sooner"),
        (called <= Promise.high_at, "inside"),
        (sa.or_(called.is_not(None), never), "later"),
        else_="apart",
    )
    each = (
        sa.select(e.service_id, kinds.label("kind"))
        .join(Promise, sa.and_(Promise.entry_id == e.id, Promise.number == 1))
        .join(Service, Service.id == e.service_id)
        .where(
            e.site_id == site.id,
            e.arrived_at >= span.start,
            e.arrived_at < span.end,
            sa.or_(called.is_not(None), e.state != EntryState.WAITING),
            counted(),
            Service.not_care.is_(False),
            Promise.low_at.is_not(None),
            Promise.high_at.is_not(None),
            Promise.basis != NOBODY_ON_DUTY,
        )
        .subquery()
    )
    rows = session.execute(
        sa.select(each.c.service_id, each.c.kind, sa.func.count()).group_by(
            each.c.service_id, each.c.kind
        )
    )
    care = sa.select(Service.id).where(Service.site_id == site.id, Service.not_care.is_(False))
    found: dict[int, dict[str, int]] = {service_id: {} for service_id in session.scalars(care)}
    for service_id, kind, count in rows:
        found[service_id][kind] = count
    return {service_id: Hits(**kinds) for service_id, kinds in found.items()}


_ARRIVED = (
    sa.select(sa.func.count())
    .select_from(QueueEntry)
    .where(
        QueueEntry.site_id == sa.bindparam("site"),
        QueueEntry.arrived_at >= sa.bindparam("start"),
        QueueEntry.arrived_at < sa.bindparam("end"),
    )
)


def count_arrived(session: Session, site: Site, span: Span) -> int:
    """How many entries arrived in the half-open span: changes when its figures may have."""
    found = session.connection().scalar(
        _ARRIVED, {"site": site.id, "start": span.start, "end": span.end}
    )
    return found or 0

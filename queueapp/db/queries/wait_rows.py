"""The waits of a range as columns of numbers: read once, then grouped in any way one likes."""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from queueapp.db.models import QueueEntry
from queueapp.domain.spans import Span
from queueapp.domain.visit import EntryState

# A long read gives way between parts, so that screens and requests do not wait for all of it.
PART = 20_000
NONE = -1
_MICRO = timedelta(microseconds=1)


class Instant(FunctionElement[Any]):
    """An instant as it is quickest read in great number: text as SQLite keeps it, else numbers."""

    inherit_cache = True
    name = "instant"
    type = sa.types.NullType()


@compiles(Instant, "sqlite")
def _as_text(element: Any, compiler: Any, **kw: Any) -> str:
    text: str = compiler.process(element.clauses, **kw)
    return text


@compiles(Instant, "postgresql")
def _as_micros(element: Any, compiler: Any, **kw: Any) -> str:
    instant = compiler.process(element.clauses, **kw)
    return f"CAST(EXTRACT(EPOCH FROM {instant}) * 1000000 AS BIGINT)"


def read_instants(values: Sequence[Any]) -> NDArray[np.int64]:
    """Microseconds since 1970, exactly; -1 for none."""
    if any(isinstance(value, str) for value in values):
        # Without the `Z`: NumPy's instants have no zone, and ours are all UTC.
        found = np.array([value or "NaT" for value in values], dtype="U26")
        instants = found.astype("datetime64[us]")
        return np.where(np.isnat(instants), NONE, instants.astype(np.int64))
    return np.array([NONE if value is None else value for value in values], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class WaitRows:
    """One row per entry, all columns of one length.

    `arrived` is microseconds since 1970. `wait` is microseconds from arrival (a booked patient's:
    the later of the time and the check-in) to the first standing call, or to the start where no
    call was recorded; never below 0, and -1 where there was neither. `out` is microseconds of it
    stepped out. `in_time`: that call came by the stored `due_by`; `judged`: called at all, or left
    uncalled after it.
    """

    service: NDArray[np.int64]
    entry_class: NDArray[np.str_]
    state: NDArray[np.str_]
    arrived: NDArray[np.int64]
    wait: NDArray[np.int64]
    out: NDArray[np.int64]
    in_time: NDArray[np.bool_]
    judged: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.service)

    def where(self, mask: NDArray[np.bool_]) -> "WaitRows":
        """The rows of the mask."""
        return WaitRows(*(getattr(self, f.name)[mask] for f in fields(self)))


def micros(instants: Iterable[datetime]) -> list[int]:
    """Instants as `WaitRows` counts them."""
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return [(instant - epoch) // _MICRO for instant in instants]


def counted() -> sa.ColumnElement[bool]:
    """Which entries there were: a leg whose opening was taken back counts nowhere."""
    return sa.or_(QueueEntry.state != EntryState.CANCELLED, QueueEntry.previous_id.is_(None))


def judged_columns() -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """1 or 0 per entry: called by `due_by`; called at all, or left uncalled after it."""
    e, met = QueueEntry, _met()
    judged = sa.case((sa.or_(met.is_not(None), _left_late()), 1), else_=0)
    return sa.case((met <= e.due_by, 1), else_=0), judged


def _met() -> sa.ColumnElement[Any]:
    """The first standing call, or the start where no call was recorded."""
    return sa.func.coalesce(QueueEntry.called_at, QueueEntry.started_at)


def _left_late() -> sa.ColumnElement[bool]:
    e = QueueEntry
    return sa.and_(
        e.state == EntryState.LEFT,
        _met().is_(None),
        e.end_unknown.is_(False),
        e.ended_at > e.due_by,
    )


def load_waits(
    session: Session,
    site_id: int,
    span: Span,
    *,
    service_ids: Collection[int] | None = None,
    classes: sa.ColumnElement[bool] | None = None,
) -> WaitRows:
    """The entries that arrived in the half-open span, of those services and classes or of all."""
    e = QueueEntry
    in_time, judged = judged_columns()
    reference = sa.case((e.scheduled_at > e.arrived_at, e.scheduled_at), else_=e.arrived_at)
    query = sa.select(
        e.service_id,
        e.entry_class,
        sa.type_coerce(e.state, sa.String),
        Instant(e.arrived_at),
        Instant(reference),
        Instant(_met()),
        sa.type_coerce(e.stepped_out, sa.Integer),
        in_time,
        judged,
    ).where(e.site_id == site_id, e.arrived_at >= span.start, e.arrived_at < span.end, counted())
    if service_ids is not None:
        query = query.where(e.service_id.in_(service_ids))
    if classes is not None:
        query = query.where(classes)
    parts = []
    # Plain rows: in great number the ORM would take longer than the database.
    found = session.connection().execute(query.execution_options(yield_per=PART))
    for part in found.partitions():
        parts.append(_rows(part))
        if len(part) == PART:
            time.sleep(0)
    if len(parts) == 1:
        return parts[0]
    joined = [[getattr(part, f.name) for part in parts] for f in fields(WaitRows)]
    return WaitRows(*map(np.concatenate, joined)) if parts else _rows([])


def _rows(part: Any) -> WaitRows:
    columns: list[Any] = list(zip(*part, strict=True)) or [()] * 9

    def numbers(n: int) -> NDArray[np.int64]:
        return np.array(columns[n], dtype=np.int64)

    arrived, reference, met = (read_instants(columns[n]) for n in (3, 4, 5))
    return WaitRows(
        service=numbers(0),
        entry_class=np.array(columns[1], dtype="U32"),
        state=np.array(columns[2], dtype="U32"),
        arrived=arrived,
        wait=np.where(met == NONE, NONE, np.maximum(met - reference, 0)),
        out=numbers(6) * 1_000_000,
        in_time=numbers(7).astype(bool),
        judged=numbers(8).astype(bool),
    )

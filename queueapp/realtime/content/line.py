"""The line of a site, the same bytes for all its phones; each picks its own row by its key."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Promise, QueueEntry, Site, Visit
from queueapp.db.queries.forecasts import parsed, stored_forecast
from queueapp.db.queries.open_entries import ARE_OPEN
from queueapp.db.queries.queue import QueueView, load_queue
from queueapp.db.queries.ranges import whole_minutes
from queueapp.db.session import SNAPSHOT
from queueapp.domain.quantiles import NOBODY_ON_DUTY
from queueapp.domain.visit import IN_ROOM_STATES, EntryState, Presence
from queueapp.realtime.content import content
from queueapp.waits.promise import percent_not_reached

_ENTRY, _VISIT = QueueEntry.__table__, Visit.__table__
_OPEN = (
    sa.select(
        _ENTRY.c.id,
        _ENTRY.c.state,
        _ENTRY.c.called_at,
        _VISIT.c.id.label("visit_id"),
        _VISIT.c.key,
        _VISIT.c.ticket,
        _VISIT.c.discreet,
    )
    .join_from(_ENTRY, _VISIT, _VISIT.c.id == _ENTRY.c.visit_id)
    .where(*ARE_OPEN)
    .order_by(_ENTRY.c.called_at, _ENTRY.c.id)
)
_TOLD = (
    sa.select(Promise.entry_id, Promise.low_at, Promise.high_at)
    .where(
        Promise.entry_id.in_(sa.bindparam("entries", expanding=True)),
        Promise.low_at.is_not(None),
        Promise.basis != NOBODY_ON_DUTY,
    )
    .order_by(Promise.entry_id, Promise.number)
)


class LineRow(NamedTuple):
    """One open entry, as every phone of the site may know it.

    `key` is opaque; `place` is its place in the calling order (None in a room), `before` how many
    of those before it are here and may be called by the same clinicians; `low` and `high` are the
    ends of its range in seconds since 1970; `ticket` is None for a discreet visit.
    `not_reached` is the chance in % of not being called today, None while it is small.
    """

    key: str
    place: int | None
    before: int
    low: int | None
    high: int | None
    state: str
    ticket: str | None
    not_reached: int | None = None


@content("line")
def line(session: Session, site: Site, now: datetime, _subject: int | None) -> dict[str, Any]:
    """The whole line; rows are lists, as the names of their columns need saying only once."""
    rows = line_rows(session, site, now)
    return {"columns": list(LineRow._fields), "rows": [list(row) for row in rows]}


def open_rows(session: Session, site: Site) -> Sequence[Any]:
    """Open entries with what is shown of their visits, those called first; once per snapshot."""
    seen: dict[Any, Any] = session.info.get(SNAPSHOT, {})
    if ("open", site.id) not in seen:
        rows = session.connection().execute(_OPEN, {"site": site.id}).all()
        seen["open", site.id] = rows
    return cast("Sequence[Any]", seen["open", site.id])


def line_rows(session: Session, site: Site, now: datetime) -> list[LineRow]:
    """Those in rooms, then those waiting in calling order."""
    view = load_queue(session, site, now)
    found = open_rows(session, site)
    by_id = {row.id: row for row in found}
    ranges = _ranges(session, site, [c.entry_id for c in view.line])
    rows = [
        LineRow(row.key, None, 0, None, None, row.state.value, _ticket(row))
        for row in found
        if row.state in IN_ROOM_STATES
    ]
    before = _before(view)
    for place, candidate in enumerate(view.line, start=1):
        row = by_id[candidate.entry_id]
        low, high, chance = ranges.get(row.id, (None, None, None))
        state = EntryState.WAITING.value
        rows.append(LineRow(row.key, place, before[row.id], low, high, state, _ticket(row), chance))
    return rows


def _ticket(row: Any) -> str | None:
    return None if row.discreet else str(row.ticket)


def _before(view: QueueView) -> dict[int, int]:
    """How many here come before each, among those whom the same clinicians may call."""
    together: dict[int, set[int]] = {}
    for shift in view.shifts:
        if shift.is_open:
            for service in shift.services:
                together.setdefault(service, set()).update(shift.services)
    counts: Counter[int] = Counter()
    found = {}
    for c in view.line:
        found[c.entry_id] = sum(counts[s] for s in together.get(c.service_id, {c.service_id}))
        if c.presence is Presence.HERE:
            counts[c.service_id] += 1
    return found


def _ranges(
    session: Session, site: Site, entry_ids: list[int]
) -> dict[int, tuple[int | None, int | None, int | None]]:
    """The forecast's range of each entry; where it has none yet, what the person was told last."""
    stored = stored_forecast(session, site.id)
    found: dict[int, tuple[int | None, int | None, int | None]] = {}
    if stored is not None:
        forecast = parsed(stored)
        for entry_id, quantiles in forecast.entries.items():
            if isfinite(quantiles.p10):
                low = forecast.made_at + timedelta(seconds=quantiles.p10)
                seconds = quantiles.p90
                high = forecast.made_at + timedelta(seconds=seconds) if isfinite(seconds) else None
                ends = _seconds(*whole_minutes(low, high))
                found[entry_id] = (*ends, percent_not_reached(quantiles.not_reached))
    missing = [entry_id for entry_id in entry_ids if entry_id not in found]
    told = session.connection().execute(_TOLD, {"entries": missing}) if missing else ()
    for promise in told:
        # It was rounded when it was told: rounded again it would be another range.
        found[promise.entry_id] = (*_seconds(promise.low_at, promise.high_at), None)
    return found


def _seconds(low: datetime, high: datetime | None) -> tuple[int, int | None]:
    return int(low.timestamp()), None if high is None else int(high.timestamp())

"""What all phones of a site share, the same bytes for each: who stands where, by opaque key."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.promises import parsed
from queueapp.db.models import QueueEntry, Room, Site, StoredForecast, Visit
from queueapp.db.queries.queue import QueueView, load_queue
from queueapp.domain.ordering import ShiftView
from queueapp.domain.visit import IN_ROOM_STATES, OPEN_STATES, EntryState, Presence
from queueapp.realtime.content import content
from queueapp.realtime.publish import stamp

# Those whose turn may come before another's: who is away keeps the place, who is unconfirmed not.
_IN_THE_WAY = (Presence.HERE, Presence.OUT)


@content("line")
def line(session: Session, site: Site, now: datetime, _subject: int | None) -> dict[str, Any]:
    """`visits`: by the visit's key its row, see `rows`; a phone picks its own by its key."""
    return {"visits": rows(session, site, now)}


def rows(session: Session, site: Site, now: datetime) -> dict[str, dict[str, Any]]:
    """By visit key: `state`, `presence`, `place` and `ahead` while waiting (people before it whom
    the same clinicians see), `low_at` and `high_at` of the call while it is forecast, `room` and
    `ticket` unless discreet. Nothing else about anyone.
    """
    view = load_queue(session, site, now)
    ahead = _ahead(view)
    place = view.places()
    ranges = _ranges(session, site)
    found: dict[str, dict[str, Any]] = {}
    for row in _open_visits(session, site):
        shown: dict[str, Any] = {"state": row.state.value, "presence": row.presence.value}
        if row.state is EntryState.WAITING:
            if row.key in found:
                continue
            shown |= {"place": place.get(row.id), "ahead": ahead.get(row.id)}
            shown |= ranges.get(row.id, {})
        elif not row.discreet:
            shown["room"] = row.room
        if not row.discreet:
            shown["ticket"] = row.ticket
        found[row.key] = shown
    return found


def _open_visits(session: Session, site: Site) -> Iterable[sa.Row[Any]]:
    query = (
        sa.select(
            QueueEntry.id,
            QueueEntry.state,
            Visit.key,
            Visit.ticket,
            Visit.discreet,
            Visit.presence,
            Room.name.label("room"),
        )
        .join(Visit, Visit.id == QueueEntry.visit_id)
        .outerjoin(Room, Room.id == QueueEntry.room_id)
        .where(QueueEntry.site_id == site.id, QueueEntry.state.in_(OPEN_STATES))
    )
    # Who is called speaks for the visit, before what else it waits for.
    return sorted(session.execute(query), key=lambda r: (r.state not in IN_ROOM_STATES, r.id))


def _ahead(view: QueueView) -> dict[int, int]:
    shared = _shared_services([s for s in view.shifts if s.is_open])
    before: dict[frozenset[int], int] = {}
    found = {}
    for candidate in view.line:
        group = shared.get(candidate.service_id, frozenset({candidate.service_id}))
        found[candidate.entry_id] = before.get(group, 0)
        if candidate.presence in _IN_THE_WAY:
            before[group] = before.get(group, 0) + 1
    return found


def _shared_services(shifts: Iterable[ShiftView]) -> dict[int, frozenset[int]]:
    """Which services draw on the same clinicians, be it through others."""
    groups: list[set[int]] = []
    for shift in shifts:
        joined = set(shift.services)
        apart = []
        for group in groups:
            if group & joined:
                joined |= group
            else:
                apart.append(group)
        groups = [*apart, joined]
    return {service: frozenset(group) for group in groups for service in group}


def _ranges(session: Session, site: Site) -> dict[int, dict[str, str]]:
    stored = session.scalars(
        sa.select(StoredForecast).where(StoredForecast.site_id == site.id)
    ).one_or_none()
    if stored is None:
        return {}
    made = parsed(stored)
    return {
        entry_id: {
            "low_at": stamp(made.made_at + timedelta(seconds=wait.p10)),
            "high_at": stamp(made.made_at + timedelta(seconds=wait.p90)),
        }
        for entry_id, wait in made.entries.items()
        if isfinite(wait.p90)
    }

"""What a room shows: who is in it, who is next and why, the one thing to do, what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import render_template
from sqlalchemy.orm import Session, joinedload, selectinload

from queueapp.actions.learning import usual_arrivals
from queueapp.db.models import Pause, Room, Service, Shift, Site
from queueapp.db.queries.happened import room_name
from queueapp.db.queries.in_room import missed_in
from queueapp.db.queries.rows import EntryRow, SiteRows, load_rows
from queueapp.db.session import once
from queueapp.domain.ordering import ShiftView, next_for
from queueapp.realtime.content import content
from queueapp.realtime.content.names import named
from queueapp.realtime.content.room_alarms import Alarm, alarms
from queueapp.realtime.content.room_left import Strip, strip
from queueapp.realtime.content.room_next import Primary, primary_of
from queueapp.realtime.content.room_nobody import nobody_words
from queueapp.realtime.content.room_person import Card, Inside, card, inside, usual_words
from queueapp.realtime.content.room_undo import Undo, clock, undo_of

_OF_TODAY = (
    sa.select(Shift)
    .where(Shift.id.in_(sa.bindparam("shifts", expanding=True)))
    .options(
        joinedload(Shift.clinician, innerjoin=True),
        selectinload(Shift.breaks),
        selectinload(Shift.pauses),
    )
)
_MISSED_FOR = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Missed:
    """One who did not answer a call to this room; `why_not` says why not to call again now."""

    entry_id: int
    ticket: str
    at: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Part:
    """One clinician who works in the room."""

    shift: Shift
    view: ShiftView
    pause: Pause | None
    pause_until: str
    delay: int
    shown: Card | None
    is_coming: bool
    nobody: tuple[str, ...]
    primary: Primary | None
    left: Strip


@dataclass(frozen=True, slots=True)
class RoomView:
    """Everything live in a room, true as of `rows.seq`."""

    rows: SiteRows
    room: Room
    name: str
    parts: tuple[Part, ...]
    inside: tuple[Inside, ...]
    undo: Undo | None
    missed: tuple[Missed, ...]
    changes_at: datetime | None
    services: tuple[Service, ...]
    alarms: tuple[Alarm, ...]


def room_view(session: Session, site: Site, now: datetime, room_id: int) -> RoomView:
    """Read all that the room shows from one snapshot."""
    room = session.get_one(Room, room_id)
    rows = load_rows(session, site, now)
    there = sorted(
        (r for r in rows.in_rooms if r.entry.room_id == room_id),
        key=lambda r: (r.entry.called_at or now, r.entry.id),
    )
    people = tuple(inside(session, site, now, r) for r in there)
    shifts = _shifts(session, rows)
    views = [v for v in rows.view.shifts if v.is_open and v.room_id == room_id]
    parts = tuple(_part(session, site, room, rows, v, there, people, shifts) for v in views)
    return RoomView(
        rows=rows,
        room=room,
        name=room_name(room.name),
        parts=parts,
        inside=people,
        undo=undo_of(session, site, now, room_id, people),
        missed=_missed(session, rows, room, views),
        changes_at=_changes_at(rows, views),
        services=tuple(s for s in site.services if not s.retired),
        alarms=tuple(alarms(session, rows)),
    )


def context(view: RoomView, site: Site) -> dict[str, Any]:
    """What the partials of the room are rendered with."""
    return {
        "view": view,
        "zone": site.timezone,
        "room_id": view.room.id,
        "usual_words": usual_words,
        "named": named,
    }


@content("room")
def room(session: Session, site: Site, now: datetime, subject: int | None) -> dict[str, Any]:
    """The room's channel: the partial that paints the page."""
    assert subject is not None
    view = room_view(session, site, now, subject)
    return {"html": render_template("room/_live.html", **context(view, site))}


def _shifts(session: Session, rows: SiteRows) -> list[Shift]:
    """Of today, with what is in them; the same for all rooms of the site."""
    ids = [s.shift_id for s in rows.view.shifts]

    def load() -> list[Shift]:
        return list(session.scalars(_OF_TODAY, {"shifts": ids})) if ids else []

    return once(session, ("shifts", rows.site.id, rows.now), load)


def _part(
    session: Session,
    site: Site,
    room: Room,
    rows: SiteRows,
    view: ShiftView,
    there: Sequence[EntryRow],
    people: Sequence[Inside],
    shifts: list[Shift],
) -> Part:
    shift = next(s for s in shifts if s.id == view.shift_id)
    pause = next((p for p in shift.pauses if p.ended_at is None), None)
    mine = [r for r in there if r.entry.shift_id == shift.id]
    coming = next((p for p in people if p.is_called and p.row in mine), None)
    nexts = None
    if coming is None and pause is None:
        one = next_for(view, rows.view.line, rows.view.shifts, rows.now, rows.view.rules)
        nexts = rows.row(one.entry_id) if one else None
    chosen = coming.row if coming else nexts
    shown = card(session, site, room, chosen, view.clinician_id) if chosen else None
    part = Part(
        shift=shift,
        view=view,
        pause=pause,
        pause_until=clock(site, pause.until) if pause and pause.until else "",
        delay=round(shift.declared_delay / timedelta(minutes=1)),
        shown=shown,
        is_coming=coming is not None,
        nobody=tuple(nobody_words(rows, view)) if shown is None else (),
        primary=None,
        left=strip(rows, shift, list(mine), shifts, usual_arrivals(session, site.id)),
    )
    in_service = [p for p in people if not p.is_called and p.row in mine]
    return replace(part, primary=primary_of(shown, pause, view.free_places, coming, in_service))


def _missed(
    session: Session, rows: SiteRows, room: Room, views: Sequence[ShiftView]
) -> tuple[Missed, ...]:
    full = not any(v.free_places > 0 and v.paused_until is None for v in views)
    found = []
    for one in missed_in(session, room, rows.now - _MISSED_FOR):
        ticket = one.entry.visit.ticket
        away = one.entry.visit.presence.value != "here"
        why_not = "The desk is looking." if away else "Finish first." if full else ""
        found.append(Missed(one.entry.id, ticket, clock(rows.site, one.at), why_not))
    return tuple(found)


def _changes_at(rows: SiteRows, views: Sequence[ShiftView]) -> datetime | None:
    """When somebody may become callable though nothing happens: the page looks again then."""
    moments = [
        moment
        for c in rows.view.line
        if any(c.service_id in v.services for v in views)
        for moment in (c.passed_over_until, c.due_by - rows.view.rules.release)
        if moment is not None and moment > rows.now
    ]
    return min(moments, default=None)

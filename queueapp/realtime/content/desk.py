"""What the desk shows of a site's day: the same for the page's first paint and for every update."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import render_template
from sqlalchemy.orm import Session

from queueapp.actions.forgotten import asked_at
from queueapp.db.models import Appointment, Clinician, Site
from queueapp.db.queries.happened import Happening, class_words, lately, room_name
from queueapp.db.queries.rows import EntryRow, RoomRow, SiteRows, load_rows
from queueapp.domain.localtime import to_local
from queueapp.domain.visit import EntryState
from queueapp.realtime.content import content
from queueapp.realtime.content.desk_items import ItemRow, item_rows
from queueapp.realtime.content.desk_lines import painter
from queueapp.realtime.content.desk_marks import what_is_known
from queueapp.realtime.content.desk_rows import DeskRow, Group, groups
from queueapp.realtime.content.names import named, within
from queueapp.realtime.content.room_left import length_of

_SHORT_TITLE = 4


@dataclass(frozen=True, slots=True)
class Strip:
    """A room in the rail. `then` is the ticket that a press of "call next" would call.

    From `asked_at` on a press was perhaps forgotten there.
    """

    row: RoomRow
    name: str
    clinician: str
    then: str
    free_by: str
    usual: str
    asked_at: datetime | None
    is_asked: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """A booked patient who has not checked in. `late` after the time and the declared delay."""

    appointment: Appointment
    at: str
    name: str
    about: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class DeskView:
    """Everything live on the desk, true as of `rows.seq`."""

    rows: SiteRows
    items: list[ItemRow]
    groups: list[Group]
    strips: list[Strip]
    expected: list[Expected]
    lately: list[Happening]

    @property
    def services(self) -> list[tuple[str, int]]:
        """How many wait for each service that somebody waits for."""
        counts: dict[str, int] = {}
        for row in self.rows.waiting:
            counts[row.entry.service.name] = counts.get(row.entry.service.name, 0) + 1
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))

    @property
    def called(self) -> int:
        """How many stand called."""
        return sum(r.entry.state is EntryState.CALLED for r in self.rows.in_rooms)

    @property
    def in_service(self) -> int:
        """How many are with a clinician."""
        return len(self.rows.in_rooms) - self.called

    @property
    def done(self) -> int:
        """How many were seen today."""
        return self.rows.ended.get(EntryState.FINISHED, 0)

    def line(self, entry_id: int) -> DeskRow | None:
        """The list's row of that entry."""
        return next((r for g in self.groups for r in g.rows if r.id == entry_id), None)


def desk_view(session: Session, site: Site, now: datetime) -> DeskView:
    """Read all that the desk shows from one snapshot."""
    rows = load_rows(session, site, now)
    return DeskView(
        rows=rows,
        items=item_rows(session, site),
        groups=groups(rows, what_is_known(session, rows)),
        strips=[_strip(session, room, rows) for room in rows.rooms],
        expected=[_expected(a, rows) for a in rows.expected],
        lately=lately(session, site),
    )


def context(view: DeskView, site: Site) -> dict[str, Any]:
    """What the partials of the desk are rendered with."""
    return {
        "view": view,
        "zone": site.timezone,
        "slug": site.slug,
        "room_name": room_name,
        "class_words": class_words,
        "named": named,
        "within": within,
        "painted": painter(),
    }


@content("desk")
def desk(session: Session, site: Site, now: datetime, subject: int | None) -> dict[str, Any]:
    """The desk's channel: the partial that paints the page."""
    view = desk_view(session, site, now)
    return {"html": render_template("desk/_live.html", **context(view, site))}


def _strip(session: Session, room: RoomRow, rows: SiteRows) -> Strip:
    then = rows.row(room.next_entry_id) if room.next_entry_id else None
    inside = room.entries[0] if room.entries else None
    asked = asked_at(session, rows.site, inside.entry) if inside else None
    return Strip(
        row=room,
        name=room_name(room.room.name),
        clinician=_short(room.shift.clinician) if room.shift else "",
        then=then.visit.ticket if then else "",
        free_by=_free_by(inside, rows) if inside else "",
        usual=_usual(inside) if inside else "",
        asked_at=asked,
        is_asked=asked is not None and asked <= rows.now,
    )


def _short(clinician: Clinician) -> str:
    """As colleagues say it, where there is little room: "Dr Ruiz", "N. Lindqvist"."""
    given, _, last = clinician.name.rpartition(" ")
    title = clinician.title if 0 < len(clinician.title) <= _SHORT_TITLE else f"{given[:1]}."
    return f"{title} {last}" if given else clinician.shown_name


def _free_by(row: EntryRow, rows: SiteRows) -> str:
    """When the room should be free: the learned length from the start on, never in the past."""
    began = row.entry.started_at or row.entry.called_at
    if began is None:
        return ""
    over = began + length_of(rows, row)
    return f"{to_local(rows.site.timezone, over):%H:%M}" if over > rows.now else ""


def _usual(row: EntryRow) -> str:
    return f"{round(row.entry.planned.total_seconds() / 60)}"


def _expected(appointment: Appointment, rows: SiteRows) -> Expected:
    patient = appointment.patient
    about = appointment.service.name
    if appointment.clinician:
        about += f", {_short(appointment.clinician)}"
    if appointment.late_until:
        about += (
            f". Runs late, here by {to_local(rows.site.timezone, appointment.late_until):%H:%M}"
        )
    return Expected(
        appointment=appointment,
        at=f"{to_local(rows.site.timezone, appointment.starts_at):%H:%M}",
        name=patient.called_name if patient else "No name",
        about=about,
        is_late=appointment.starts_at < rows.now,
    )

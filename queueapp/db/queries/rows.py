"""What every screen shows of a site's day: entries in calling order, rooms, who is expected.

One loader for desk, room, lobby, phones and API, so that all of them say the same. It reads one
snapshot; instants are instants, words for them are the page's business.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from queueapp.db.known import known, settled
from queueapp.db.models import (
    Appointment,
    Call,
    Clinician,
    Patient,
    Pause,
    Promise,
    QueueEntry,
    Room,
    Service,
    Shift,
    Site,
    Visit,
)
from queueapp.db.queries.forecasts import parsed, stored_forecast
from queueapp.db.queries.open_entries import open_entries
from queueapp.db.queries.queue import QueueView, load_queue
from queueapp.db.queries.ranges import Range, estimate_of, promise_of
from queueapp.db.session import once
from queueapp.db.statement import Statement
from queueapp.db.writing import Rows, columns
from queueapp.domain.localtime import wall_clock
from queueapp.domain.ordering import Candidate, next_for, reason
from queueapp.domain.quantiles import Forecast
from queueapp.domain.visit import (
    IN_ROOM_STATES,
    OPEN_STATES,
    AppointmentState,
    PreferenceKind,
    Presence,
)

_SHIFTS = Rows(
    (Shift, Clinician),
    sa.select(*columns(Shift, Clinician))
    .join_from(Shift.__table__, Clinician.__table__, Clinician.id == Shift.clinician_id)
    .where(Shift.id.in_(sa.bindparam("shifts", expanding=True))),
)
_PAUSES = Rows(
    (Pause,),
    sa.select(*columns(Pause))
    .where(Pause.shift_id.in_(sa.bindparam("shifts", expanding=True)))
    .order_by(Pause.id),
)
_EXPECTED = Rows(
    (Appointment, Patient, Clinician),
    sa.select(*columns(Appointment, Patient, Clinician))
    .outerjoin_from(Appointment.__table__, Patient.__table__, Patient.id == Appointment.patient_id)
    .outerjoin(Clinician.__table__, Clinician.id == Appointment.clinician_id)
    .where(
        Appointment.site_id == sa.bindparam("site"),
        Appointment.state == AppointmentState.BOOKED,
        Appointment.starts_at >= sa.bindparam("start"),
        Appointment.starts_at < sa.bindparam("end"),
    )
    .order_by(Appointment.starts_at, Appointment.id),
)
_ENDED = Statement(
    sa.select(QueueEntry.state, sa.func.count())
    .join_from(QueueEntry.__table__, Visit.__table__, Visit.id == QueueEntry.visit_id)
    .where(
        QueueEntry.site_id == sa.bindparam("site"),
        Visit.day == sa.bindparam("day"),
        QueueEntry.state.not_in(OPEN_STATES),
    )
    .group_by(QueueEntry.state)
)


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One open entry as screens show it; `place` is its place in the calling order, from 1."""

    entry: QueueEntry
    visit: Visit
    patient: Patient | None
    place: int | None
    why: str
    estimate: Range | None
    promise: Range | None
    revised: Promise | None
    call: Call | None
    next_in: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name the person is spoken to by, or nothing."""
        return self.patient.called_name if self.patient else ""

    @property
    def slips(self) -> bool:
        """Whether the middle of the estimate lies past what was promised."""
        return bool(
            self.estimate
            and self.promise
            and self.promise.high_at
            and (self.estimate.mid_at is None or self.estimate.mid_at > self.promise.high_at)
        )


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room now: who works there, who is in it, whom a press of "call next" would call."""

    room: Room
    shift: Shift | None
    pause: Pause | None
    entries: tuple[EntryRow, ...]
    next_entry_id: int | None


@dataclass(frozen=True, slots=True)
class SiteRows:
    """A site's day, true as of `seq`."""

    site: Site
    seq: int
    now: datetime
    view: QueueView
    waiting: tuple[EntryRow, ...]
    in_rooms: tuple[EntryRow, ...]
    rooms: tuple[RoomRow, ...]
    expected: tuple[Appointment, ...]
    ended: dict[str, int]
    forecast: Forecast | None
    by_entry: dict[int, EntryRow]

    def row(self, entry_id: int) -> EntryRow | None:
        """The open entry of that id."""
        return self.by_entry.get(entry_id)

    @property
    def longest(self) -> EntryRow | None:
        """The one among those here who has waited longest."""
        here = [r for r in self.waiting if r.visit.presence is Presence.HERE]
        return min(here, key=lambda r: r.entry.arrived_at, default=None)


def load_rows(session: Session, site: Site, now: datetime) -> SiteRows:
    """Everything a screen of the site needs, from the session's snapshot.

    In one reading session, which sees one snapshot, it is loaded once for each `now`.
    """
    return once(session, ("rows", site.id, now), lambda: _load(session, site, now))


def _load(session: Session, site: Site, now: datetime) -> SiteRows:
    view = load_queue(session, site, now)
    forecast = _forecast(session, site)
    entries = open_entries(session, site.id)
    by_id = {e.id: e for e in entries}
    nexts = _nexts(view)
    rooms = {r.id: r for r in _rooms(session, site)}
    tickets = {e.id: e.visit.ticket for e in entries}

    clock = partial(wall_clock, site.timezone)

    def waiting_row(place: int, c: Candidate) -> EntryRow:
        entry = by_id[c.entry_id]
        wish = entry.wished_clinician.shown_name if entry.wished_clinician else ""
        why = reason(
            c,
            clock,
            moved_before=tickets.get(c.move.before_id, "") if c.move else "",
            scheduled_at=entry.scheduled_at,
            wish=wish or entry.wished_attribute,
        )
        at = tuple(rooms[room_id].name for room_id, e in nexts.items() if e == entry.id)
        return _row(entry, place, why, forecast, at)

    waiting = tuple(
        waiting_row(n, c) for n, c in enumerate(view.line, start=1) if c.entry_id in by_id
    )
    in_rooms = tuple(_row(e, None, "", None) for e in entries if e.state in IN_ROOM_STATES)
    return SiteRows(
        site=site,
        seq=view.seq,
        now=now,
        view=view,
        waiting=waiting,
        in_rooms=in_rooms,
        rooms=tuple(_room_rows(session, view, rooms.values(), in_rooms, nexts)),
        expected=tuple(_expected(session, site, now)),
        ended=_ended(session, site, now),
        forecast=forecast,
        by_entry={r.entry.id: r for r in (*waiting, *in_rooms)},
    )


def _row(
    entry: QueueEntry,
    place: int | None,
    why: str,
    forecast: Forecast | None,
    next_in: tuple[str, ...] = (),
) -> EntryRow:
    revisions = [p for p in entry.promises if p.number > 1]
    return EntryRow(
        entry=entry,
        visit=entry.visit,
        patient=entry.visit.patient,
        place=place,
        why=why,
        estimate=estimate_of(forecast, entry) if place is not None else None,
        promise=promise_of(entry),
        revised=revisions[-1] if revisions else None,
        call=next((c for c in entry.calls if c.outcome is None), None),
        next_in=next_in,
    )


def _forecast(session: Session, site: Site) -> Forecast | None:
    stored = stored_forecast(session, site.id)
    return parsed(stored) if stored else None


def _nexts(view: QueueView) -> dict[int, int]:
    """Whom each room would call next, by room id; two rooms may name the same person."""
    found = {}
    for shift in view.shifts:
        if shift.is_open and shift.room_id is not None:
            one = next_for(shift, view.line, view.shifts, view.now, view.rules)
            if one is not None:
                found[shift.room_id] = one.entry_id
    return found


def _rooms(session: Session, site: Site) -> Sequence[Room]:
    ids = [row_id for model, row_id in known(session, site.id).rows if model is Room]
    rooms = [room for n in ids if (room := settled(session, site.id, Room, n)) and not room.retired]
    return sorted(rooms, key=lambda room: (room.position, room.id))


def _room_rows(
    session: Session,
    view: QueueView,
    rooms: Iterable[Room],
    in_rooms: Sequence[EntryRow],
    nexts: dict[int, int],
) -> Iterable[RoomRow]:
    working = [s.shift_id for s in view.shifts if s.is_open]
    found = _SHIFTS.all(session, {"shifts": working}) if working else []
    shifts, of_shift = [], defaultdict(list)
    for (pause,) in _PAUSES.all(session, {"shifts": working}) if working else ():
        of_shift[pause.shift_id].append(pause)
    for shift, clinician in found:
        set_committed_value(shift, "clinician", clinician)
        set_committed_value(shift, "pauses", of_shift[shift.id])
        shifts.append(shift)
    for room in rooms:
        shift = next((s for s in shifts if s.room_id == room.id), None)
        pauses = [p for p in shift.pauses if p.ended_at is None] if shift else []
        yield RoomRow(
            room=room,
            shift=shift,
            pause=pauses[-1] if pauses else None,
            entries=tuple(r for r in in_rooms if r.entry.room_id == room.id),
            next_entry_id=nexts.get(room.id),
        )


def _expected(session: Session, site: Site, now: datetime) -> Sequence[Appointment]:
    span = site.span_of(site.day_at(now))
    of = {"site": site.id, "start": span.start, "end": span.end}
    found = _EXPECTED.all(session, of)
    for one, patient, clinician in found:
        set_committed_value(one, "patient", patient)
        set_committed_value(one, "clinician", clinician)
        set_committed_value(one, "service", settled(session, site.id, Service, one.service_id))
    return [one for one, *_ in found]


def _ended(session: Session, site: Site, now: datetime) -> dict[str, int]:
    rows = _ENDED.all(session, {"site": site.id, "day": site.day_at(now)})
    return {state.value: count for state, count in rows}


def wish_words(entry: QueueEntry) -> str:
    """The wish as the end of a row: "only Dr Ruiz", "Dr Ruiz if possible", or nothing."""
    who = entry.wished_clinician.shown_name if entry.wished_clinician else entry.wished_attribute
    if entry.preference is PreferenceKind.ONLY:
        return f"only {who}"
    return f"{who} if possible" if entry.preference is PreferenceKind.IF_POSSIBLE else ""

"""A row of the desk in words: what class, how long still, how sure, and where the person is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from queueapp.db.queries.happened import class_words, room_name
from queueapp.db.queries.rows import EntryRow, SiteRows, wish_words
from queueapp.domain.localtime import to_local, wall_clock
from queueapp.domain.visit import CallRoute, EntryClass, EntryState, Presence
from queueapp.realtime.content.desk_marks import Known, Mark, marks_of
from queueapp.waits.promise import range_words, spoken_range

Clock = Callable[[datetime | None], str]

SOON = timedelta(minutes=20)
_RISKS = ((0.2, "unlikely", ""), (0.5, "possible", "watch"), (0.8, "likely", "late"))
_ROUTE_WORDS = {
    CallRoute.LOBBY.value: "screen",
    CallRoute.PHONE.value: "phone",
    CallRoute.FETCH.value: "staff going over",
}
Shape = Literal["booked", "urgent", "walkin"]
_SHAPES: dict[str, Shape] = {
    EntryClass.BOOKED.value: "booked",
    EntryClass.URGENT.value: "urgent",
    EntryClass.EMERGENCY.value: "urgent",
}


@dataclass(frozen=True, slots=True)
class Risk:
    """The chance that the target is missed: whole per cent, its word, and `tone` for its colour.

    `segments` of ten are filled; never none.
    """

    percent: int
    segments: int
    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class DeskRow:
    """One entry as the list shows it; `away` ones are greyed in their place.

    Its HTML is kept by it (see `desk_lines`): plain values alone, and all that the row shows.
    """

    id: int
    place: int | None
    ticket: str
    name: str
    service: str
    service_name: str
    shape: Shape
    class_words: str
    came: str
    due: str
    due_at: datetime
    is_late: bool
    range: str
    told: str
    slips: bool
    is_over: bool
    risk: Risk | None
    why: str
    state: str
    state_note: str
    state_icon: str
    tone: str
    away: bool
    version: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading."""

    title: str
    note: str
    rows: tuple[DeskRow, ...]


def groups(rows: SiteRows, known: Known) -> list[Group]:
    """Called, due within 20 minutes, due later; each in calling order, empty ones left out."""
    called = sorted(
        (r for r in rows.in_rooms if r.entry.state is EntryState.CALLED),
        key=lambda r: (r.call.called_at if r.call else rows.now, r.entry.id),
    )
    horizon = rows.now + SOON
    moved = {c.entry_id for c in rows.view.line if c.move}
    split = next(
        (
            n
            for n, r in enumerate(rows.waiting)
            if r.entry.due_by > horizon and r.entry.id not in moved
        ),
        len(rows.waiting),
    )
    soon, later = rows.waiting[:split], rows.waiting[split:]
    by = to_local(rows.site.timezone, horizon)
    found = (
        ("Called, on the way", str(len(called)), called),
        (f"Due within {SOON.seconds // 60} min", f"{_people(soon)}, by {by:%H:%M}", soon),
        ("Due later", _people(later), later),
    )
    return [
        Group(title, note, tuple(desk_row(r, rows, known) for r in some))
        for title, note, some in found
        if some
    ]


def _people(some: Iterable[EntryRow]) -> str:
    n = len(list(some))
    return "1 person" if n == 1 else f"{n} people"


def desk_row(row: EntryRow, rows: SiteRows, known: Known) -> DeskRow:
    """The row's words, as of the moment the rows were read."""
    entry, visit, zone = row.entry, row.visit, rows.site.timezone

    def clock(instant: datetime | None) -> str:
        return wall_clock(zone, instant) if instant else ""

    called = entry.state is EntryState.CALLED
    away = visit.presence is not Presence.HERE and not called
    risk = None if called else risk_of(row.estimate.miss if row.estimate else None)
    state, state_note, icon, tone = _state(row, rows.now, clock)
    words = class_words(entry.entry_class)
    if entry.entry_class == EntryClass.BOOKED and entry.scheduled_at:
        words += f" {clock(entry.scheduled_at)}"
    planned = round(entry.planned.total_seconds() / 60)
    return DeskRow(
        id=entry.id,
        place=row.place,
        ticket=visit.ticket,
        name=row.name or "No name",
        service=f"{entry.service.name}, {planned} min",
        service_name=entry.service.name,
        shape=shape_of(entry.entry_class),
        class_words=words,
        came=f"came {clock(entry.arrived_at)}",
        due=clock(entry.due_by),
        due_at=entry.due_by,
        is_late=entry.due_by < rows.now or (risk is not None and risk.tone == "late"),
        range=_range(row, rows.now, clock, called),
        told=_told(row, clock),
        is_over=is_over(row, rows.now),
        slips=is_slipping(row, rows.now) and not called and not away,
        risk=risk,
        why=_why(row, clock),
        state=state,
        state_note=state_note,
        state_icon=icon,
        tone=tone,
        away=away,
        version=known.versions.get(visit.id, 0),
        marks=marks_of(row, known),
    )


def shape_of(entry_class: str) -> Shape:
    """The shape that stands for a class beside its word."""
    return _SHAPES.get(entry_class, "walkin")


def risk_of(chance: float | None) -> Risk | None:
    """A chance of missing as word and colour; None where the forecast has none."""
    if chance is None:
        return None
    for limit, word, tone in _RISKS:
        if chance < limit:
            return _risk(chance, word, tone)
    return _risk(chance, "very likely", "late")


def _risk(chance: float, word: str, tone: str) -> Risk:
    return Risk(round(chance * 100), max(1, round(chance * 10)), word, tone)


def is_over(row: EntryRow, now: datetime) -> bool:
    """Whether the time that was promised has passed."""
    return bool(row.promise and row.promise.high_at and row.promise.high_at < now)


def is_slipping(row: EntryRow, now: datetime) -> bool:
    """Whether what was promised is over, or will be before the middle of the estimate."""
    return is_over(row, now) or row.slips


def wait_words(row: EntryRow, now: datetime) -> str:
    """The wait still to come, as it is told: "6–12 min", or nothing where nobody can say."""
    estimate = row.estimate
    # Without a chance of missing it is no forecast, only what was promised, and that may be over.
    is_promise = estimate is not None and estimate.miss is None
    if estimate is None or (is_promise and estimate.high_at and estimate.high_at < now):
        return ""
    low = max((estimate.low_at - now).total_seconds(), 0.0)
    if estimate.high_at is None:
        return f"from {spoken_range(low, low)[0]} min, may not be reached"
    return range_words(*spoken_range(low, max((estimate.high_at - now).total_seconds(), low)))


def _range(row: EntryRow, now: datetime, clock: Clock, called: bool) -> str:
    if called:
        return f"called {clock(row.entry.called_at)}"
    if row.visit.presence in (Presence.OUT, Presence.UNCONFIRMED):
        return "place kept"
    if row.estimate is not None and row.estimate.high_at is None:
        return "may not be reached"
    return wait_words(row, now) or ("over time" if is_over(row, now) else "not known yet")


def _told(row: EntryRow, clock: Clock) -> str:
    if row.promise is None or row.promise.high_at is None:
        return ""
    said = "now told" if row.revised and row.revised.high_at else "told by"
    return f"{said} {clock(row.promise.high_at)}"


def _why(row: EntryRow, clock: Clock) -> str:
    if row.call is not None:
        routes = " and ".join(_ROUTE_WORDS.get(r, r) for r in row.call.routes)
        where = f" to {room_name(row.call.room.name)}" if row.call.room else ""
        by = f" by {routes}" if routes else ""
        times = "" if row.call.number == 1 else f", call {row.call.number}"
        return f"Called{where}{by} at {clock(row.call.called_at)}{times}. Not there yet."
    if row.visit.presence is Presence.OUT:
        gone = clock(row.entry.stepped_out_at)
        return f"{row.why} Stepped out{f' {gone}' if gone else ''}; not called until back."
    if row.visit.presence is Presence.ON_THE_WAY:
        return f"{row.why} Not called until here."
    if row.revised is not None and row.revised.high_at is not None:
        return f"{row.why} Told anew at {clock(row.revised.told_at)}: {row.revised.reason}"
    return row.why


def _state(row: EntryRow, now: datetime, clock: Clock) -> tuple[str, str, str, str]:
    """State, what is added below it, its icon and its colour."""
    entry, visit = row.entry, row.visit
    if entry.state is EntryState.CALLED:
        where = f"to {room_name(row.call.room.name)}" if row.call and row.call.room else ""
        return "Called", where, "s-call", "info"
    if visit.presence is Presence.OUT:
        return "Stepped out", f"back by {clock(visit.back_by)}", "s-out", "info"
    if visit.presence is Presence.ON_THE_WAY:
        due = f"comes by {clock(visit.come_by)}" if visit.come_by else ""
        return "On the way", due, "s-next", "info"
    if visit.presence is Presence.UNCONFIRMED:
        return "Unconfirmed", "called twice, did not come", "s-warning", "watch"
    if entry.passed_over_until and entry.passed_over_until > now:
        until = clock(entry.passed_over_until)
        if entry.absences:
            return "Did not answer", f"again from {until}", "s-warning", "watch"
        return "Set aside", f"until {until}", "s-clock", "mute"
    if row.next_in:
        rooms = " or ".join(name.removeprefix("Room ") for name in map(room_name, row.next_in))
        return (
            "Next",
            f"for Room {rooms}" if rooms[:1].isdigit() else f"for {rooms}",
            "s-next",
            "ok",
        )
    return "Waiting", wish_words(entry), "s-waiting", "mute"

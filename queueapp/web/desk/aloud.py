"""What can be said to a person across the counter: the sentence, their needs and wishes."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from queueapp.db.models import QueueEntry, Site
from queueapp.db.queries.happened import room_name
from queueapp.db.queries.rows import EntryRow, wish_words
from queueapp.domain.localtime import to_local
from queueapp.domain.ordering import ahead_of
from queueapp.domain.visit import CallRoute, EntryState, Presence
from queueapp.realtime.content.desk import DeskView
from queueapp.realtime.content.desk_rows import is_slipping, risk_of, wait_words
from queueapp.realtime.content.spoken import joined, language

_NUMBERS = ("Nobody is", "One person is", "Two people are", "Three people are", "Four people are",
            "Five people are", "Six people are", "Seven people are", "Eight people are",
            "Nine people are", "Ten people are")  # fmt: skip
_ROUTES = {
    CallRoute.LOBBY.value: "screen",
    CallRoute.PHONE.value: "phone",
    CallRoute.FETCH.value: "somebody coming over",
}


def aloud(view: DeskView, site: Site, entry: QueueEntry) -> dict[str, str]:
    """`said`, to be read aloud, and `more`, for the one who reads it."""

    def clock(instant: datetime | None) -> str:
        return f"{to_local(site.timezone, instant):%H:%M}" if instant else ""

    row = view.rows.row(entry.id)
    if row is None:
        return {"said": f"This wait is over: {entry.state.value.replace('_', ' ')}.", "more": ""}
    if entry.state is EntryState.CALLED:
        room = room_name(entry.room.name) if entry.room else "the room"
        return {"said": f"You were called to {room} at {clock(entry.called_at)}.", "more": ""}
    if entry.state is EntryState.IN_SERVICE:
        return {"said": f"In the room since {clock(entry.started_at)}.", "more": ""}
    target = round(entry.target.total_seconds() / 60)
    due = clock(entry.due_by)
    if entry.band == 0:
        because = "You are called before everyone else"
    elif entry.scheduled_at and entry.reference_at == entry.scheduled_at:
        because = (
            f"You are booked for {clock(entry.scheduled_at)} and we aim to call you within "
            f"{target} minutes of that, so you are due by {due}"
        )
    else:
        came = "came" if entry.reference_at == entry.arrived_at else "count from"
        at = "at " if came == "came" else ""
        because = (
            f"You {came} {at}{clock(entry.reference_at)} and we aim to call you within "
            f"{target} minutes, so you are due by {due}"
        )
    if row.entry.move is not None:
        because += ". You were moved: " + row.entry.move.reason.rstrip(".")
    said = f"{because}. {_ahead(view, entry)} due before you."
    words = wait_words(row, view.rows.now)
    if row.visit.presence is Presence.OUT:
        said += " Your place is kept."
    elif words and "may not" in words:
        said += " It may be that we do not reach you today."
    elif words:
        said += f" It should be {words.replace('–', ' to ').replace(' min', ' minutes')}."
    return {"said": said, "more": _more(row, view.rows.now, clock)}


def _ahead(view: DeskView, entry: QueueEntry) -> str:
    line = view.rows.view.line
    mine = next((c for c in line if c.entry_id == entry.id), None)
    n = ahead_of(mine, line, view.rows.view.shifts) if mine else 0
    return _NUMBERS[n] if n < len(_NUMBERS) else f"{n} people are"


def _more(row: EntryRow, now: datetime, clock: Callable[[datetime | None], str]) -> str:
    parts = []
    if row.promise and row.promise.high_at:
        holds = "it slips past that" if is_slipping(row, now) else "the promise holds"
        parts.append(f"Told by {clock(row.promise.high_at)}, {holds}.")
    risk = risk_of(row.estimate.miss if row.estimate else None)
    if risk:
        parts.append(f"May miss: {risk.word}, {risk.percent} %.")
    if row.entry.move is not None:
        parts.append(f"Moved at {clock(row.entry.move.made_at)}.")
    return " ".join(parts)


def needs_of(session: Session, site: Site, entry: QueueEntry) -> list[tuple[str, str, str]]:
    """Needs and wishes: (icon, what, more)."""
    patient = entry.visit.patient
    found: list[tuple[str, str, str]] = []
    if patient and (patient.chosen_name or patient.name_sounds):
        in_list = f"in the list as {patient.name}" if patient.chosen_name and patient.name else ""
        sounds = f"say {patient.name_sounds}" if patient.name_sounds else ""
        more = ", ".join(part for part in (sounds, in_list) if part)
        found.append(("s-person", f"Called {patient.called_name}", more))
    if entry.needs:
        rooms_here = site.rooms_in_use
        fitting = [r.name for r in rooms_here if set(entry.needs) <= set(r.features or ())]
        rooms = ", ".join(map(room_name, fitting)) or "no room here"
        found.append(("s-wheelchair", f"Needs {joined(entry.needs)}", f"Has it: {rooms}"))
    if patient and patient.access_needs:
        found.append(("s-wheelchair", joined(patient.access_needs).capitalize(), ""))
    routes = [_ROUTES[r] for r in (patient.call_routes if patient else []) if r in _ROUTES]
    ends = f"phone ends {patient.phone[-3:]}" if patient and patient.phone else "no phone known"
    found.append(("s-phone", f"Call by {joined(routes or ['screen', 'phone'])}", ends))
    if patient:
        found.append(("s-language", language(patient.language), ""))
    wish = wish_words(entry)
    found.append(("s-person", wish[:1].upper() + wish[1:] if wish else "Anyone", ""))
    if entry.reason:
        found.append(("s-note", entry.reason.words, ""))
    if entry.note:
        found.append(("s-note", entry.note, "for the clinician"))
    if entry.visit.discreet:
        found.append(("s-eye", "Discreet", "on no screen, not on others’ phones"))
    return found

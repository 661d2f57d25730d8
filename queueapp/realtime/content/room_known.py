"""What there is to know about a person before they are called."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from queueapp.actions.notes import notes_of
from queueapp.actions.summons import chosen_routes
from queueapp.db.models import Note, Room, Site, Staff
from queueapp.db.queries.in_room import last_seen
from queueapp.db.queries.rows import EntryRow, wish_words
from queueapp.domain.actor import ActorKind, kind_and_id
from queueapp.domain.localtime import to_local
from queueapp.domain.visit import CallRoute
from queueapp.realtime.content.spoken import ROUTES, joined, language, spoken_date, years

# More are read in the visit's history; the first ones are the newest.
_MOST_NOTES = 3


@dataclass(frozen=True, slots=True)
class Known:
    """One thing to know about a person: `strong` is read first, `rest` after it.

    `lines` follow, each with who wrote it. `is_who`: it tells who the person is, so it is hidden
    with the names.
    """

    icon: str
    what: str
    strong: str
    rest: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    is_who: bool = False


def known(
    session: Session, site: Site, room: Room, row: EntryRow, clinician_id: int
) -> Sequence[Known]:
    """Identity, language, access, how to call, the visit and notes, as far as they are known."""
    entry, patient = row.entry, row.patient
    found = [_born(site, row)]
    if patient is not None:
        found.append(Known("s-language", "Language", language(patient.language)))
    access = _access(room, row)
    if access:
        found.append(access)
    wanted = chosen_routes(row.visit)
    without = [ROUTES[r] for r in (CallRoute.LOBBY.value, CallRoute.PHONE.value) if r not in wanted]
    rest = f", not the {joined(without, 'or')}" if without else ""
    if row.visit.discreet:
        rest = ". Discreet: on no screen"
    by = joined(ROUTES.get(r, r) for r in wanted)
    found.append(Known("s-eye", "Call by", by[:1].upper() + by[1:], rest))
    found.append(_visit(session, site, row, clinician_id))
    lines = [_note(session, site, n) for n in notes_of(session, row.visit)[:_MOST_NOTES]]
    if entry.note:
        lines.insert(0, (entry.note, ""))
    if lines:
        found.append(Known("s-note", "Note", "", lines=tuple(lines)))
    return found


def _note(session: Session, site: Site, note: Note) -> tuple[str, str]:
    kind, number = kind_and_id(note.written_by)
    writer = session.get(Staff, number) if kind == ActorKind.STAFF and number else None
    written = to_local(site.timezone, note.written_at)
    at = f"{written:%H:%M}" if note.patient_id is None else spoken_date(written.date())
    return note.words, f"{writer.name} {at}" if writer else at


def _born(site: Site, row: EntryRow) -> Known:
    born = row.patient.birth_date if row.patient else None
    if born is None:
        return Known("s-check", "Check", "Date of birth not known", ": ask for name and address")
    today = row.visit.day
    age = years(born, today)
    old = f", {age} years" if age >= 2 else f", {_months(born, today)} months"
    return Known("s-check", "Check", f"Born {spoken_date(born)}", old, is_who=True)


def _months(born: date, today: date) -> int:
    return (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)


def _access(room: Room, row: EntryRow) -> Known | None:
    said = joined(row.patient.access_needs) if row.patient and row.patient.access_needs else ""
    needs = list(row.entry.needs)
    rest = ""
    if needs:
        fits = set(needs) <= set(room.features or ())
        here = "this room has it" if fits else "this room does not have it"
        rest = f"Needs {joined(needs)}; {here}."
    if not said and not rest:
        return None
    strong = f"{said[:1].upper()}{said[1:]}." if said else ""
    return Known("s-wheelchair", "Access", strong, f" {rest}" if strong and rest else rest)


def _visit(session: Session, site: Site, row: EntryRow, clinician_id: int) -> Known:
    entry = row.entry
    minutes = round(entry.planned / timedelta(minutes=1))
    about = entry.reason.words if entry.reason else entry.service.name
    rest = f", {minutes} min planned."
    wish = wish_words(entry)
    if wish:
        rest += f" Asked for: {wish}."
    seen = last_seen(session, row.visit, clinician_id)
    if seen:
        rest += f" Last seen by you {spoken_date(to_local(site.timezone, seen).date())}."
    return Known("s-person", "Visit", about, rest)

"""One person as the room shows them: who, why now, what to know before calling."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup
from sqlalchemy.orm import Session

from queueapp.actions.forgotten import ENDED_AGO, asked_at
from queueapp.actions.summons import chosen_routes
from queueapp.db.models import Room, Site, Visit
from queueapp.db.queries.in_room import Usual, alike_today, usual_visit, usual_walk
from queueapp.db.queries.rows import EntryRow
from queueapp.domain.localtime import to_local
from queueapp.domain.ordering import Candidate, reason
from queueapp.domain.visit import CallOutcome, CallRoute, EntryState
from queueapp.realtime.content.desk_rows import Risk, risk_of, shape_of
from queueapp.realtime.content.names import named, with_ticket
from queueapp.realtime.content.room_known import Known, known
from queueapp.realtime.content.spoken import LONG_ROUTES, ROUTES, joined, language, spoken_date

_AGO = {30: "half an hour"}


@dataclass(frozen=True, slots=True)
class Card:
    """A person to be called or coming; `name` is empty where none is known."""

    row: EntryRow
    id: int
    ticket: str
    name: str
    sounds: str
    shape: str
    why: str
    alike: tuple[Markup, ...]
    known: tuple[Known, ...]
    risk: Risk | None
    routes: str
    usual: str

    @property
    def short(self) -> str:
        """The name as buttons say it: the first word, or the ticket."""
        return short_name(self.row.visit)

    @property
    def both(self) -> Markup:
        """Name and ticket: `Xiomara, A08`; the ticket alone where no name is known or shown."""
        return with_ticket(self.short, self.ticket)


@dataclass(frozen=True, slots=True)
class Route:
    """One way of calling: `state` is `done`, `open` (still to be tried) or `off` (not wished)."""

    words: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class Inside:
    """A person called to the room or in it. Times are instants; `usual` may be unknown.

    From `asked_at` on the clinician is asked whether a press was forgotten; `endings` (minutes,
    words) are when the visit may have ended.
    """

    row: EntryRow
    id: int
    ticket: str
    name: str
    about: str
    is_called: bool
    began: datetime
    began_clock: str
    usual: Usual | None
    planned: int
    routes: tuple[Route, ...]
    calls: int
    untried: tuple[str, ...]
    asked_at: datetime | None
    is_asked: bool
    endings: list[tuple[str, str]]

    @property
    def short(self) -> Markup:
        """The name as buttons say it, with the ticket for when names are hidden."""
        return named(short_name(self.row.visit), self.ticket)

    @property
    def both(self) -> Markup:
        """Name and ticket, as buttons say them."""
        return with_ticket(short_name(self.row.visit), self.ticket)


def short_name(visit: Visit) -> str:
    """The chosen name where there is one, else the first word of the name, else the ticket."""
    patient = visit.patient
    if patient is None or not patient.called_name:
        return visit.ticket
    return patient.chosen_name or patient.name.split()[0]


def card(session: Session, site: Site, room: Room, row: EntryRow, clinician_id: int) -> Card:
    """The person as the clinician sees them before and while calling."""
    entry, patient = row.entry, row.patient
    return Card(
        row=row,
        id=entry.id,
        ticket=row.visit.ticket,
        name=_full_name(row),
        sounds=patient.name_sounds if patient else "",
        shape=shape_of(entry.entry_class),
        why=row.why or _why(site, row),
        alike=tuple(_alike_words(v) for v in alike_today(session, row.visit)),
        known=tuple(known(session, site, room, row, clinician_id)),
        risk=risk_of(row.estimate.miss if row.estimate else None),
        routes=_by_words(row.visit),
        usual=usual_words(usual_visit(session, entry)),
    )


def inside(session: Session, site: Site, now: datetime, row: EntryRow) -> Inside:
    """The person as the room shows them once called."""
    entry = row.entry
    is_called = entry.state is EntryState.CALLED
    began = (row.call.called_at if row.call else entry.called_at) if is_called else entry.started_at
    began = began or entry.arrived_at
    wanted = chosen_routes(row.visit)
    tried = row.call.routes if row.call else []
    asked = asked_at(session, site, entry)
    about = [entry.reason.words if entry.reason else entry.service.name]
    if row.patient and row.patient.language != "en":
        about.append(language(row.patient.language))
    return Inside(
        row=row,
        id=entry.id,
        ticket=row.visit.ticket,
        name=_full_name(row),
        about=", ".join(about),
        is_called=is_called,
        began=began,
        began_clock=f"{to_local(site.timezone, began):%H:%M}",
        usual=usual_walk(session, site) if is_called else usual_visit(session, entry),
        planned=round(entry.planned / timedelta(minutes=1)),
        routes=tuple(_route(site, r, wanted, tried, began) for r in LONG_ROUTES)
        if is_called
        else (),
        calls=sum(c.outcome is not CallOutcome.WITHDRAWN for c in entry.calls),
        untried=tuple(r for r in wanted if r not in tried) if is_called else (),
        asked_at=asked,
        is_asked=asked is not None and asked <= now,
        endings=[
            (str(n), f"{_AGO.get(n, f'{n} min')} ago")
            for n in ENDED_AGO
            if asked and began + timedelta(minutes=n) < asked
        ],
    )


def usual_words(usual: Usual | None) -> str:
    """`9–16` minutes; nothing where too few are known."""
    if usual is None:
        return ""
    low, high = (round(x / timedelta(minutes=1)) for x in (usual.low, usual.high))
    return f"{low}–{high}" if low != high else str(low)


def _full_name(row: EntryRow) -> str:
    patient = row.patient
    if patient is None:
        return ""
    if not patient.chosen_name or patient.chosen_name == patient.name:
        return patient.name
    # "Xiomara" of "Xiomara Quispe" is no other name; "Alex" of "Alexandra Quispe" is.
    if patient.chosen_name in patient.name.split():
        return patient.name
    return f"{patient.chosen_name} ({patient.name})" if patient.name else patient.chosen_name


def _why(site: Site, row: EntryRow) -> str:
    """The sentence of one who is no longer in the line, as it was."""
    entry = row.entry
    candidate = Candidate(
        entry_id=entry.id,
        visit_id=entry.visit_id,
        service_id=entry.service_id,
        entry_class=entry.entry_class,
        band=entry.band,
        due_by=entry.due_by,
        arrived_at=entry.arrived_at,
        number=entry.id,
        reference_at=entry.reference_at,
        target=entry.target,
    )
    return reason(
        candidate,
        lambda instant: f"{to_local(site.timezone, instant):%H:%M}",
        scheduled_at=entry.scheduled_at,
    )


def _alike_words(visit: Visit) -> Markup:
    other = visit.patient
    assert other is not None
    born = f", born {spoken_date(other.birth_date)}" if other.birth_date else ""
    gone = ", has left" if visit.departed_at else ""
    both = with_ticket(other.name or other.chosen_name, visit.ticket)
    return Markup("{}{}{}").format(both, named(born), gone)


def _by_words(visit: Visit) -> str:
    some = joined(ROUTES.get(r, r) for r in chosen_routes(visit))
    if some.endswith(ROUTES[CallRoute.FETCH.value]):
        return some[:1].upper() + some[1:]
    return f"{some[:1].upper()}{some[1:]} call"


def _route(
    site: Site, route: str, wanted: Sequence[str], tried: Sequence[str], called_at: datetime
) -> Route:
    words = LONG_ROUTES[route]
    if route in tried:
        at = f"{to_local(site.timezone, called_at):%H:%M:%S}"
        said = "somebody went" if route == CallRoute.FETCH.value else f"called {at}"
        return Route(words, "done", said)
    if route in wanted:
        return Route(words, "open", "the desk was asked")
    return Route(words, "off", "not wished")

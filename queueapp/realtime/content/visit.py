"""What a patient's own phone says of the visit: where it stands, what was told, what can be done.

Place and range move with the line of the site: they are in `line`, which phone.js fills in.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from flask import render_template
from sqlalchemy.orm import Session, selectinload

from queueapp.actions.hits import Hits, hits_of
from queueapp.db.models import Call, Promise, QueueEntry, Site, Visit
from queueapp.db.queries.language import language_of
from queueapp.domain.visit import EntryState, Presence
from queueapp.languages import force_locale
from queueapp.realtime.content import content, together
from queueapp.realtime.content.visit_after import After, after_of
from queueapp.realtime.content.visit_data import current_entry, data_of
from queueapp.realtime.content.visit_fellows import Fellow, fellows_of


class Stage(StrEnum):
    """What the phone shows: one thing at a time."""

    WAITING = "waiting"
    ON_THE_WAY = "on_the_way"
    OUT = "out"
    MISSED = "missed"
    CALLED = "called"
    IN_SERVICE = "in_service"
    BETWEEN = "between"
    FINISHED = "finished"
    LEFT = "left"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Moved:
    """A promise that was revised: the whole minutes it moved by, None with a mere apology."""

    minutes: int | None
    first_low: datetime | None
    first_high: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class VisitView:
    """A visit as its own phone shows it."""

    visit: Visit
    stage: Stage
    entry: QueueEntry | None
    call: Call | None
    room: str
    clinician: str
    moved: Moved | None
    fellows: tuple[Fellow, ...]
    after: After | None
    hits: Hits | None = None
    can_book: bool = False

    @property
    def ring(self) -> str:
        """The calls that stand, so that a phone rings once more for each new one."""
        mine = [self.call.id] if self.stage is Stage.CALLED and self.call else []
        return " ".join(str(n) for n in [*mine, *(f.call_id for f in self.fellows if f.call_id)])


_ENTRIES = selectinload(Visit.entries)
_VISITS = (
    sa.select(Visit)
    .options(
        _ENTRIES.selectinload(QueueEntry.calls).selectinload(Call.room),
        _ENTRIES.selectinload(QueueEntry.promises),
        _ENTRIES.selectinload(QueueEntry.room),
        _ENTRIES.selectinload(QueueEntry.clinician),
        selectinload(Visit.patient),
    )
    .where(Visit.id.in_(sa.bindparam("visits", expanding=True)))
)


@content("visit")
def visit(session: Session, site: Site, now: datetime, subject: int | None) -> dict[str, Any]:
    """The painted page's live part; `stage` and `visit` are the same facts as data."""
    found = view_of(session, now, subject)
    if found is None or found.visit.site_id != site.id:
        return {}
    language = language_of(session, found.visit)
    with force_locale(language):
        html = render_template("phone/_visit.html", site=site, view=found, mine=None)
    return {
        "html": html,
        "language": language,
        "stage": found.stage.value,
        "visit": data_of(found.visit),
    }


@together("visit")
def load(session: Session, visit_ids: list[int]) -> None:
    """What all of `visit_ids` need, in a few statements; `visit` then asks for nothing more."""
    found = session.scalars(_VISITS, {"visits": visit_ids}).all()
    session.info["queueapp.visits"] = found


def view_of(session: Session, now: datetime, visit_id: int | None) -> VisitView | None:
    """What the partial paints."""
    found = session.get(Visit, visit_id) if visit_id is not None else None
    if found is None:
        return None
    entry = current_entry(found)
    stage = _stage(found, entry)
    last = found.entries[-1] if found.entries else None
    shown = entry or last
    call = shown.calls[-1] if shown and shown.calls else None
    room = shown.room if shown and shown.room else call.room if call else None
    name = shown.clinician.shown_name if shown and shown.clinician else ""
    site = session.get_one(Site, found.site_id)
    return VisitView(
        visit=found,
        stage=stage,
        entry=shown,
        call=call,
        room=room.name if room else "",
        clinician=name,
        moved=_moved(entry.promises) if entry else None,
        fellows=fellows_of(session, found),
        after=after_of(session, found) if stage is Stage.FINISHED else None,
        hits=hits_of(session, site, now, shown.service_id) if shown else None,
        can_book=site.rules.online,
    )


def _stage(found: Visit, entry: QueueEntry | None) -> Stage:
    if entry is None:
        return _ended(found)
    if entry.state is EntryState.CALLED:
        return Stage.CALLED
    if entry.state is EntryState.IN_SERVICE:
        return Stage.IN_SERVICE
    if found.presence is Presence.OUT:
        return Stage.OUT
    if found.presence is Presence.ON_THE_WAY:
        return Stage.ON_THE_WAY
    if found.presence is Presence.UNCONFIRMED or entry.absences:
        return Stage.MISSED
    return Stage.WAITING


def _ended(found: Visit) -> Stage:
    states = [e.state for e in found.entries]
    if found.departed_at is None:
        return Stage.BETWEEN
    if EntryState.LEFT in states:
        return Stage.LEFT
    if EntryState.FINISHED in states:
        return Stage.FINISHED
    return Stage.NOT_REACHED


def _moved(promises: list[Promise]) -> Moved | None:
    told = [p for p in promises if p.low_at is not None]
    if len(promises) < 2 or not told:
        return None
    first, newest, last = told[0], told[-1], promises[-1]
    minutes = None
    if last.low_at is not None and newest.high_at and first.high_at:
        minutes = max(round((newest.high_at - first.high_at).total_seconds() / 60), 1)
    return Moved(minutes, first.low_at, first.high_at, last.reason)

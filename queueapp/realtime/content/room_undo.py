"""What was done last in a room and may still be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy.orm import Session

from queueapp.actions.undo import undoable
from queueapp.db.models import Site, Visit, VisitEvent
from queueapp.db.queries.happened import in_words
from queueapp.db.queries.undone import not_undone
from queueapp.db.session import once
from queueapp.domain.events import Kind
from queueapp.domain.localtime import to_local
from queueapp.realtime.content.names import with_ticket
from queueapp.realtime.content.room_person import Inside, short_name

_OFFERED = 40


@dataclass(frozen=True, slots=True)
class Undo:
    """What may be taken back, in words, and until when."""

    event_id: int
    words: Markup
    button: str
    until: datetime


def undo_of(
    session: Session, site: Site, now: datetime, room_id: int, people: Sequence[Inside]
) -> Undo | None:
    """The last thing done here, but for calls that stand: those have a button of their own."""
    standing = {p.id for p in people if p.is_called}
    # The same for all rooms of the site.
    offered = once(
        session,
        ("undoable", site.id, now),
        lambda: list(undoable(session, site.id, now, limit=_OFFERED)),
    )
    for event in offered:
        if event.room_id != room_id or (event.kind == Kind.CALLED and event.entry_id in standing):
            continue
        told = in_words(session, site, [event])[0]
        who, told_words = _named(session, event, told.subject), told.words
        if event.kind == Kind.FINISHED and event.why:
            told_words = f"finished, {_OUTCOMES.get(event.why, event.why)}"
        called = called_with(session, event)
        verb = _UNDO_WORDS.get(Kind(event.kind), "Undo")
        return Undo(
            event_id=event.id,
            words=Markup("{} {}, {}.").format(who, told_words, clock(site, event.occurred_at)),
            button=f"{verb} and the call" if called else verb,
            until=event.recorded_at + site.rules.undo_window,
        )
    return None


_OUTCOMES = {"resolved": "resolved", "follow_up": "follow-up booked", "referred_on": "referred on"}
_UNDO_WORDS = {
    Kind.CALLED: "Undo call",
    Kind.STARTED: "Undo start",
    Kind.STILL_IN: "Undo: ask me again",
    Kind.FINISHED: "Undo finish",
    Kind.TRANSFERRED: "Undo transfer",
    Kind.SET_ASIDE: "Undo set aside",
    Kind.DID_NOT_ANSWER: "Undo: still called",
    Kind.WRONG_PERSON: "Undo wrong person",
}


def _named(session: Session, event: VisitEvent, ticket: str) -> Markup:
    visit = session.get(Visit, event.visit_id) if event.visit_id else None
    return with_ticket(short_name(visit) if visit else "", ticket)


def called_with(session: Session, event: VisitEvent) -> list[VisitEvent]:
    """The calls made by the same press as a finish, not undone since."""
    if event.kind != Kind.FINISHED:
        return []
    return list(
        session.scalars(
            sa.select(VisitEvent)
            .where(
                VisitEvent.site_id == event.site_id,
                VisitEvent.seq == event.seq,
                VisitEvent.kind == Kind.CALLED.value,
                not_undone(),
            )
            .order_by(VisitEvent.n.desc())
        )
    )


def clock(site: Site, instant: datetime) -> str:
    """An instant on the site's wall clock."""
    return f"{to_local(site.timezone, instant):%H:%M}"

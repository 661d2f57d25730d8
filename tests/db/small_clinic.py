"""A clinic small enough to follow: two doctors and a nurse, a clock that is moved by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import calls
from queueapp.db.models import Call, QueueEntry, VisitEvent
from queueapp.db.queries.queue import load_queue
from queueapp.db.unit import STAGED, finalise
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.events import Kind
from tests.factories import (
    NOW,
    make_clinician,
    make_entry,
    make_room,
    make_service,
    make_shift,
    make_site,
)

DESK = Actor(ActorKind.STAFF, 1, "Desk")


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


class SmallClinic:
    """Doctors give `gp` in rooms 1 and 2, the nurse takes `blood` in room 3."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = NOW
        self.site = make_site(session)
        self.gp = make_service(session, self.site, "GP")
        self.blood = make_service(session, self.site, "Blood test")
        given = [[self.gp], [self.gp], [self.blood]]
        self.rooms = [make_room(session, self.site, f"Room {n}") for n in (1, 2, 3)]
        self.clinicians = [make_clinician(session, services) for services in given]
        self.shifts = [
            make_shift(session, self.site, clinician, room, services=services)
            for clinician, room, services in zip(self.clinicians, self.rooms, given, strict=True)
        ]

    def do(self, action: Callable[..., Any], **arguments: Any) -> Any:
        """Carry out an action as one transaction of its own, all of it or nothing."""
        try:
            with self.session.begin_nested():
                result = action(self.session, DESK, self.now, **arguments)
                finalise(self.session)
        except Exception:
            self.session.info.pop(STAGED, None)
            self.session.expire_all()
            raise
        return result

    def wait(self, n: float) -> datetime:
        """Let `n` minutes pass."""
        self.now += minutes(n)
        return self.now

    def join(self, **columns: Any) -> QueueEntry:
        """Somebody comes to see a doctor."""
        service = columns.pop("service", self.gp)
        return make_entry(self.session, service, now=self.now, **columns)

    def call(self, room: int = 1) -> QueueEntry | None:
        """The clinician in a room presses "call next"."""
        entry: QueueEntry | None = self.do(calls.call_next, room_id=self.rooms[room - 1].id)
        return entry

    def line(self) -> list[int]:
        """Who waits, in calling order."""
        self.session.flush()
        return [c.entry_id for c in load_queue(self.session, self.site, self.now).line]

    def calls_of(self, entry: QueueEntry) -> list[Call]:
        """All summonses of an entry, oldest first."""
        query = sa.select(Call).where(Call.entry_id == entry.id).order_by(Call.id)
        return list(self.session.scalars(query))

    def event(self, kind: Kind) -> VisitEvent:
        """The newest event of a kind."""
        query = sa.select(VisitEvent).where(
            VisitEvent.site_id == self.site.id, VisitEvent.kind == kind.value
        )
        newest = query.order_by(VisitEvent.seq.desc(), VisitEvent.n.desc()).limit(1)
        return self.session.scalars(newest).one()

"""Who acts in which room on whom, and the checks that keep the wrong person from being called."""

from dataclasses import dataclass
from datetime import datetime

from flask import request
from sqlalchemy.orm import Session

from queueapp.db.models import QueueEntry, Room, Shift, Site
from queueapp.db.queries.happened import of_visit, room_name
from queueapp.domain.actor import Actor
from queueapp.domain.localtime import to_local
from queueapp.domain.refusal import Refused, conflict, not_found
from queueapp.domain.visit import IN_ROOM_STATES, EntryState, wrong_state
from queueapp.web.fields import row_number


@dataclass(frozen=True, slots=True)
class Turn:
    """One press in one room, inside its transaction."""

    session: Session
    actor: Actor
    now: datetime
    site: Site
    room_id: int

    @property
    def key(self) -> tuple[Session, Actor, datetime]:
        """What every action takes first."""
        return self.session, self.actor, self.now

    def inside(self) -> QueueEntry:
        """The person meant, who must be called to this room or in it. Raises Refused, saying
        where they are instead."""
        entry = self.entry("entry")
        if entry.state not in IN_ROOM_STATES or entry.room_id != self.room_id:
            raise self.where_now(entry)
        return entry

    def entry(self, name: str) -> QueueEntry:
        """The entry a field names, of this site. Raises Refused (not found)."""
        entry = self.session.get(QueueEntry, number(name) or 0)
        if entry is None or entry.site_id != self.site.id:
            raise not_found("The ticket")
        return entry

    def shift(self) -> Shift:
        """The shift meant, which must be open in this room. Raises Refused (conflict)."""
        shift = self.session.get(Shift, number("shift") or 0)
        if shift is None or shift.site_id != self.site.id:
            raise not_found("The shift")
        if shift.actual_to is not None or shift.room_id != self.room_id:
            where = "has gone home"
            if shift.actual_to is None and shift.room is not None:
                where = f"works in {room_name(shift.room.name)} now"
            raise conflict("not_here", f"{shift.clinician.shown_name} {where}.")
        return shift

    def where_now(self, entry: QueueEntry) -> Refused:
        """The refusal that says where a person is who is not where the screen showed them, and
        who did it when."""
        ticket = entry.visit.ticket
        where = room_name(entry.room.name) if entry.room else ""
        if entry.state is EntryState.CALLED and where:
            code, said = "called_elsewhere", f"{ticket} has been called to {where}."
        elif entry.state is EntryState.IN_SERVICE and where:
            who = f" with {entry.clinician.shown_name}" if entry.clinician else ""
            code, said = "in_room", f"{ticket} is in {where}{who}."
        else:
            code, said = "wrong_state", wrong_state(ticket, entry.state).message
        return conflict(code, f"{said[:-1]}{self._by_whom(entry)}.", state=str(entry.state))

    def _by_whom(self, entry: QueueEntry) -> str:
        """When the last thing happened to the person, and who of the staff did it."""
        last = next(iter(of_visit(self.session, self.site, entry.visit_id, limit=1)), None)
        if last is None:
            return ""
        at = f"{to_local(self.site.timezone, last.at):%H:%M}"
        # A room's own screen says no more than the room, which is named already.
        return f" ({at})" if last.who == "room" else f" ({at}, {last.who})"

    @property
    def room(self) -> Room:
        """The room itself."""
        return self.session.get_one(Room, self.room_id)


def number(name: str) -> int | None:
    """A row's number from the form."""
    return row_number(request.form.get(name))

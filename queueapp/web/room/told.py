"""Before somebody is called out of turn: who gains and who loses, against calling the next."""

from dataclasses import dataclass

from flask import request
from sqlalchemy.orm import Session

from queueapp.actions import calls
from queueapp.actions.consequences import consequence_of
from queueapp.domain.effects import Consequence
from queueapp.domain.refusal import Refused
from queueapp.web.security import current_actor, current_db, current_site, now


@dataclass(frozen=True, slots=True)
class Told:
    """What the call would do; or, in words, why it would be refused."""

    found: Consequence | None
    refused: str = ""


def told_before(room_id: int) -> Told:
    """Rehearse the call that the panel asks about; nobody is called."""
    actor, at = current_actor(), now()
    entry_id = request.args.get("entry", 0, type=int)

    def chosen(session: Session) -> object:
        return calls.call_chosen(session, actor, at, room_id=room_id, entry_id=entry_id)

    def in_turn(session: Session) -> object:
        return calls.call_next(session, actor, at, room_id=room_id)

    try:
        return Told(
            consequence_of(
                current_db(), at, site_id=current_site().id, act=chosen, instead_of=in_turn
            )
        )
    except Refused as refused:
        return Told(None, refused.message)

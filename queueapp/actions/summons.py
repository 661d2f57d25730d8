"""A summons: by which routes, which one stands, and the call of one entry to a room."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from queueapp.actions import desk_items
from queueapp.actions.base import get_entry, image, note
from queueapp.actions.entries import change_state, end_moves
from queueapp.db.models import Call, Clinician, QueueEntry, Visit
from queueapp.db.statement import Statement
from queueapp.db.writing import Rows, columns, insert_now
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.ordering import ShiftView
from queueapp.domain.visit import CallRoute, EntryState, wrong_state

_STANDING = sa.select(Call).where(Call.entry_id == sa.bindparam("entry"), Call.outcome.is_(None))
_HOW_MANY = Statement(
    sa.select(sa.func.count(Call.id)).where(Call.entry_id == sa.bindparam("entry"))
)
_CLINICIAN = Rows(
    (Clinician,),
    sa.select(*columns(Clinician)).where(Clinician.id == sa.bindparam("clinician")),
)
ROUTE_WORDS = {
    CallRoute.LOBBY.value: "the lobby screen",
    CallRoute.PHONE.value: "the phone",
    CallRoute.FETCH.value: "staff going over",
}


def chosen_routes(visit: Visit) -> list[str]:
    """How this person is called: as wished, never by the lobby when discreet."""
    wished = list(visit.patient.call_routes) if visit.patient else []
    routes = wished or [CallRoute.LOBBY.value, CallRoute.PHONE.value]
    if visit.discreet:
        routes = [r for r in routes if r != CallRoute.LOBBY] or [CallRoute.PHONE.value]
    return routes


def standing_call(session: Session, entry: QueueEntry) -> Call:
    """The summons that stands. Raises Refused when the entry is not called."""
    if entry.state is not EntryState.CALLED:
        raise wrong_state(entry.visit.ticket, entry.state)
    return session.scalars(_STANDING, {"entry": entry.id}).one()


def summon(
    session: Session,
    actor: Actor,
    now: datetime,
    shift: ShiftView,
    entry_id: int,
    when: datetime,
    why: str,
) -> QueueEntry:
    """The entry is called to the shift's room; the desk is asked where somebody must go over."""
    entry = get_entry(session, entry_id)
    before = image(entry)
    change_state(
        session,
        entry,
        {EntryState.WAITING},
        state=EntryState.CALLED,
        room_id=shift.room_id,
        shift_id=shift.shift_id,
        clinician_id=shift.clinician_id,
        called_at=entry.called_at or when,
        passed_over_until=None,
    )
    set_committed_value(
        entry, "clinician", _CLINICIAN.one(session, {"clinician": shift.clinician_id})[0]
    )
    assert shift.room_id is not None
    call = summons(session, entry, shift.room_id, shift.shift_id, when)
    ended = end_moves(session, entry, when)
    note(
        session,
        actor,
        now,
        Kind.CALLED,
        site_id=entry.site_id,
        occurred_at=when,
        entry=entry,
        from_state=EntryState.WAITING,
        why=why,
        before=before,
        data={"call": call.id, "ended_moves": ended},
    )
    if CallRoute.FETCH in chosen_routes(entry.visit):
        desk_items.open_item(
            session,
            actor,
            now,
            site_id=entry.site_id,
            kind=desk_items.ItemKind.FETCH,
            subject=f"call:{call.id}",
            entry_id=entry.id,
            visit_id=entry.visit_id,
            details={"room_id": shift.room_id},
        )
    return entry


def summons(
    session: Session, entry: QueueEntry, room_id: int, shift_id: int, when: datetime
) -> Call:
    """One more summons of the entry, by all its routes but that of going over."""
    session.flush()
    number = _HOW_MANY.scalar(session, {"entry": entry.id})
    return insert_now(
        session,
        Call,
        site_id=entry.site_id,
        entry_id=entry.id,
        room_id=room_id,
        shift_id=shift_id,
        number=(number or 0) + 1,
        routes=[r for r in chosen_routes(entry.visit) if r != CallRoute.FETCH],
        called_at=when,
    )

"""Rows written by the Core are as those that the session flushes."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import QueueEntry
from queueapp.db.writing import change_now, insert_now
from queueapp.domain.visit import EntryState
from tests import factories as make
from tests.factories import NOW


def new(session: Session) -> dict[str, Any]:
    service = make.make_service(session, make.make_site(session))
    visit = make.make_visit(session, service.site)
    return {
        "site_id": service.site_id, "visit_id": visit.id, "service_id": service.id,
        "state": EntryState.WAITING, "entry_class": "walk_in", "arrived_at": NOW,
        "reference_at": NOW, "target": timedelta(minutes=5), "due_by": NOW + timedelta(minutes=5),
    }  # fmt: skip


def columns(entry: QueueEntry) -> dict[str, object]:
    return {
        name: getattr(entry, name) for name in [c.key for c in sa.inspect(QueueEntry).column_attrs]
    }


def test_an_inserted_row_is_what_the_database_holds(session: Session) -> None:
    entry = insert_now(session, QueueEntry, **new(session))
    assert entry.id
    assert entry not in session.dirty
    said = columns(entry)
    session.expire(entry)
    assert columns(entry) == said
    assert (entry.band, entry.needs, entry.stepped_out) == (1, [], timedelta(0))
    entry.note = "changed afterwards"
    session.flush()
    session.expire(entry)
    assert entry.note == "changed afterwards"
    assert entry.visit.site_id == entry.site_id


def test_what_a_savepoint_took_back_is_written_again(session: Session) -> None:
    entry = new(session)
    savepoint = session.begin_nested()
    first = insert_now(session, QueueEntry, **entry)
    number = first.id
    savepoint.rollback()
    again = insert_now(session, QueueEntry, **new(session))
    session.expire(again)
    assert again.state is EntryState.WAITING
    assert session.scalar(sa.select(sa.func.count(QueueEntry.id))) == 1
    assert number is not None


def test_a_change_is_made_in_the_right_state_alone_and_is_seen(session: Session) -> None:
    entry = insert_now(session, QueueEntry, **new(session))
    room = make.make_room(session, entry.visit.entries[0].service.site)
    assert entry.room is None
    assert not change_now(session, entry, in_state={EntryState.CALLED}, room_id=room.id)
    assert entry.room_id is None
    change = {"state": EntryState.CALLED, "room_id": room.id}
    assert change_now(session, entry, in_state=[EntryState.WAITING], **change)
    assert entry.room is room
    session.expire(entry)
    assert (entry.state, entry.room_id) == (EntryState.CALLED, room.id)

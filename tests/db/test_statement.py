"""A statement that is compiled once says and raises what it would through SQLAlchemy's Core."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, NoResultFound, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from queueapp.db.models import QueueEntry, TicketCounter, Visit
from queueapp.db.statement import Statement
from queueapp.db.writing import Rows, columns
from queueapp.domain.visit import EntryState
from tests import factories as make
from tests.factories import NOW

_OF_SITE = (
    sa.select(QueueEntry.__table__, Visit.presence, sa.func.count().over().label("of"))
    .join_from(QueueEntry.__table__, Visit.__table__, Visit.id == QueueEntry.visit_id)
    .where(
        QueueEntry.id.in_(sa.bindparam("ids", expanding=True)),
        QueueEntry.state.in_([EntryState.WAITING, EntryState.CALLED]),
        QueueEntry.due_by > sa.bindparam("since"),
    )
    .order_by(QueueEntry.id)
)


def three_entries(session: Session) -> list[QueueEntry]:
    service = make.make_service(session, make.make_site(session))
    entries = [make.make_entry(session, service, now=NOW) for _ in range(3)]
    entries[0].needs, entries[1].target = ["step_free"], timedelta(minutes=7)
    session.flush()
    return entries


def test_rows_are_those_of_the_core_whatever_the_lists_length(session: Session) -> None:
    ids, sent = [e.id for e in three_entries(session)], Statement(_OF_SITE)
    for of in (ids, ids[:1], [], ids[1:]):
        values = {"ids": of, "since": NOW - timedelta(days=1)}
        by_core = session.connection().execute(_OF_SITE, values).all()
        found = sent.all(session, values)
        assert [tuple(row) for row in found] == [tuple(row) for row in by_core]
        assert [(r.id, r.state, r.needs) for r in found] == [
            (r.id, r.state, r.needs) for r in by_core
        ]
    nothing = {"ids": [], "since": NOW}
    assert sent.one_or_none(session, nothing) is None
    assert sent.scalar(session, nothing) is None
    with pytest.raises(NoResultFound):
        sent.one(session, nothing)


def test_what_the_database_refuses_is_raised_as_ever(session: Session) -> None:
    site = make.make_site(session)
    insert = Statement(sa.insert(TicketCounter.__table__))  # type: ignore[arg-type]
    row = {"site_id": site.id, "day": date(2026, 1, 5), "given": 1}
    assert insert.run(session, row) == 1
    savepoint = session.begin_nested()
    with pytest.raises(IntegrityError) as refused:
        insert.run(session, row)
    assert "INSERT INTO ticket_counter" in str(refused.value)
    savepoint.rollback()
    savepoint = session.begin_nested()
    with pytest.raises((OperationalError, ProgrammingError)):
        Statement(sa.select(sa.literal_column("nobody"))).all(session)
    savepoint.rollback()
    insert.run_all(session, [row | {"day": date(2026, 1, n)} for n in (6, 7)])
    assert session.scalar(sa.select(sa.func.count()).select_from(TicketCounter)) == 3


def test_who_listens_to_the_engine_hears_of_it(session: Session, engine: Engine) -> None:
    heard: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    Statement(sa.select(sa.literal(7).label("seven"))).all(session)
    sa.event.remove(engine, "before_cursor_execute", note)
    assert "seven" in heard[-1]


def test_rows_that_are_held_already_say_what_the_database_does(session: Session) -> None:
    entry = three_entries(session)[0]
    load = Rows(
        (QueueEntry, Visit),
        sa.select(*columns(QueueEntry, Visit))
        .join_from(QueueEntry.__table__, Visit.__table__, Visit.id == QueueEntry.visit_id)
        .where(QueueEntry.id == sa.bindparam("row")),
    )
    entry.note = "said before"
    session.connection().execute(sa.update(Visit).values(place="By the window"))
    again, visit = load.one(session, {"row": entry.id})
    assert again is entry
    assert visit is entry.visit
    assert (entry.note, visit.place) == ("said before", "By the window")
    entry.note = "said after"
    session.flush()
    session.expire_all()
    assert session.get_one(QueueEntry, entry.id).note == "said after"

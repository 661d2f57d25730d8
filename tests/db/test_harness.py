"""The ground under the other tests: each starts from an empty database of the right kind."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.engine import make_engine
from queueapp.db.models import Site
from queueapp.db.session import Database


def add_site(session: Session) -> None:
    session.add(Site(slug="harness", name="Harness", timezone="Europe/London"))


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_commit_in_one_test_is_not_seen_by_the_next(session: Session, turn: str) -> None:
    assert session.scalars(sa.select(Site)).all() == []
    add_site(session)
    session.commit()
    session.rollback()
    assert session.scalars(sa.select(Site.slug)).all() == ["harness"]


@pytest.mark.parametrize("turn", ["first", "second"])
def test_real_commits_stay_in_the_tests_own_database(db: Database, turn: str) -> None:
    with db.write() as session:
        assert session.scalars(sa.select(Site)).all() == []
        add_site(session)
    with db.read() as session:
        assert session.scalars(sa.select(Site.slug)).all() == ["harness"]


def test_an_empty_database_has_no_tables(empty_database: str) -> None:
    engine = make_engine(empty_database)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_each_runs_on_the_database_it_is_named_after(database: str, session: Session) -> None:
    assert session.get_bind().dialect.name == database

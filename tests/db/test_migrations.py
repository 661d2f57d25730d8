"""The schema grows up from nothing and from every earlier revision, on both databases."""

import pytest
import sqlalchemy as sa

from queueapp.db import migrate
from queueapp.db.engine import make_engine

REVISIONS = migrate.revisions()


def test_an_empty_database_grows_to_what_the_models_say(empty_database: str) -> None:
    engine = make_engine(empty_database)
    assert migrate.current(engine) is None
    migrate.upgrade(engine)
    assert migrate.current(engine) == REVISIONS[-1]
    assert migrate.differences(engine) == []
    engine.dispose()


def test_every_earlier_revision_grows_and_keeps_its_rows(empty_database: str) -> None:
    """At each revision a clinic opens, and goes through all that come after it."""
    engine = make_engine(empty_database)
    insert = sa.text(
        "INSERT INTO site (slug, name, timezone, seq, settings)"
        " VALUES (:slug, 'Old clinic', 'UTC', 7, '{}')"
    )
    for revision in REVISIONS[:-1]:
        migrate.upgrade(engine, revision)
        assert migrate.current(engine) == revision
        with engine.execution_options(writes=True).begin() as connection:
            connection.execute(insert, {"slug": f"of-{revision}"})
    migrate.upgrade(engine)
    assert migrate.differences(engine) == []
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT slug, seq FROM site ORDER BY id")).all()
    assert found == [(f"of-{revision}", 7) for revision in REVISIONS[:-1]]
    engine.dispose()


def test_upgrading_twice_changes_nothing(empty_database: str) -> None:
    engine = make_engine(empty_database)
    migrate.upgrade(engine)
    migrate.upgrade(engine)
    assert migrate.current(engine) == REVISIONS[-1]
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing_half_done(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(empty_database)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(sa.text("CREATE TABLE visit_event (id INTEGER)"))  # in the way of 0003
    with pytest.raises(sa.exc.DBAPIError):
        migrate.upgrade(engine)
    assert sa.inspect(engine).get_table_names() == ["visit_event"]
    assert migrate.current(engine) is None
    engine.dispose()

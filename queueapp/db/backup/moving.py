"""From SQLite to PostgreSQL: a clinic that grows takes everything along."""

import contextlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from queueapp.db import migrate
from queueapp.db.backup import archive, sqlite, targets
from queueapp.db.backup.archive import BackupError, Manifest, Progress
from queueapp.db.engine import sqlite_driver  # type: ignore[attr-defined]
from queueapp.db.models import Base

_FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY oid
"""


def move(path: Path, manifest: Manifest, engine: Engine, tell: Progress) -> None:
    """Put a backup of SQLite into a PostgreSQL without data, checked on both sides.

    One transaction: all of it arrives, or the tables stay empty. Raises BackupError.
    """
    with archive.unfinished(path.with_name(f"{path.name}.sqlite")) as copy:
        sqlite.unpack(path, manifest, copy, tell)
        migrate.upgrade(engine)
        with closing(sqlite_driver.connect(copy)) as source, engine.begin() as target:
            tables = [table.name for table in Base.metadata.sorted_tables]
            rows = targets.counts(source.execute, tables)
            with _without_foreign_keys(target):
                for name in tables:
                    _copy(source, target, name)
            if targets.counts(target.exec_driver_sql, tables) != rows:
                raise BackupError("Not every row arrived, so nothing was kept.")


@contextlib.contextmanager
def _without_foreign_keys(target: Connection) -> Iterator[None]:
    """Rows may come in any order inside; at the end each finds what it names, or all is undone."""
    keys = target.exec_driver_sql(_FOREIGN_KEYS).all()
    for table, name, _ in keys:
        target.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for table, name, definition in keys:
        # Of what the driver would read as a place for a value.
        words = definition.replace("%", "%%")
        target.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {words}")


def _copy(source: Any, target: Connection, table: str) -> None:
    columns = ", ".join(f'"{column.name}"' for column in Base.metadata.tables[table].columns)
    driver = target.connection.driver_connection
    assert driver is not None
    into = f'COPY "{table}" ({columns}) FROM STDIN'
    # SQLite has instants, days, JSON and truth in words that PostgreSQL reads.
    with driver.cursor() as cursor, cursor.copy(into) as stream:
        for row in source.execute(f'SELECT {columns} FROM "{table}"'):
            stream.write_row(row)
    if "id" in Base.metadata.tables[table].columns:
        # Numbers go on behind those that are taken.
        counter = target.scalar(sa.select(sa.func.pg_get_serial_sequence(f'"{table}"', "id")))
        if counter:
            target.exec_driver_sql(
                f"SELECT setval('{counter}', max(id)) FROM \"{table}\" HAVING max(id) IS NOT NULL"
            )

"""Engines: what each database must be told before it may be trusted."""

import logging
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import QueuePool

try:
    from pysqlite3 import dbapi2 as sqlite_driver
except ImportError:  # no wheel for this platform: Python's own, if it is new enough
    import sqlite3 as sqlite_driver

log = logging.getLogger(__name__)

SQLITE_WAL_RESET_FIXED = (3, 51, 3)
_BUSY_TIMEOUT_MS = 10_000


def sqlite_is_safe(version: tuple[int, ...] | None = None) -> bool:
    """Whether several connections may share a file: the WAL-reset bug is mended in 3.51.3."""
    return (version or sqlite_driver.sqlite_version_info) >= SQLITE_WAL_RESET_FIXED


def make_engine(url: str | URL, *, patience_s: float | None = None) -> Engine:
    """An engine for `sqlite:///file` or `postgresql+psycopg://…`.

    SQLite: WAL, synchronous=FULL, mmap off, foreign keys on; `BEGIN IMMEDIATE` for engines with
    the execution option `writes`. Where it is too old: one connection, and no WAL, as other
    processes have theirs. PostgreSQL: a statement that is not answered within `patience_s` seconds
    is given up, and its connection with it. Raises ValueError for another database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    if parsed.get_backend_name() == "postgresql":
        # Late, as its driver takes long to load and a clinic on SQLite has no use for it.
        from queueapp.db.postgresql import postgresql_engine

        return postgresql_engine(parsed.set(drivername="postgresql+psycopg"), patience_s)
    raise ValueError(f"DATABASE_URL: use sqlite:/// or postgresql://, not {parsed.drivername}")


def _sqlite_engine(url: URL) -> Engine:
    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": 5, "max_overflow": 25}
    if not sqlite_is_safe():
        log.warning(
            "SQLite %s may corrupt a file that several connections share by its write-ahead log; "
            "using one connection, and the slower journal. Install pysqlite3 (SQLite 3.51.3 or "
            "newer), or use PostgreSQL, to lift this.",
            sqlite_driver.sqlite_version,
        )
        pool = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
    engine = sa.create_engine(
        url.set(drivername="sqlite+queueapp"),
        module=sqlite_driver,
        connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000},
        **pool,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


class Sqlite(SQLiteDialect_pysqlite):
    """SQLite whose transactions begin when SQLAlchemy says so; those that write, by the lock.

    Not by a listener for `begin`: with one, every statement asks in vain who else listens.
    """

    supports_statement_cache = True
    _BEGIN = "BEGIN"

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin a transaction."""
        dbapi_connection.cursor().execute(self._BEGIN)

    def set_engine_execution_options(self, engine: Engine, opts: Mapping[str, Any]) -> None:
        """As SQLAlchemy's; with `writes`, an engine whose transactions take the write lock."""
        super().set_engine_execution_options(engine, opts)
        if opts.get("writes"):
            engine.dialect = writing = _WritingSqlite.__new__(_WritingSqlite)
            # The same dialect in all else, and what it learns by its first connection too.
            writing.__dict__ = self.__dict__


class _WritingSqlite(Sqlite):
    supports_statement_cache = True
    _BEGIN = "BEGIN IMMEDIATE"


registry.register("sqlite.queueapp", __name__, "Sqlite")


def sqlite_journal() -> str:
    """The journal mode: the write-ahead log, where SQLite is new enough to be trusted with it."""
    return "wal" if sqlite_is_safe() else "delete"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not open transactions behind our back
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        f"journal_mode={sqlite_journal()}",
        "synchronous=FULL",
        "mmap_size=0",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

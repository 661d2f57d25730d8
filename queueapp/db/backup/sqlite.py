"""Backups of SQLite: its own online backup, page by page from one snapshot, while others write."""

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from queueapp.db import migrate
from queueapp.db.backup import archive
from queueapp.db.backup.archive import BackupError, Manifest, Progress
from queueapp.db.backup.targets import JUMP, counts
from queueapp.db.engine import make_engine, sqlite_driver  # type: ignore[attr-defined]

_PAGES_AT_ONCE = 4096
_MOST_CHECKING, _CHECKING_KIB = 4, 64_000


def back_up(engine: Engine, path: Path, tell: Progress) -> Manifest:
    """Write a backup to `path`: whatever was committed before this call is in it.

    Nobody who writes is held up. Raises BackupError.
    """
    made_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    with archive.unfinished(path.with_name(f"{path.name}.copy")) as copy:
        _copy(engine, copy, tell)
        with _standing_alone(copy) as connection:
            _must_be_sound(connection, "quick_check(1)", "The database is damaged")
            rows = counts(connection.execute, _tables(connection))
            (schema,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        size = copy.stat().st_size
        with copy.open("rb") as content:
            return archive.write(
                path,
                content,
                compress=True,
                about=lambda n, sha256: Manifest(made_at, "sqlite", schema, rows, n, sha256),
                tell=lambda done: tell(size + done, 2 * size),
            )


def restore(path: Path, manifest: Manifest, database: Path, tell: Progress) -> None:
    """Put the backup in the place of `database`, checked and at the newest schema.

    Until all of it is right `database` stays as it was. Raises BackupError.
    """
    with archive.unfinished(database) as new:
        unpack(path, manifest, new, tell)
        _owned_like(database if database.exists() else database.parent, new)
        with _nobody_else(database):
            archive.put_in_place(new, database)


def unpack(path: Path, manifest: Manifest, new: Path, tell: Progress) -> None:
    """Write the backup's database to `new`, checked, at the newest schema. Raises BackupError."""
    archive.extract(path, manifest, new, tell)
    _check(new, manifest)
    _bring_up_to_date(new)


def _owned_like(other: Path, file: Path) -> None:
    """Give the file to whom the other one belongs, as it may be root who restores."""
    found = other.stat()
    if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):
            os.chown(file, found.st_uid, found.st_gid)


def _check(file: Path, manifest: Manifest) -> None:
    """Raise BackupError unless every table, its indexes and what it refers to are whole."""
    with _standing_alone(file) as connection:
        tables = sorted(_tables(connection), key=lambda name: -manifest.rows.get(name, 0))

    def check(table: str) -> tuple[str, int]:
        with closing(sqlite_driver.connect(file)) as mine:
            mine.execute(f"PRAGMA cache_size=-{_CHECKING_KIB}")
            _must_be_sound(mine, f'integrity_check("{table}")', "The backup is damaged")
            if broken := mine.execute(f'PRAGMA foreign_key_check("{table}")').fetchone():
                raise BackupError(
                    f"The backup is damaged: a row of {table} names one of {broken[2]} that is not "
                    "there. It was not restored; use another backup."
                )
            return table, counts(mine.execute, [table])[table]

    # The largest first, so that no processor is left with it at the end.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_CHECKING)) as pool:
        archive.check_rows(manifest, dict(pool.map(check, tables)))


def _copy(engine: Engine, copy: Path, tell: Progress) -> None:
    with closing(sqlite_driver.connect(copy)) as target, engine.connect() as connection:
        # The file is thrown away if anything goes wrong, and brought to the disk as a whole.
        target.execute("PRAGMA journal_mode=OFF")
        target.execute("PRAGMA synchronous=OFF")
        # Inside one reading transaction: other processes' writes do not make it begin again.
        connection.exec_driver_sql("SELECT count(*) FROM alembic_version")
        source = connection.connection.driver_connection
        assert source is not None

        def progress(_status: int, left: int, pages: int) -> None:
            tell(pages - left, 2 * pages)

        try:
            source.backup(target, pages=_PAGES_AT_ONCE, progress=progress)
        except sqlite_driver.Error as error:
            raise BackupError(f"The database could not be copied: {error}.") from error


@contextmanager
def _standing_alone(file: Path) -> Iterator[Any]:
    """A connection to a database that is one file alone, without a log beside it."""
    with closing(sqlite_driver.connect(file, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE").fetchone()
            connection.execute(f"PRAGMA cache_size=-{_CHECKING_KIB}")
            yield connection
        except sqlite_driver.DatabaseError as error:
            raise BackupError(f"The database in the backup is damaged: {error}.") from error


def _must_be_sound(connection: Any, check: str, otherwise: str) -> None:
    (found,) = connection.execute(f"PRAGMA {check}").fetchone()
    if found != "ok":
        raise BackupError(f"{otherwise}: {found}.")


def _tables(connection: Any) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' "
    return [name for (name,) in connection.execute(query + "ESCAPE '!' ORDER BY name")]


def _bring_up_to_date(file: Path) -> None:
    engine = make_engine(f"sqlite:///{file}")
    try:
        migrate.upgrade(engine)
        with engine.execution_options(writes=True).begin() as connection:
            connection.exec_driver_sql(f"UPDATE site SET seq = seq + {JUMP}")
    finally:
        # The last to leave writes the log into the file.
        engine.dispose()


@contextmanager
def _nobody_else(database: Path) -> Iterator[None]:
    """Inside, nobody is connected to `database`, and no log of it lies beside it."""
    if not database.exists():
        yield
        return
    busy = BackupError(
        f"{database} is in use. Stop queueapp (and whatever else has it open), then restore."
    )
    with closing(sqlite_driver.connect(database, isolation_level=None, timeout=1)) as old:
        try:
            # Only the last connection may leave WAL; its log is then part of the file and gone.
            old.execute("PRAGMA journal_mode=DELETE").fetchone()
            old.execute("BEGIN EXCLUSIVE")
        except sqlite_driver.OperationalError as error:
            raise busy from error
        except sqlite_driver.DatabaseError:
            # Damaged beyond reading: the very case that backups are for.
            for beside in ("-wal", "-shm"):
                database.with_name(database.name + beside).unlink(missing_ok=True)
        yield

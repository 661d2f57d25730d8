"""What a backup is restored onto, and what both databases ask of it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from queueapp.db.backup.archive import BackupError
from queueapp.db.models import Lease

# Screens that are open have seen later numbers than the backup knows, and drop what is older.
JUMP = 1_000_000
# Rows that say nothing of a clinic: there as soon as queueapp was started once.
_NO_DATA = frozenset({"alembic_version", "lease", "setup_code"})


def counts(execute: Callable[[str], Any], tables: Iterable[str]) -> dict[str, int]:
    """How many rows each table has; `execute` gives a cursor."""
    return {name: execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}


def check_target(engine: Engine, *, replace: bool) -> None:
    """Raise BackupError where the database is in use, not queueapp's, or holds data that nobody
    said may be replaced.
    """
    with engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        if not tables:
            return
        if "alembic_version" not in tables:
            raise BackupError(
                "There are tables of something else in this database. Give queueapp one of its own."
            )
        if "lease" in tables:
            now = datetime.now(UTC)
            live = sa.select(Lease.holder).where(Lease.expires_at > now).limit(1)
            if holder := connection.scalar(live):
                raise BackupError(
                    f"queueapp is running on this database ({holder}). Stop it, and restore then; "
                    "if it was killed, wait 12 seconds."
                )
        if not replace and any(
            connection.exec_driver_sql(f'SELECT 1 FROM "{name}" LIMIT 1').first()
            for name in sorted(tables - _NO_DATA)
        ):
            raise BackupError(
                "The database holds data, all of which a restore would replace. If that is what "
                "you want, back it up and say --replace."
            )

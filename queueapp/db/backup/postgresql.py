"""Backups of PostgreSQL: its own pg_dump, of the very snapshot whose rows are counted."""

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from queueapp.db import migrate
from queueapp.db.backup import archive
from queueapp.db.backup.archive import BackupError, Manifest, Progress
from queueapp.db.backup.beside import Beside
from queueapp.db.backup.programs import Running, connecting, program
from queueapp.db.backup.targets import JUMP, counts


def back_up(engine: Engine, path: Path, tell: Progress) -> Manifest:
    """Write a backup to `path`: whatever was committed before this call is in it.

    Nobody who writes is held up. Raises BackupError.
    """
    pg_dump = program("pg_dump")
    made_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with reading.connect() as connection:
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        tables = sa.inspect(connection).get_table_names()
        rows = counts(connection.exec_driver_sql, sorted(tables))
        query = "SELECT version_num, pg_database_size(current_database()) FROM alembic_version"
        schema, size = connection.exec_driver_sql(query).one()
        options = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges"]
        command = [pg_dump, *options, f"--snapshot={snapshot}", *connecting(engine.url)]
        with Running(command, engine.url) as dumping:
            return archive.write(
                path,
                dumping,
                compress=False,
                about=lambda n, sha256: Manifest(made_at, "postgresql", schema, rows, n, sha256),
                tell=lambda done: tell(done, max(size, done)),
            )


def restore(path: Path, manifest: Manifest, engine: Engine, tell: Progress) -> None:
    """Put the backup in the place of all tables, checked, and bring it to the newest schema.

    It is made beside what is there, which one transaction then replaces: until all of it is right
    the database stays as it was. Raises BackupError.
    """
    # Beside the backup, as there is nothing to be known of the server's own disk.
    with archive.unfinished(path.with_name(f"{path.name}.dump")) as dump:
        archive.extract(path, manifest, dump, tell)
        try:
            with Beside(engine, dump) as beside:
                beside.fill(manifest.rows)
                with engine.begin() as connection:
                    beside.put_in_place(connection)
                    found = counts(connection.exec_driver_sql, sorted(manifest.rows))
                    archive.check_rows(manifest, found)
                    connection.execute(sa.text("UPDATE site SET seq = seq + :jump"), {"jump": JUMP})
        except (BackupError, sa.exc.DBAPIError) as error:
            said = getattr(error, "orig", None) or error
            raise BackupError(
                f"The backup was not restored, and the database is as it was. {said}"
            ) from error
    migrate.upgrade(engine)

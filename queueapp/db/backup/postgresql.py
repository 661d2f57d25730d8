"""Backups of PostgreSQL: its own pg_dump, of the very snapshot whose rows are counted."""

import contextlib
import glob
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from queueapp.db import migrate
from queueapp.db.backup import archive
from queueapp.db.backup.archive import BackupError, Manifest, Progress
from queueapp.db.backup.targets import JUMP, counts

_AT_ONCE = 1 << 20
_PLACES = ("/usr/lib/postgresql/*/bin/", "/usr/pgsql-*/bin/", "/opt/homebrew/opt/libpq/bin/",
           "/usr/local/opt/libpq/bin/")  # fmt: skip


def back_up(engine: Engine, path: Path, tell: Progress) -> Manifest:
    """Write a backup to `path`: whatever was committed before this call is in it.

    Nobody who writes is held up. Raises BackupError.
    """
    pg_dump = _program("pg_dump")
    made_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with reading.connect() as connection:
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        tables = sa.inspect(connection).get_table_names()
        rows = counts(connection.exec_driver_sql, sorted(tables))
        query = "SELECT version_num, pg_database_size(current_database()) FROM alembic_version"
        schema, size = connection.exec_driver_sql(query).one()
        options = ["--format=custom", "--compress=1", "--no-owner", "--no-privileges"]
        command = [pg_dump, *options, f"--snapshot={snapshot}", *_connecting(engine.url)]
        with _Running(command, engine.url) as dumping:
            return archive.write(
                path,
                dumping,
                compress=False,
                about=lambda n, sha256: Manifest(made_at, "postgresql", schema, rows, n, sha256),
                tell=lambda done: tell(done, max(size, done)),
            )


def restore(path: Path, manifest: Manifest, engine: Engine, tell: Progress) -> None:
    """Put the backup in the place of all tables, checked, and bring it to the newest schema.

    One transaction: until all of it is right the database stays as it was. Raises BackupError.
    """
    pg_restore, psql = _program("pg_restore"), _program("psql")
    # Beside the backup, as there is nothing to be known of the server's own disk.
    with archive.unfinished(path.with_name(f"{path.name}.dump")) as dump:
        archive.extract(path, manifest, dump, tell)
        script = [pg_restore, "--no-owner", "--no-privileges", "--file=-", str(dump)]
        into = [psql, "--no-psqlrc", "--quiet", "--output=/dev/null", "--single-transaction"]
        into += [
            "--set=ON_ERROR_STOP=1",
            "--set=VERBOSITY=terse",
            f"--command={_drop_all(engine)}",
            "--file=-",
        ]
        into += [f"--command={_check(manifest)}", *_connecting(engine.url)]
        engine.dispose()
        try:
            with _Running(into, engine.url) as target, _Running(script, engine.url) as source:
                while part := source.read(_AT_ONCE):
                    target.write(part)
                target.end()
        except BackupError as error:
            raise BackupError(
                f"The backup was not restored, and the database is as it was. {error}"
            ) from error
    migrate.upgrade(engine)


def _drop_all(engine: Engine) -> str:
    """SQL that takes away what migrations made: tables with all that hangs on them, routines."""
    with engine.connect() as connection:
        tables = ", ".join(f'"{name}"' for name in sa.inspect(connection).get_table_names())
        routines = ", ".join(connection.scalars(sa.text(_OUR_ROUTINES)))
    drops = [f"DROP TABLE {tables} CASCADE;"] if tables else []
    return " ".join([*drops, f"DROP ROUTINE {routines}" if routines else "SELECT 1"])


# Not those that an extension brought, which stays.
_OUR_ROUTINES = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e'
    )
"""


def _check(manifest: Manifest) -> str:
    """SQL that fails unless every table has the rows it should; foreign keys are the dump's own."""
    # pg_restore's script leaves the session without a path to look names up in.
    wrong = " UNION ALL ".join(
        f"SELECT '{table}: ' || count(*) || ' rows instead of {wanted}' AS words "
        f'FROM public."{table}" HAVING count(*) <> {wanted}'
        for table, wanted in manifest.rows.items()
    )
    return (
        "DO $$ DECLARE found text; BEGIN "
        f"SELECT words INTO found FROM ({wrong}) AS wrong LIMIT 1; "
        "IF found IS NOT NULL THEN RAISE EXCEPTION '%', found; END IF; "
        f"UPDATE public.site SET seq = seq + {JUMP}; END $$"
    )


def _connecting(url: URL) -> list[str]:
    """How to connect, without the password, which everybody on the machine could read."""
    words = url.translate_connect_args(username="user", database="dbname")
    words.pop("password", None)
    asked = {name: ",".join([*said]) for name, said in url.normalized_query.items()}
    return [f"--dbname={make_conninfo('', **words, **asked)}"]


def _environment(url: URL) -> dict[str, str]:
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    return {**os.environ, **password}


class _Running:
    """A program of PostgreSQL's at work; each call raises BackupError once it has failed.

    Left before its end, it is killed, so that what it was doing is undone.
    """

    def __init__(self, command: list[str], url: URL) -> None:
        self._name = Path(command[0]).name
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed at the end
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
            env=_environment(url),
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        for stream in filter(None, (self._process.stdin, self._process.stdout, self._said)):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._process.wait()

    def read(self, most: int) -> bytes:
        """The next bytes it writes; none once it has ended well."""
        assert self._process.stdout
        part = self._process.stdout.read(most)
        if not part:
            self._ended()
        return part

    def write(self, part: bytes) -> None:
        """Give it bytes to read."""
        assert self._process.stdin
        try:
            self._process.stdin.write(part)
        except BrokenPipeError:
            self._ended()

    def end(self) -> None:
        """Wait until it has done all with what it was given."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._ended()

    def _ended(self) -> None:
        if self._process.wait() != 0:
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip().splitlines()
            raise BackupError(f"{self._name} failed: {said[-1] if said else 'it said nothing'}")


def _program(name: str) -> str:
    """Where the program is. Raises BackupError where it is missing."""
    places = [found for place in _PLACES for found in glob.glob(place + name)]
    # Of several the newest: an older one refuses a newer server.
    newest = max(places, key=lambda found: (len(found), found), default=None)
    if found := newest or shutil.which(name):
        return found
    raise BackupError(
        f"{name} is not on this machine. It comes with PostgreSQL's client programs: "
        "apt-get install postgresql-client, dnf install postgresql or brew install libpq."
    )

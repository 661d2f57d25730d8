"""A dump of PostgreSQL made into tables beside those that are there, several at a time.

pg_restore can either do many things at once or all in one transaction. So its script is run in a
schema of its own, of which nothing is to be seen until its tables take the place of the others.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from queueapp.db.backup.archive import BackupError
from queueapp.db.backup.programs import Running, connecting, program

SCHEMA = "queueapp_restoring"
_JOBS = 4
_PART = 1 << 20
_LISTED = re.compile(r"^\d+; \d+ \d+ (TABLE|SEQUENCE|FUNCTION) public (\S+?)(?:\(.*\))? \S+$", re.M)
_KEY = re.compile(r"ALTER TABLE ONLY (?P<table>\S+)\s+ADD CONSTRAINT (?P<name>\S+) FOREIGN KEY ")
# Where the rows of a table begin in what pg_restore writes.
_ROWS_FOLLOW = b" FROM stdin;\n"
# Not those that an extension brought, which stays.
_ROUTINES = sa.text("""
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = CAST(:schema AS text)::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e'
    )
""")


class Beside:
    """The tables of a `dump` in a schema of their own; gone at the end unless put in place.

    All calls raise BackupError or DBAPIError where the dump or the server refuses.
    """

    def __init__(self, engine: Engine, dump: Path) -> None:
        self._engine, self._dump = engine, dump
        self._pg_restore, self._psql = program("pg_restore"), program("psql")
        named = {kind: set[str]() for kind in ("TABLE", "SEQUENCE", "FUNCTION")}
        for kind, name in _LISTED.findall(self._script("--list")):
            named[kind].add(name)
        self._tables, self._sequences = named["TABLE"], sorted(named["SEQUENCE"])
        # What an extension brought is not moved, and keeps its name.
        names = "|".join(map(re.escape, sorted(set().union(*named.values()), key=len)[::-1]))
        self._ours = re.compile(rf"\bpublic\.(?=(?:{names})\b)")

    def __enter__(self) -> Self:
        self._drop()
        self._run(f"CREATE SCHEMA {SCHEMA}")
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def fill(self, rows: Mapping[str, int]) -> None:
        """Make the tables, with so many `rows` each, and all that hangs on them."""
        self._feed(self._rename(self._script("--section=pre-data")))
        largest_first = sorted(self._tables, key=lambda name: -rows.get(name, 0))
        _at_once(partial(self._copy, name) for name in largest_first if rows.get(name))
        after = _statements(self._rename(self._script("--section=post-data")))
        keys = {one: found for one in after if (found := _KEY.match(one))}
        _at_once(partial(self._run, one) for one in after if one not in keys)
        # Adding a key looks through its table while it keeps all others from both. So it is added
        # unseen, and looked at after that, each table by itself.
        checks: dict[str, list[str]] = {}
        for one, found in keys.items():
            self._run(f"{one} NOT VALID")
            check = f"ALTER TABLE {found['table']} VALIDATE CONSTRAINT {found['name']}"
            checks.setdefault(found["table"], []).append(check)
        most_first = sorted(checks.values(), key=len, reverse=True)
        _at_once(partial(self._run, *some) for some in most_first)
        self._count_on()

    def put_in_place(self, connection: Connection) -> None:
        """Let these tables be the ones; those that were there are gone with the commit."""
        here = connection.scalar(sa.text("SELECT current_schema()"))
        tables = ", ".join(f'"{name}"' for name in sa.inspect(connection).get_table_names())
        routines = ", ".join(connection.scalars(_ROUTINES, {"schema": here}))
        if tables:
            connection.exec_driver_sql(f"DROP TABLE {tables} CASCADE")
        if routines:
            connection.exec_driver_sql(f"DROP ROUTINE {routines}")
        for name in sorted(self._tables):
            connection.exec_driver_sql(f'ALTER TABLE {SCHEMA}."{name}" SET SCHEMA "{here}"')
        for name in connection.scalars(_ROUTINES, {"schema": SCHEMA}).all():
            connection.exec_driver_sql(f'ALTER ROUTINE {name} SET SCHEMA "{here}"')
        # Refused if anything was left behind.
        connection.exec_driver_sql(f"DROP SCHEMA {SCHEMA}")

    def _copy(self, table: str) -> None:
        """The rows of one table, as they are; only the words before them name where they go."""
        with (
            Running(self._into(), self._engine.url) as target,
            Running(self._reading("--section=data", f"--table={table}"), self._engine.url) as rows,
        ):
            head = b""
            while _ROWS_FOLLOW not in head:
                part = rows.read(_PART)
                if not part:
                    raise BackupError(f"The backup has no rows of {table}.")
                head += part
            words, follows, first = head.partition(_ROWS_FOLLOW)
            target.write(self._rename(words.decode()).encode() + follows + first)
            while part := rows.read(_PART):
                target.write(part)
            target.end()

    def _count_on(self) -> None:
        """Let new rows have numbers behind those that were given."""
        last = self._script("--section=data", *(f"--table={name}" for name in self._sequences))
        self._feed(self._rename(last))

    def _drop(self) -> None:
        self._run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    def _run(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            each_by_itself = connection.execution_options(isolation_level="AUTOCOMMIT")
            for one in statements:
                # Of what the driver would read as a place for a value.
                each_by_itself.exec_driver_sql(one.replace("%", "%%"))

    def _feed(self, script: str) -> None:
        with Running(self._into(), self._engine.url) as target:
            target.write(script.encode())
            target.end()

    def _script(self, *options: str) -> str:
        with Running(self._reading(*options), self._engine.url) as source:
            return b"".join(iter(partial(source.read, _PART), b"")).decode()

    def _rename(self, script: str) -> str:
        return self._ours.sub(f"{SCHEMA}.", script)

    def _reading(self, *options: str) -> list[str]:
        how = ["--no-owner", "--no-privileges", "--file=-"]
        return [self._pg_restore, *how, *options, str(self._dump)]

    def _into(self) -> list[str]:
        how = ["--no-psqlrc", "--quiet", "--output=/dev/null", "--file=-"]
        how += ["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse"]
        return [self._psql, *how, *connecting(self._engine.url)]


def _statements(script: str) -> list[str]:
    """What makes something, of what pg_restore writes after the rows."""
    words = "\n".join(line for line in script.splitlines() if not line.startswith(("--", "\\")))
    found = (one.strip() for one in words.split(";\n"))
    return [one for one in found if one.startswith(("ALTER", "CREATE"))]


def _at_once(jobs: Iterable[Callable[[], None]]) -> None:
    """Do some of these at a time; after the first that fails no other is begun."""
    with ThreadPoolExecutor(_JOBS) as pool:
        try:
            for done in as_completed([pool.submit(job) for job in jobs]):
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

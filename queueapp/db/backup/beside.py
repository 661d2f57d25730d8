"""A dump of PostgreSQL made into tables beside those that are there, several at a time.

pg_restore can either do many things at once or all in one transaction. So its script is run in a
schema of its own, of which nothing is to be seen until its tables take the place of the others.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from queueapp.db.backup.archive import BackupError
from queueapp.db.backup.programs import Running, program

SCHEMA = "queueapp_restoring"
_JOBS = min(os.cpu_count() or 2, 4)
_PART = 1 << 20
_LISTED = re.compile(r"^\d+; \d+ \d+ (TABLE|SEQUENCE|FUNCTION) public (\S+?)(?:\(.*\))? \S+$", re.M)
_OF_TABLE = re.compile(rf"(?:ALTER TABLE ONLY|CREATE .*? ON) {SCHEMA}\.(\w+)")
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
        self._pg_restore = program("pg_restore")
        named = {kind: set[str]() for kind in ("TABLE", "SEQUENCE", "FUNCTION")}
        for kind, name in _LISTED.findall(self._told("--list")):
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
        self._feed("--section=pre-data")
        # By table: what is done once its rows are there, and the keys, once all rows are.
        after: dict[str, list[str]] = {name: [] for name in self._tables}
        keys: dict[str, list[str]] = {}
        for one in _statements(self._script("--section=post-data")):
            found = _OF_TABLE.match(one)
            assert found, one
            lists = keys if " FOREIGN KEY " in one else after
            lists.setdefault(found[1], []).append(one)
        largest_first = sorted(after, key=lambda name: -rows.get(name, 0))
        _at_once(
            partial(self._make, name, rows.get(name, 0), after[name]) for name in largest_first
        )
        # Adding a key looks through its table while it keeps all others from both. So it is added
        # unseen, and looked at after that, each table by itself.
        self._run(*(f"{one} NOT VALID" for some in keys.values() for one in some))
        most_first = sorted(keys, key=lambda name: -len(keys[name]))
        _at_once(partial(self._check_keys, name, keys[name]) for name in most_first)
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

    def _make(self, table: str, rows: int, after: Sequence[str]) -> None:
        if rows:
            self._copy(table)
        self._run(*after)

    def _check_keys(self, table: str, keys: Sequence[str]) -> None:
        names = [one.split(" ADD CONSTRAINT ")[1].split()[0] for one in keys]
        self._run(*(f"ALTER TABLE {SCHEMA}.{table} VALIDATE CONSTRAINT {name}" for name in names))

    def _copy(self, table: str) -> None:
        """The rows of one table, as they come; the words before them say which columns."""
        reading = self._reading("--section=data", f"--table={table}")
        with Running(reading, self._engine.url) as script, self._engine.begin() as connection:
            words, first = self._head(script, table)
            # Of a table that was emptied in the same transaction nobody need ask what is visible.
            connection.exec_driver_sql(f'TRUNCATE {SCHEMA}."{table}"')
            driver = connection.connection.driver_connection
            assert driver is not None
            with driver.cursor() as cursor, cursor.copy(f"{words} FROM STDIN (FREEZE)") as into:
                # The server leaves out what comes after the mark of the rows' end.
                into.write(first)
                while part := script.read(_PART):
                    into.write(part)

    def _head(self, script: Running, table: str) -> tuple[str, bytes]:
        """What is to be done with the rows that follow, and the first of these."""
        head = b""
        while _ROWS_FOLLOW not in head:
            part = script.read(_PART)
            if not part:
                raise BackupError(f"The backup has no rows of {table}.")
            head += part
        words, _, first = head.partition(_ROWS_FOLLOW)
        return self._rename(words.decode().splitlines()[-1]), first

    def _count_on(self) -> None:
        """Let new rows have numbers behind those that were given."""
        self._feed("--section=data", *(f"--table={name}" for name in self._sequences))

    def _drop(self) -> None:
        self._run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    def _run(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            each_by_itself = connection.execution_options(isolation_level="AUTOCOMMIT")
            for one in statements:
                # Of what the driver would read as a place for a value.
                each_by_itself.exec_driver_sql(one.replace("%", "%%"))

    def _feed(self, *options: str) -> None:
        # The script sets where names are looked up, and more.
        self._run(self._script(*options), "RESET ALL")

    def _script(self, *options: str) -> str:
        """A part of the script, for these tables, without its comments and commands to psql."""
        lines = self._told(*options).splitlines()
        return self._rename("\n".join(one for one in lines if not one.startswith(("--", "\\"))))

    def _told(self, *options: str) -> str:
        with Running(self._reading(*options), self._engine.url) as source:
            return b"".join(iter(partial(source.read, _PART), b"")).decode()

    def _rename(self, script: str) -> str:
        return self._ours.sub(f"{SCHEMA}.", script)

    def _reading(self, *options: str) -> list[str]:
        how = ["--no-owner", "--no-privileges", "--file=-"]
        return [self._pg_restore, *how, *options, str(self._dump)]


def _statements(script: str) -> list[str]:
    """What makes something, of what pg_restore writes after the rows."""
    found = (one.strip() for one in script.split(";\n"))
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

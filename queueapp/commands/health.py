"""`db check`: whether what queueapp stands on is in order."""

from datetime import UTC, datetime

import click
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from queueapp import config
from queueapp.db import migrate
from queueapp.db.engine import sqlite_driver, sqlite_is_safe, sqlite_journal
from queueapp.db.faults import in_words
from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.domain.localtime import parse_zone
from queueapp.domain.refusal import Refused

_MOST_SKEW_S = 2.0
# Without any of these PostgreSQL says "done" of what a power cut still takes away.
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
_WANTED = {"synchronous": "2", "mmap_size": "0", "foreign_keys": "1"}


def report(settings: config.Settings) -> int:
    """Print one line per finding; 0 when nothing is wrong, else 1."""
    database = Database(settings.database_url)
    try:
        findings = list(_findings(database))
    except SQLAlchemyError as error:
        findings = [(False, "database", in_words(error) or str(error))]
    finally:
        database.dispose()
    for is_good, what, words in findings:
        click.echo(f"{'ok ' if is_good else 'BAD'}  {what}: {words}")
    return 0 if all(is_good for is_good, _, _ in findings) else 1


def _findings(database: Database) -> list[tuple[bool, str, str]]:
    at, newest = migrate.current(database.engine), migrate.revisions()[-1]
    found = [(at == newest, "schema", f"{at or 'empty'}; the newest is {newest}")]
    found += _sqlite(database) if database.is_sqlite else _postgresql(database)
    if at == newest:
        different = migrate.differences(database.engine)
        found.append(
            (not different, "tables", "as the code has them" if not different else f"{different}")
        )
        found += _zones(database)
    return found


def _sqlite(database: Database) -> list[tuple[bool, str, str]]:
    version = sqlite_driver.sqlite_version
    words = version if sqlite_is_safe() else f"{version}; install pysqlite3 for 3.51.3 or newer"
    found = [(sqlite_is_safe(), "SQLite", words)]
    with database.engine.connect() as connection:
        for name, wanted in {"journal_mode": sqlite_journal(), **_WANTED}.items():
            value = str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
            found.append((value == wanted, name, value))
        whole = str(connection.exec_driver_sql("PRAGMA quick_check").scalar())
    return [*found, (whole == "ok", "quick_check", whole)]


def _postgresql(database: Database) -> list[tuple[bool, str, str]]:
    with database.engine.connect() as connection:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar())
        theirs = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        durable = [
            (name, str(connection.exec_driver_sql(f"SHOW {name}").scalar())) for name in _DURABLE
        ]
    skew = abs((datetime.now(UTC) - theirs).total_seconds())
    return [
        (True, "PostgreSQL", version),
        (skew < _MOST_SKEW_S, "clock", f"{skew:.2f} s from the database's"),
        *((value != "off", name, value) for name, value in durable),
    ]


def _zones(database: Database) -> list[tuple[bool, str, str]]:
    with database.read() as session:
        sites = session.execute(sa.select(Site.slug, Site.timezone)).all()
    found = []
    for slug, zone in sites:
        try:
            local = datetime.now(parse_zone(zone))
            found.append((True, f"site {slug}", f"{local:%H:%M} in {zone}"))
        except Refused as refused:
            found.append((False, f"site {slug}", refused.message))
    return found or [(True, "sites", "none yet")]

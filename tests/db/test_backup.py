"""Backups while others write, and what a restore takes and refuses."""

import json
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from queueapp import holding
from queueapp.actions import leases
from queueapp.cli import group
from queueapp.db import migrate
from queueapp.db.backup import programs
from queueapp.db.engine import make_engine
from queueapp.db.models import Base, Patient, Site
from queueapp.db.session import Database
from tests import factories
from tests.all_rows import all_rows, row_counts
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.million import fill

JUMPS_BY = 1_000_000


@pytest.fixture
def elsewhere(database_maker: SqliteMaker | PostgresqlMaker) -> Iterator[str]:
    url = database_maker.make(empty=True)
    yield url
    database_maker.drop(url)


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., str]:
    """Run a command on a database; its words, which must be a refusal where `fails`."""

    def tell(url: str, *command: str, fails: bool = False) -> str:
        environment = {
            "DATABASE_URL": url,
            "SECRET_KEY": "tests" * 8,
            "QUEUEAPP_VAR": str(tmp_path),
        }
        done = CliRunner(env=environment).invoke(group, command, catch_exceptions=False)
        assert (done.exit_code != 0) == fails, done.output
        return done.output

    return tell


class Writing:
    """People written down at 50 a second, each acknowledged by its name in `done`."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.done: list[str] = []
        self.went_wrong: list[Exception] = []

    def _run(self) -> None:
        while not self._over.wait(0.02):
            name = f"Writer {len(self.done)}"
            try:
                with self._database.write() as session:
                    factories.make_patient(session, name)
                self.done.append(name)
            except Exception as error:
                self.went_wrong.append(error)

    def __enter__(self) -> "Writing":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._database.dispose()

    def has_done(self, more: int) -> None:
        wanted = len(self.done) + more
        while len(self.done) < wanted and not self.went_wrong:
            time.sleep(0.01)


def names_in(url: str) -> set[str]:
    engine = make_engine(url)
    with engine.connect() as connection:
        found = set(connection.scalars(sa.select(Patient.name)))
    engine.dispose()
    return found


@contextmanager
def reading(url: str) -> Iterator[sa.orm.Session]:
    database = Database(url)
    with database.read() as session:
        yield session
    database.dispose()


def test_what_was_saved_before_its_start_is_in_a_backup_made_while_others_write(
    fresh_database: str, elsewhere: str, told: Callable[..., str], tmp_path: Path
) -> None:
    before = Database(fresh_database)
    fill(before, 2_000)
    before.dispose()
    file, copied = tmp_path / "clinic.backup", tmp_path / "copied.sqlite"
    with Writing(fresh_database) as writing:
        writing.has_done(20)
        saved = set(writing.done)
        if fresh_database.startswith("sqlite"):
            shutil.copyfile(make_url(fresh_database).database or "", copied)
        told(fresh_database, "backup", str(file))
        meanwhile = set(writing.done)
        writing.has_done(5)
    assert writing.went_wrong == []
    assert len(meanwhile) > len(saved)
    told(elsewhere, "restore", str(file))
    found = names_in(elsewhere)
    assert saved <= found
    # The other way round: what came after its end is not in it, so it is the backup we look at.
    assert not set(writing.done[-4:]) & found
    if copied.exists():
        assert not saved <= names_in(f"sqlite:///{copied}")
    assert file.stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.iterdir() if "unfinished" in one.name] == []


def test_a_restore_brings_all_back_and_screens_go_on(
    fresh_database: str, elsewhere: str, told: Callable[..., str], tmp_path: Path
) -> None:
    database = Database(fresh_database)
    with database.write() as session:
        seen = factories.make_site(session, "here")
        seen.seq = 41
        factories.make_entry(session, factories.make_service(session, seen))
    file = str(tmp_path / "clinic.backup")
    told(fresh_database, "backup", file)
    with database.read() as session:
        was = all_rows(session)
    with database.write() as session:
        session.execute(sa.update(Site).values(seq=60, name="Changed since"))
        factories.make_patient(session, "Came since")
    database.dispose()
    as_it_was = told(fresh_database, "restore", file, fails=True)
    assert "holds data" in as_it_was
    assert "Came since" in names_in(fresh_database)
    for url, how in ((fresh_database, ["--replace"]), (elsewhere, [])):
        said = told(url, "restore", file, *how)
        assert "purge" in said
        with reading(url) as session:
            assert {name: len(rows) for name, rows in was.items()} == row_counts(session)
            # Later than any screen has seen: none would take what is older.
            assert session.scalars(sa.select(Site.seq)).one() == 41 + JUMPS_BY
            site = session.scalars(sa.select(Site)).one()
            assert site.name != "Changed since"
    restored = Database(elsewhere)
    with restored.write() as session:
        # Numbers go on behind those that are taken.
        factories.make_entry(session, factories.make_service(session, session.get_one(Site, 1)))
    restored.dispose()


def test_what_is_not_whole_or_not_ours_is_refused_and_nothing_is_lost(
    fresh_database: str, told: Callable[..., str], tmp_path: Path
) -> None:
    database = Database(fresh_database)
    with database.write() as session:
        factories.make_patient(session, "Still here")
    database.dispose()
    good = tmp_path / "good.backup"
    told(fresh_database, "backup", str(good))
    whole = good.read_bytes()
    with zipfile.ZipFile(good) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        content = archive.read("database")
    kind = {"sqlite": "postgresql", "postgresql": "sqlite"}[manifest["database"]]
    wrong = bytearray(content)
    wrong[len(wrong) // 2] ^= 1

    def made(content: bytes, **changes: object) -> bytes:
        path = tmp_path / "made"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("database", content)
            archive.writestr("manifest.json", json.dumps({**manifest, **changes}))
        return path.read_bytes()

    fewer = {**manifest["rows"], "patient": 2}
    cases = {
        "cut short": whole[: len(whole) // 2],
        "not a whole backup": b"name,birth date\n",
        "is damaged": made(bytes(wrong)),
        "Update queueapp": made(content, schema="9999"),
        "holds data" if kind == "sqlite" else "not the other way round": made(
            content, database=kind
        ),
        "patient": made(content, rows=fewer),
    }
    for words, tampered in cases.items():
        bad = tmp_path / "bad.backup"
        bad.write_bytes(tampered)
        assert words in told(fresh_database, "restore", "--replace", str(bad), fails=True)
        assert names_in(fresh_database) == {"Still here"}
    told(fresh_database, "restore", "--replace", str(good))
    assert names_in(fresh_database) == {"Still here"}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_a_restore_that_was_killed_left_is_in_nobodys_way(
    fresh_database: str, told: Callable[..., str], tmp_path: Path
) -> None:
    file = str(tmp_path / "clinic.backup")
    told(fresh_database, "backup", file)
    engine = make_engine(fresh_database)
    before = set(sa.inspect(engine).get_schema_names())
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA queueapp_restoring"))
        connection.execute(sa.text("CREATE TABLE queueapp_restoring.patient (id int)"))
    told(fresh_database, "restore", "--replace", file)
    assert set(sa.inspect(engine).get_schema_names()) == before
    engine.dispose()


def test_nothing_is_restored_under_a_running_queueapp(
    fresh_database: str, told: Callable[..., str], tmp_path: Path
) -> None:
    file = str(tmp_path / "clinic.backup")
    told(fresh_database, "backup", file)
    database = Database(fresh_database)
    if database.is_sqlite:
        held = holding.hold(fresh_database, "http://localhost:8000")
        assert held is not None
        assert "8000" in told(fresh_database, "restore", "--replace", file, fails=True)
        os.close(held)
        with database.read() as session:
            session.execute(sa.select(Site.id))
            assert "in use" in told(fresh_database, "restore", "--replace", file, fails=True)
    else:
        lasts = timedelta(seconds=12)
        with database.write() as session:
            now = datetime.now(UTC)
            assert leases.hold(session, now, name="work", holder="desk:77:ab", lasts=lasts)
        assert "desk:77" in told(fresh_database, "restore", "--replace", file, fails=True)
        with database.write() as session:
            leases.release(session, datetime.now(UTC), name="work", holder="desk:77:ab")
    database.dispose()
    told(fresh_database, "restore", "--replace", file)


def test_a_backup_of_before_an_upgrade_is_brought_up_to_date(
    empty_database: str, elsewhere: str, told: Callable[..., str], tmp_path: Path
) -> None:
    engine = make_engine(empty_database)
    migrate.upgrade(engine, migrate.revisions()[-2])
    engine.dispose()
    file = str(tmp_path / "before.backup")
    told(empty_database, "backup", file)
    told(elsewhere, "restore", file)
    engine = make_engine(elsewhere)
    assert migrate.current(engine) == migrate.revisions()[-1]
    assert migrate.differences(engine) == []
    engine.dispose()


def rows_of(url: str) -> dict[str, list[dict[str, object]]]:
    """All rows as the app sees them, whichever database they are in."""
    database = Database(url)
    with database.read() as session:
        found = {}
        for table in Base.metadata.sorted_tables:
            rows = session.execute(sa.select(table).order_by(*table.primary_key))
            found[table.name] = [dict(row) for row in rows.mappings()]
    database.dispose()
    return found


def test_a_clinic_moves_from_sqlite_to_postgresql_with_everything(
    postgresql_url: str, run_directory: Path, told: Callable[..., str], tmp_path: Path
) -> None:
    here = SqliteMaker(run_directory).make()
    maker = PostgresqlMaker(run_directory, postgresql_url)
    there = maker.make(empty=True)
    database = Database(here)
    fill(database, 300)
    with database.write() as session:
        site = factories.make_site(session, "here", settings={"grace": 120, "online": False})
        service = factories.make_service(session, site, intake_ends=clock(17, 30), needs=["couch"])
        first = factories.make_patient(session, "Zoë \\N\tO'Neil", birth_date=date(1950, 2, 28))
        # One names another that comes later: no order of rows is right for both.
        first.same_as_id = factories.make_patient(session, "Zoë").id
        factories.make_entry(session, service, factories.make_visit(session, site, first))
    database.dispose()
    file = str(tmp_path / "clinic.backup")
    told(here, "backup", file)
    told(there, "restore", file)
    moved, was = rows_of(there), rows_of(here)
    for row in was["site"]:
        row["seq"] += JUMPS_BY
    for row in (*was["site"], *moved["site"]):
        del row["settings_stamp"]  # each database's own
    assert moved == was
    engine = make_engine(there)
    assert migrate.differences(engine) == []
    engine.dispose()
    database = Database(there)
    with database.write() as session:
        factories.make_entry(session, factories.make_service(session, session.get_one(Site, 1)))
    database.dispose()
    assert "holds data" in told(there, "restore", "--replace", file, fails=True)
    maker.drop(there)
    maker.dispose()


def test_without_the_programs_of_postgresql_it_says_what_to_install(
    postgresql_url: str, run_directory: Path, told: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    maker = PostgresqlMaker(run_directory, postgresql_url)
    url = maker.make()
    monkeypatch.setattr(programs, "_PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    said = told(url, "backup", str(tmp_path / "clinic.backup"), fails=True)
    assert "apt-get install postgresql-client" in said
    assert not (tmp_path / "clinic.backup").exists()
    maker.drop(url)
    maker.dispose()

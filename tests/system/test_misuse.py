"""Mistakes of whoever runs it, and of whoever wants it stopped: a clear message, nothing lost."""

import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.engine import make_url

from queueapp import holding, serving
from queueapp.cli import group
from queueapp.db import engine as engines
from queueapp.db import migrate
from queueapp.db.engine import make_engine
from queueapp.db.session import Database
from tests.faults.migrating import upgrade_and_die, upgrading
from tests.services import free_port
from tests.system.house import SECRET, House
from tests.system.listeners import within

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def run(url: str, var: Path, *command: str) -> Result:
    settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET, "QUEUEAPP_VAR": str(var)}
    settings |= {"QUEUEAPP_PASSWORD": "a fine long password", "REDIS_URL": "", "PUBLIC_URL": ""}
    return CliRunner().invoke(group, command, env={**os.environ, **settings})


@pytest.fixture
def never_serves(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been served: `serve` stops where it would start its processes."""
    begun: list[str] = []

    def serve(*_: object) -> int:
        begun.append("served")
        return 0

    monkeypatch.setattr(serving, "serve", serve)
    return begun


@only_sqlite
def test_a_second_server_on_a_file_is_refused_and_the_first_goes_on(
    house: House, tmp_path: Path, never_serves: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = house.served.database_url
    monkeypatch.setattr(holding, "WAITS_S", 0.0)
    for command in (["serve", "--port", str(free_port())], ["work"]):
        second = run(url, tmp_path, *command)
        assert second.exit_code == 1
        assert "is being served already, by process" in second.output
        assert house.served.url in second.output
    assert not never_serves
    # What only looks or adds may go on beside it.
    assert run(url, tmp_path, "user", "disable", "nobody@example.org").exit_code == 1
    added = ("user", "add", "anna@example.org", "--name", "Anna", "--role", "manager")
    assert run(url, tmp_path, *added, "--site", "here").exit_code == 0
    assert house.take_ticket()["ticket"]
    monkeypatch.setattr(holding.fcntl, "flock", lambda *_: None)
    run(url, tmp_path, "serve", "--port", str(free_port()))
    assert never_serves, "the control: without the lock a second one would have started"


@only_sqlite
def test_a_file_is_free_again_when_its_server_has_ended(
    fresh_database: str,
    tmp_path: Path,
    never_serves: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holding, "WAITS_S", 0.0)
    held = holding.hold(fresh_database, "http://here")
    assert held is not None
    with pytest.raises(holding.Held, match=f"process {os.getpid()} \\(http://here\\)"):
        holding.hold(fresh_database, "http://there")
    os.close(held)
    assert run(fresh_database, tmp_path, "serve", "--port", str(free_port())).exit_code == 0
    assert never_serves


def test_a_migration_that_is_killed_half_way_is_finished_at_the_next(empty_database: str) -> None:
    engine = make_engine(empty_database)
    old = migrate.revisions()[3]
    migrate.upgrade(engine, old)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(sa.text(
            "INSERT INTO site (slug, name, timezone, seq, settings)"
            " VALUES ('old', 'Old clinic', 'UTC', 7, '{}')"
        ))  # fmt: skip
    engine.dispose()
    for statements in (1, 12):
        assert upgrade_and_die(empty_database, statements) == -9
    assert migrate.current(engine) == old
    migrate.upgrade(engine)
    assert migrate.differences(engine) == []
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT slug, seq FROM site")).all() == [("old", 7)]
    engine.dispose()


def test_without_one_transaction_a_killed_migration_stays_half_done(empty_database: str) -> None:
    assert upgrade_and_die(empty_database, 12, guarded=False) == -9
    engine = make_engine(empty_database)
    assert sa.inspect(engine).get_table_names()
    with pytest.raises(sa.exc.DBAPIError):
        migrate.upgrade(engine)
    engine.dispose()


def test_two_that_migrate_at_once_take_turns(empty_database: str) -> None:
    both = [upgrading(empty_database) for _ in range(2)]
    for one in both:
        one.join(120)
    assert [one.exitcode for one in both] == [0, 0]


def test_what_is_wrong_with_a_database_is_said_at_the_start(
    empty_database: str, fresh_database: str, tmp_path: Path
) -> None:
    is_sqlite = empty_database.startswith("sqlite")
    engine = make_engine(fresh_database)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for command in (["db", "upgrade"], ["user", "disable", "a@example.org"]):
        newer = run(fresh_database, tmp_path, *command)
        assert (newer.exit_code, "a newer queueapp made" in newer.output) == (1, True)
    nowhere = (
        f"sqlite:///{tmp_path}/not/there.db" if is_sqlite
        else "postgresql://queueapp@127.0.0.1:1/queueapp"
    )  # fmt: skip
    gone = run(nowhere, tmp_path, "db", "upgrade")
    assert gone.exit_code == 1
    assert "DATABASE_URL right" in gone.output
    assert gone.exception is None or isinstance(gone.exception, SystemExit)
    ear, mouth = os.pipe()
    assert run(nowhere, tmp_path, "work", "--tell", str(mouth)).exit_code == 1
    with os.fdopen(ear) as told:
        assert "DATABASE_URL right" in json.load(told)["error"]
    if is_sqlite:
        scribbled = tmp_path / "scribbled.db"
        scribbled.write_text("no database at all, but a shopping list " * 30)
        said = run(f"sqlite:///{scribbled}", tmp_path, "db", "check")
        assert (said.exit_code, "is damaged, or is no database" in said.output) == (1, True)


@only_sqlite
def test_an_older_sqlite_gets_one_connection_and_no_write_ahead_log(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert _second_connection(fresh_database) == "wal"
        assert not caplog.messages
        monkeypatch.setattr(engines.sqlite_driver, "sqlite_version_info", (3, 51, 2))
        assert _second_connection(fresh_database) is None
    assert "Install pysqlite3" in caplog.messages[0]
    database = Database(fresh_database)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.dispose()
    assert not Path(f"{make_url(fresh_database).database}-wal").exists()
    monkeypatch.setattr(engines.sqlite_driver, "sqlite_version_info", (3, 51, 3))
    assert _second_connection(fresh_database) == "wal"


def _second_connection(url: str) -> str | None:
    """The journal of a second connection beside the first; None where it is refused."""
    engine = make_engine(url)
    engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    try:
        with engine.connect(), engine.connect() as second:
            return str(second.exec_driver_sql("PRAGMA journal_mode").scalar())
    except sa.exc.TimeoutError:
        return None
    finally:
        engine.dispose()


SLOW = 200
HEADERS = b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n\r\nemail="


@only_sqlite
def test_two_hundred_slow_senders_hold_up_nobody_and_are_let_go(house: House) -> None:
    with _slow_senders(house.served.port) as (alive, drip):
        drip()
        for _ in range(5):
            assert house.take_ticket()["ticket"]
            with requests.Session() as http:
                http.trust_env = False
                assert "Sign in" in http.get(f"{house.served.url}/sign-in", timeout=10).text
            drip()
        assert alive() > 0, "some were still at it while the others were served"

        def are_gone() -> bool:
            drip()
            return alive() == 0

        assert within(30, are_gone)


@contextlib.contextmanager
def _slow_senders(port: int) -> Iterator[tuple[Callable[[], int], Callable[[], None]]]:
    """Half are slow with headers, half with a form; how many are left, and a byte from each."""
    wires = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(SLOW)]
    for n, wire in enumerate(wires):
        wire.sendall(BODY if n % 2 else HEADERS)
        wire.setblocking(False)
    left = set(wires)

    def drip() -> None:
        time.sleep(0.5)
        for wire in list(left):
            try:
                wire.send(b"x")
                if wire.recv(4096) == b"":
                    left.discard(wire)
            except BlockingIOError:
                pass
            except OSError:
                left.discard(wire)

    yield lambda: len(left), drip
    for wire in wires:
        wire.close()

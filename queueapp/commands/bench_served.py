"""What `bench calls`, `checkin` and `board` share: a served clinic, its floor, its clients."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Any

import click
import sqlalchemy as sa

from queueapp.commands.bench_process import children, command_of
from queueapp.db.engine import make_engine
from queueapp.db.models import Site

CONNECTIONS = 8
_READY_WITHIN_S = 120.0
_BYTES = 200


@dataclass(frozen=True, slots=True)
class Server:
    """The product, served by processes of its own."""

    port: int
    process: "subprocess.Popen[bytes]"
    environ: dict[str, str]

    @property
    def database_url(self) -> str:
        """Where its data is."""
        return self.environ["DATABASE_URL"]

    def pids(self) -> dict[str, list[int]]:
        """Its processes by what they do: `web` and `worker`."""
        mine = {pid: command_of(pid) for pid in children(self.process.pid)}
        web = [
            child for pid, words in mine.items() if "gunicorn" in words for child in children(pid)
        ]
        return {"web": web, "worker": [pid for pid, words in mine.items() if " work" in words]}

    def wire(self) -> http.client.HTTPConnection:
        """A connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def is_ready(self) -> bool:
        """Whether it says that its database answers."""
        try:
            wire = self.wire()
            wire.request("GET", "/readyz")
            return wire.getresponse().status == 200
        except OSError:
            return False


@contextmanager
def settings() -> Iterator[dict[str, str]]:
    """An environment for a clinic of the benchmark's own.

    On SQLite in a directory of its own; where DATABASE_URL is set, in that database, which must be
    without clinics. Raises click.ClickException for one that is not.
    """
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="queueapp-bench-") as directory:
        given = os.environ.get("DATABASE_URL")
        if given:
            _must_be_empty(given)
        yield {
            **os.environ,
            "DATABASE_URL": given or f"sqlite:///{directory}/bench.db",
            "QUEUEAPP_VAR": directory,
            "QUEUEAPP_PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SECRET_KEY": "bench" * 8,
        }


def _must_be_empty(url: str) -> None:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            if sa.inspect(connection).has_table(Site.__tablename__) and connection.scalar(
                sa.select(sa.func.count()).select_from(Site)
            ):
                raise click.ClickException(
                    "DATABASE_URL names a database with clinics in it. Give the benchmark an "
                    "empty one, or leave DATABASE_URL out."
                )
    finally:
        engine.dispose()


def told(environ: dict[str, str], *command: str, say: str = "") -> str:
    """What a process of queueapp prints. Raises click.ClickException with its words."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=environ, input=say, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise click.ClickException(done.stdout + done.stderr)
    return done.stdout


@contextmanager
def served(environ: dict[str, str], workers: int = 1) -> Iterator[Server]:
    """The product on that environment, until the block ends."""
    port = environ["QUEUEAPP_PORT"]
    log = Path(environ["QUEUEAPP_VAR"]) / "log"
    command = [sys.executable, "-m", "queueapp", "serve", "--port", port, "--workers", str(workers)]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
    server = Server(int(port), process, environ)
    try:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not server.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException(log.read_text())
            time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        process.wait()


def clients(order: dict[str, Any]) -> dict[str, Any]:
    """Have a process of its own carry out the order; see `bench_api_clients.run`."""
    said = told(dict(os.environ), "queueapp.commands.bench_api_clients", say=json.dumps(order))
    found: dict[str, Any] = json.loads(said)
    if found["failed"]:
        raise click.ClickException(f"The clinic answered as it should not: {found['failed'][0]}")
    return found


@dataclass(frozen=True, slots=True)
class Floor:
    """Raw commits a second, and what each took of this process's processor."""

    per_s: float
    cpu_ms: float


def commits(url: str, seconds: float, connections: int = CONNECTIONS) -> Floor:
    """The floor: durable commits of one row through SQLAlchemy Core, on the same database.

    PostgreSQL by as many connections as the clients have; SQLite has one writer.
    """
    engine = make_engine(url).execution_options(writes=True)
    table = sa.Table(
        "bench_floor",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("said", sa.String(_BYTES)),
    )
    table.drop(engine, checkfirst=True)
    table.create(engine)
    insert, done = sa.insert(table), []
    began, cpu = time.monotonic(), time.process_time()

    def commit() -> None:
        count = 0
        with engine.connect() as connection:
            while time.monotonic() < began + seconds:
                with connection.begin():
                    connection.execute(insert, {"said": "x" * _BYTES})
                count += 1
        done.append(count)

    writers = 1 if engine.dialect.name == "sqlite" else connections
    threads = [threading.Thread(target=commit) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, spent = time.monotonic() - began, time.process_time() - cpu
    table.drop(engine)
    engine.dispose()
    return Floor(sum(done) / took, spent * 1000 / sum(done))

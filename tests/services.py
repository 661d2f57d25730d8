"""PostgreSQL and Redis of the suite's own: the machine's programs, in directories of their own.

One PostgreSQL serves all processes of a test run: the first that needs it starts a keeper
(`python -m tests.services ADDRESS PID`), which stops it once the run's process is gone,
however it ended.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import binaries

STARTS_WITHIN_S = 120.0
MEMORY_WANTED_B = 2 * 2**30
# Ordinary tests need speed, not survival of a power cut.
CARELESS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]


def _unprivileged() -> dict[str, Any]:
    """Arguments for subprocess that step down from root, as which PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres or nobody")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Any, process: subprocess.Popen[Any], log: Path) -> None:
    """Return once `ready()` is true; raise with the log when the process ends or takes too long."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.02)


def in_memory() -> Path | None:
    """Linux's file system in memory, if roomy: a database is copied in 20 ms instead of 250."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_WANTED_B:
        return memory
    return None


@contextlib.contextmanager
def own_directory(
    prefix: str, owner: dict[str, Any] | None = None, where: Path | None = None
) -> Iterator[Path]:
    """A directory for as long as the block runs, `owner`'s if one is given."""
    # /tmp, as TMPDIR may be too long for the path of a Unix socket (104 bytes on macOS).
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=where or "/tmp"))
    try:
        if owner:
            os.chown(directory, owner["user"], owner["group"])
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _running(command: list[str], log: Path, stop: signal.Signals, **who: Any) -> Iterator[Any]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=log.parent, start_new_session=True, **who
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(stop)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """A fresh PostgreSQL on a Unix socket; yields the SQLAlchemy URL of its database `postgres`.

    `durable` keeps fsync on, for tests that kill the server and look what is left.
    """
    with restartable_postgresql(durable=durable) as server, server.running():
        yield server.url


@dataclass(frozen=True)
class Postgresql:
    """One that may be ended and started again: `url` is of its database `postgres`."""

    home: Path
    command: list[str]
    who: dict[str, Any]

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://queueapp@/postgres?host={self.home}"

    @contextlib.contextmanager
    def running(self, stop: signal.Signals = signal.SIGINT) -> Iterator[subprocess.Popen[bytes]]:
        """Until the end of the block; SIGQUIT ends it as a crash would, without a word."""
        pid_file, log = self.home / "data" / "postmaster.pid", self.home / "log"
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
        with _running(self.command, log, stop, **self.who) as process:
            wait_until(lambda: pid_file.exists() and "ready" in pid_file.read_text(), process, log)
            yield process


@contextlib.contextmanager
def restartable_postgresql(*, durable: bool = False) -> Iterator[Postgresql]:
    """A fresh PostgreSQL that is not started yet; gone at the end of the block."""
    initdb = binaries.find("initdb")
    assert initdb, "PostgreSQL is not installed"
    who = _unprivileged()
    with own_directory("queueapp-pg-", who, None if durable else in_memory()) as home:
        data = home / "data"
        subprocess.run(
            [initdb, "-D", data, "-U", "queueapp", "-A", "trust", "-E", "UTF8", "--locale=C",
             "--no-sync", "--no-instructions"],
            check=True, cwd=home, stdout=subprocess.DEVNULL, **who,
        )  # fmt: skip
        settings = ["listen_addresses=", f"unix_socket_directories={home}", "max_connections=200"]
        settings += [] if durable else CARELESS
        command = [str(initdb.with_name("postgres")), "-D", str(data)]
        for setting in settings:
            command += ["-c", setting]
        yield Postgresql(home, command, who)


@contextlib.contextmanager
def redis(port: int | None = None) -> Iterator[str]:
    """A fresh Redis on `port` or a free one, keeping nothing on disk; yields its URL."""
    program = binaries.find("redis-server")
    assert program, "Redis is not installed"
    with own_directory("queueapp-redis-", {}) as home:
        port, log = port or free_port(), home / "log"
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(home)]
        command = [str(program), "--port", str(port), *options]
        with _running(command, log, signal.SIGTERM) as process:
            wait_until(lambda: "Ready to accept" in log.read_text(), process, log)
            yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def nginx(directory: Path, port: int) -> Iterator[None]:
    """nginx with the directory's nginx.conf, once it listens on `port` of 127.0.0.1."""
    program = binaries.find("nginx")
    assert program, "nginx is not installed"
    log = directory / "nginx.out"
    settings = f"daemon off; pid {directory}/nginx.pid; error_log stderr;"
    command = [str(program), "-p", f"{directory}/", "-c", "nginx.conf", "-g", settings]

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with _running(command, log, signal.SIGTERM) as process:
        wait_until(listens, process, log)
        yield


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file lock `path` against the other processes of a test run."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def shared_postgresql(directory: Path, owner_pid: int) -> str:
    """The URL of the run's one PostgreSQL, started by whoever asks first.

    `directory` is common to the run's processes; the server stops when `owner_pid` ends.
    """
    address = directory / "postgresql"
    with locked(directory / "postgresql.lock"):
        if not address.exists():
            log = directory / "keeper.log"
            with log.open("wb") as output:
                started = subprocess.run(
                    [sys.executable, "-m", "tests.services", str(address), str(owner_pid)],
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    cwd=Path(__file__).parent.parent, start_new_session=True,
                )  # fmt: skip
            if started.returncode:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-4000:]}")
    return address.read_text()


def _keep(address: Path, owner_pid: int) -> None:
    """Serve a PostgreSQL until the process `owner_pid` is gone."""
    with postgresql() as url:
        unfinished = address.with_suffix(".new")
        unfinished.write_text(url)
        unfinished.rename(address)
        while True:
            try:
                os.kill(owner_pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.2)


def _leave_to_a_keeper(address: Path, owner_pid: int) -> None:
    """Return once a process of its own, which outlives whoever asked for it, keeps PostgreSQL.

    Exits with 1 where it could not.
    """
    keeper = os.fork()
    if not keeper:
        _keep(address, owner_pid)
        return
    while not address.exists():
        if os.waitpid(keeper, os.WNOHANG)[0]:
            sys.exit(1)
        time.sleep(0.02)


if __name__ == "__main__":
    _leave_to_a_keeper(Path(sys.argv[1]), int(sys.argv[2]))

"""A served clinic from which database, Redis and disk can be taken away."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import requests
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from queueapp.db.models import QueueEntry
from queueapp.db.session import Database
from tests import services
from tests.databases import migrated
from tests.faults.clinic import Clinic
from tests.faults.disks import SmallDisk
from tests.served import Served
from tests.system.house import SECRET
from tests.system.listeners import Screen, within

# Far below the minutes that a driver left to itself would wait.
ANSWERS_WITHIN_S = 15.0
# The machine may be busy; it takes about two seconds.
HEALS_WITHIN_S = 20.0

# Where nothing may be mounted: as PostgreSQL says it of a full disk.
_FULL = """
CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END
$$;
CREATE TRIGGER full_disk BEFORE INSERT ON visit_event EXECUTE FUNCTION full_disk();
"""


def _limit_files(pids: set[int], largest: Path | None) -> None:
    for pid in pids:
        process = psutil.Process(pid)
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (largest.stat().st_size if largest else hard, hard))


class Running:
    """A PostgreSQL of a test's own, which it ends as a crash would, and starts again."""

    def __init__(self, server: services.Postgresql) -> None:
        self.server, self._stack = server, ExitStack()

    def start(self) -> None:
        self._stack.enter_context(self.server.running(signal.SIGQUIT))

    def kill(self) -> None:
        self._stack.close()

    def database_on(self, disk: SmallDisk | None) -> str:
        """The URL of a migrated database whose tables lie on that disk."""
        engine = sa.create_engine(self.server.url, isolation_level="AUTOCOMMIT")
        where = ""
        with engine.connect() as connection:
            if disk:
                space = disk.home / "space"
                space.mkdir()
                os.chown(space, self.server.who.get("user", -1), self.server.who.get("group", -1))
                connection.exec_driver_sql(f"CREATE TABLESPACE small LOCATION '{space}'")
                where = "TABLESPACE small"
            connection.exec_driver_sql(f"CREATE DATABASE clinic {where}")
        engine.dispose()
        url = make_url(self.server.url).set(database="clinic").render_as_string(False)
        migrated(url)
        return url


class Stage:
    """A served clinic whose database, Redis and disk may be taken away."""

    def __init__(self, stack: ExitStack, directory: Path, url: str, disk: SmallDisk | None,
                 postgresql: "Running | None" = None) -> None:  # fmt: skip
        self.redis_port = services.free_port()
        self.redis = stack.enter_context(ExitStack())
        self.disk, self.url, self.postgresql = disk, url, postgresql
        self.start_redis()
        redis_url = f"redis://127.0.0.1:{self.redis_port}/0"
        self.served = Served(url, directory / "log", redis_url=redis_url)
        self.database = Database(url, secret=SECRET)
        stack.callback(self.database.dispose)
        stack.callback(self.served.end)
        self.served.start()
        self.clinic = Clinic(self.served.url, self.database, rooms=1)
        self.http = stack.enter_context(requests.Session())
        self.http.trust_env = False

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Until the end of the block nothing more can be written."""
        if self.disk:
            self.disk.fill()
            yield
            self.disk.free()
        elif self.postgresql is None:
            # The kernel refuses to let any file grow; what it says is another word for the same.
            _limit_files(self.processes(), Path(f"{make_url(self.url).database}-wal"))
            yield
            _limit_files(self.processes(), None)
        else:
            with self.database.engine.begin() as connection:
                connection.exec_driver_sql(_FULL)
            yield
            with self.database.engine.begin() as connection:
                connection.exec_driver_sql("DROP TRIGGER full_disk ON visit_event")

    def start_redis(self) -> None:
        self.redis.enter_context(services.redis(self.redis_port))

    def get(self, path: str, accept: str = "text/html") -> requests.Response:
        return self.http.get(
            f"{self.served.url}{path}", headers={"Accept": accept}, timeout=ANSWERS_WITHIN_S
        )

    def command(self, path: str = "") -> requests.Response:
        """Take a ticket, or another command; whatever is answered, and soon."""
        return self.http.post(
            f"{self.served.url}/api/v1{path or f'/sites/{self.clinic.slug}/entries'}",
            json={} if path else {"service": "gp"},
            headers={"Authorization": f"Bearer {self.clinic.token}"},
            timeout=ANSWERS_WITHIN_S,
        )

    def lobby(self) -> Screen:
        screen = Screen(self.served.url, self.clinic.token, [f"lobby:{self.clinic.slug}"]).open()
        assert within(HEALS_WITHIN_S, lambda: bool(screen.beats))
        return screen

    def shows_next_call(self, screen: Screen) -> bool:
        """Whether somebody is called, and the screen shows it without having been opened anew."""
        self.command()
        called = self.command(f"/rooms/{next(iter(self.clinic.room_ids))}/call-next")
        assert called.status_code == 200, called.text
        ticket = called.json()["ticket"]
        for verb in ("start", "finish"):
            assert self.command(f"/entries/{called.json()['id']}/{verb}").ok
        return within(
            HEALS_WITHIN_S, lambda: any(ticket in str(one["calls"]) for one in screen.updates[-3:])
        )

    def entries(self) -> int:
        with self.database.read() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(QueueEntry)) or 0

    def processes(self) -> set[int]:
        return {p.pid for p in (*self.served.web_processes(), self.served.worker_process())}

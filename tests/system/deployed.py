"""The topology of deploy/ as plain processes: two of queueapp, PostgreSQL, Redis, its nginx."""

import contextlib
import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import requests
import socketio
import sqlalchemy as sa

from queueapp.db.models import Lease, Site, StoredForecast
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from queueapp.worker import LEASE
from tests import factories, services
from tests.served import ROOT, Served
from tests.system.listeners import client


@dataclass
class Behind:
    """Two served processes behind nginx, and a clinic in them."""

    url: str
    apps: list[Served]
    database: Database
    token: str
    site_id: int
    screens: list["Follower"] = field(default_factory=list)

    def screen(self, kind: "type[Follower] | None" = None, url: str = "") -> Any:
        """One that comes back by itself, at one process or through nginx; closed at the end."""
        self.screens.append((kind or Follower)(url or self.url, self.token, self.url))
        return self.screens[-1].open()

    def close_screens(self) -> None:
        """Nobody watches any more."""
        for one in self.screens:
            one.close()

    def post(self, path: str, url: str = "", key: str = "", **body: Any) -> requests.Response:
        """A command over HTTP, through nginx unless an address is given."""
        headers = {"Authorization": f"Bearer {self.token}"}
        headers["Idempotency-Key"] = key or uuid.uuid4().hex
        address = f"{url or self.url}/api/v1{path}"
        with requests.Session() as http:
            http.trust_env = False
            return http.post(address, json=body, headers=headers, timeout=20)

    def take_ticket(self, url: str = "") -> int:
        """A ticket taken, at one process or through nginx; the site's seq after it.

        Asked for again with the same key where the process that had the request was killed.
        """
        key = uuid.uuid4().hex
        answer = self.post("/sites/here/entries", url, key, service="gp")
        while answer.status_code == 503:
            time.sleep(0.05)
            answer = self.post("/sites/here/entries", url, key, service="gp")
        assert answer.status_code == 201, answer.text
        return self.seq()

    def seq(self) -> int:
        """How far the site is by now."""
        with self.database.read() as session:
            return session.get_one(Site, self.site_id).seq

    @contextlib.contextmanager
    def stuck_database(self, app: Served) -> Iterator[None]:
        """PostgreSQL stands still for one of the processes, in the midst of whatever it asked."""
        who = {"name": f"app-{self.apps.index(app) + 1}"}
        query = sa.text("SELECT pid FROM pg_stat_activity WHERE application_name = :name")
        with self.database.read() as session:
            backends = [psutil.Process(pid) for pid in session.scalars(query, who)]
        for backend in backends:
            backend.suspend()
        try:
            yield
        finally:
            for backend in backends:
                backend.resume()

    def freeze(self, process: psutil.Process, app: Served) -> None:
        """Suspend a process of `app`, but not in a transaction, where others wait for it."""
        who = {"name": f"app-{self.apps.index(app) + 1}"}
        inside = sa.text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = :name AND state <> 'idle'"
        )
        while True:
            process.suspend()
            with self.database.read() as session:
                if not session.scalar(inside, who):
                    return
            process.resume()

    def holder(self) -> str:
        """Who has the worker's lease."""
        with self.database.read() as session:
            return session.scalars(sa.select(Lease.holder).where(Lease.name == LEASE)).one()

    def forecast_for(self) -> int:
        """The site's seq that the newest forecast was made from; 0 without one."""
        with self.database.read() as session:
            stored = sa.select(StoredForecast.for_seq).where(StoredForecast.site_id == self.site_id)
            return session.scalar(stored) or 0


@dataclass
class Follower:
    """A screen that comes back by itself, as the pages do, until it is closed.

    The library's own way back cannot be stopped for certain: told to at the moment its
    connection breaks, it goes on for ever.
    """

    url: str
    token: str
    origin: str
    want: tuple[str, ...] = ("desk:here",)
    updates: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = client(origin=self.origin)
        self.client.on("update", self.updates.append)
        self.client.on("disconnect", lambda *_: self._apart.set())
        self._apart, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._stay, daemon=True)

    def open(self) -> "Follower":
        """Connect, and stay so; returns once it has been let in."""
        self._connect(20)
        self._thread.start()
        return self

    def close(self) -> None:
        """Leave, and come back no more."""
        self._is_over.set()
        self._apart.set()
        if self._thread.is_alive():
            self._thread.join()
        self.client.disconnect()

    def _connect(self, wait_s: float) -> None:
        self._apart.clear()
        self.client.connect(
            self.url, auth={"token": self.token, "want": list(self.want)},
            transports=["websocket"], wait_timeout=wait_s,
        )  # fmt: skip

    def _stay(self) -> None:
        self._apart.wait()
        while not self._is_over.wait(random.uniform(0.1, 0.3)):
            with contextlib.suppress(socketio.exceptions.ConnectionError):
                self._connect(2)
                if not self._is_over.is_set():
                    self._apart.wait()

    def has(self, seq: int) -> bool:
        return any(one["seq"] >= seq for one in self.updates)

    def never_went_back(self) -> bool:
        seqs = [one["seq"] for one in self.updates]
        return seqs == sorted(seqs)


@contextlib.contextmanager
def nginx(directory: Path, listen: int, apps: list[Served]) -> Iterator[None]:
    """deploy/'s own nginx.conf with this test's ports, run without rights of the machine."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    words = {f"${{APP_{n}}}": f"127.0.0.1:{app.port}" for n, app in enumerate(apps, 1)}
    words |= {"${LISTEN}": f"127.0.0.1:{listen}", "${SERVER_NAME}": "127.0.0.1"}
    words |= {"/var/log/nginx": str(directory)}
    for name, value in words.items():
        assert name in text
        text = text.replace(name, value)
    (directory / "nginx.conf").write_text(text)
    here = directory / "queueapp.d"
    here.mkdir()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (here / "here.conf").write_text("".join(f"{k}_temp_path {directory}/{k};\n" for k in kinds))
    with services.nginx(directory, listen):
        yield


@contextlib.contextmanager
def behind_nginx(database_url: str, directory: Path) -> Iterator[Behind]:
    """All of it, on an empty database of PostgreSQL, with a clinic that takes tickets."""
    listen = services.free_port()
    url = f"http://127.0.0.1:{listen}"
    with contextlib.ExitStack() as stack:
        redis_url = stack.enter_context(services.redis())
        database = Database(database_url)
        stack.callback(database.dispose)
        with database.write() as s:
            site = factories.make_site(s, "here", settings=factories.turning_far_off(now()))
            service = factories.make_service(s, site, "GP", slug="gp")
            room = factories.make_room(s, site)
            clinician = factories.make_clinician(s, [service])
            factories.make_shift(s, site, clinician, room, now=now())
            _, token = factories.make_api_token(s, site, Role.MANAGER)
        environment = {"PUBLIC_URL": url, "TRUSTED_PROXIES": "1"}
        apps = [
            Served(database_url, directory / f"app-{n}.log", redis_url=redis_url,
                   environment={**environment, "PGAPPNAME": f"app-{n}"})
            for n in (1, 2)
        ]  # fmt: skip
        for app in apps:
            stack.callback(app.end)
            app.start()
        stack.enter_context(nginx(directory, listen, apps))
        behind = Behind(url, apps, database, token, site.id)
        stack.callback(behind.close_screens)
        yield behind


def now() -> datetime:
    return datetime.now(UTC)


def screens_of(app: Served) -> int:
    """How many connections the web process of an app holds from nginx."""
    assert app.process
    family = psutil.Process(app.process.pid).children(recursive=True)
    return sum(
        one.laddr.port == app.port and one.status == psutil.CONN_ESTABLISHED
        for process in family
        if "gunicorn" in process.cmdline()
        for one in process.net_connections("tcp")
    )


def web_of(app: Served) -> psutil.Process:
    """The one web process of an app."""
    (web,) = app.web_processes()
    return web


def worker_of(app: Served) -> psutil.Process:
    assert app.process
    (worker,) = [p for p in psutil.Process(app.process.pid).children() if "work" in p.cmdline()]
    return worker

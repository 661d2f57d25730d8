"""The clinic of `bench live`: a new one, served by processes of its own, 60 waiting."""

import http.client
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from queueapp.commands import bench_served
from queueapp.commands.bench_served import Server
from queueapp.db.models import VisitEvent
from queueapp.db.session import Database
from queueapp.domain.events import Kind

WAITING, SITE = 60, "demo"
# Those whose going out and coming back is the change: near the front, so that most of the line's
# rows change with it.
_COMERS = 16
_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Clinic:
    """A served clinic, how its screens get in, and the verbs that change it."""

    server: Server
    token: str
    phones: list[dict[str, Any]] = field(default_factory=list)
    lobby: dict[str, Any] = field(default_factory=dict)
    waiting: list[dict[str, int]] = field(default_factory=list)
    called: int = 0

    @property
    def url(self) -> str:
        """Its address, which is its origin too."""
        return self.server.environ["PUBLIC_URL"]

    @property
    def directory(self) -> Path:
        """Where files of its own may lie until it is closed."""
        return Path(self.server.environ["QUEUEAPP_VAR"])

    def web_process(self) -> int:
        """The process that serves pages and sockets."""
        (web,) = self.server.pids()["web"]
        return web

    def api(self, wire: http.client.HTTPConnection, path: str, **body: Any) -> Any:
        """POST to the API; returns its answer."""
        wire.request(
            "POST", f"/api/v1{path}", json.dumps(body),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )  # fmt: skip
        answer = wire.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {said[:300]!r}")
        return json.loads(said) if said else None

    def fill(self) -> None:
        """60 people take tickets and open their links; one is called; a lobby is paired."""
        wire = self.server.wire()
        wire.request("GET", "/api/v1/sites", headers={"Authorization": f"Bearer {self.token}"})
        site = json.loads(wire.getresponse().read())[0]
        service = site["services"][0]["slug"]
        taken = [
            self.api(wire, f"/sites/{SITE}/entries", service=service) for _ in range(WAITING + 1)
        ]
        for room in site["rooms"]:
            called = self.api(wire, f"/rooms/{room['id']}/call-next")
            if called:
                self.called = called["id"]
                break
        still = [t for t in taken if t["id"] != self.called]
        self.waiting = [{"entry": t["id"], "visit": t["visit"]} for t in still[:_COMERS]]
        for one in still:
            cookie = self._open_link(one["phone_url"].removeprefix(self.url))
            self.phones.append(self._screen(cookie, [f"line:{SITE}", f"visit:{one['visit']}"]))

    def pair(self, link: str) -> None:
        """Pair the lobby's screen."""
        cookie = self._open_link(link.removeprefix(self.url))
        self.lobby = self._screen(cookie, [f"lobby:{SITE}"])

    def screens(self, phones: int, lobbies: int) -> list[dict[str, Any]]:
        """What as many sockets say when they connect; the visits' links are shared out."""
        mine = itertools.islice(itertools.cycle(self.phones), phones)
        return [*mine, *[self.lobby] * lobbies]

    def _screen(self, cookie: str, want: list[str]) -> dict[str, Any]:
        return {"port": self.server.port, "origin": self.url, "cookie": cookie, "want": want}

    def _open_link(self, path: str) -> str:
        """Open a secret link as a browser does; returns the cookie it leaves."""
        wire = self.server.wire()
        wire.request("GET", path)
        answer = wire.getresponse()
        page, cookie = answer.read().decode(), _cookie(answer)
        token = _CSRF.search(page)
        assert token, f"{path}: {answer.status}"
        wire.request(
            "POST", path, urlencode({"csrf_token": token[1]}),
            {"Cookie": cookie, "Origin": self.url,
             "Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        answer = wire.getresponse()
        answer.read()
        assert answer.status == 302, f"{path}: {answer.status}"
        return _cookie(answer) or cookie

    def change(self, per_second: float, seconds: float, connections: int) -> list["Change"]:
        """Have people step out and come back at that rate; every tenth change is a recall.

        Returns what was acknowledged, with the `seq` it made; times are of the monotonic clock.
        """
        began, turn = time.monotonic(), itertools.count()
        made: list[Change] = []
        database = Database(self.server.database_url)
        with database.read() as session:
            last = session.scalar(sa.select(sa.func.max(VisitEvent.id))) or 0

        def work(number: int) -> None:
            wire, out = self.server.wire(), False
            mine = itertools.cycle(self.waiting[number::connections])
            one = next(mine)
            while True:
                time.sleep(max(0.0, began + (n := next(turn)) / per_second - time.monotonic()))
                sent_at = time.monotonic()
                if sent_at >= began + seconds:
                    break
                if n % 10 == 9:
                    self.api(wire, f"/entries/{self.called}/recall")
                    made.append(Change(Kind.RECALLED, 0, sent_at, time.monotonic()))
                elif out:
                    self.api(wire, f"/entries/{one['entry']}/return")
                    made.append(Change(Kind.RETURNED, one["visit"], sent_at, time.monotonic()))
                    one, out = next(mine), False
                else:
                    back_by = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
                    self.api(wire, f"/entries/{one['entry']}/step-out", back_by=back_by)
                    made.append(Change(Kind.STEPPED_OUT, one["visit"], sent_at, time.monotonic()))
                    out = True
            if out:
                self.api(wire, f"/entries/{one['entry']}/return")

        threads = [threading.Thread(target=work, args=(n,)) for n in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _note_seqs(database, last, made)
        database.dispose()
        return made


@dataclass(slots=True)
class Change:
    """An acknowledged command; `visit` is 0 for a recall."""

    kind: Kind
    visit: int
    sent_at: float
    answered_at: float
    seq: int = 0


def _note_seqs(database: Database, after: int, made: Sequence[Change]) -> None:
    """A visit's changes are made one after the other: the nth of a kind is its nth event."""
    with database.read() as session:
        rows = session.execute(
            sa.select(VisitEvent.kind, VisitEvent.visit_id, VisitEvent.seq)
            .where(VisitEvent.id > after)
            .order_by(VisitEvent.id)
        ).all()
    found: dict[tuple[Kind, int], Iterator[int]] = {}
    for kind in (Kind.RECALLED, Kind.STEPPED_OUT, Kind.RETURNED):
        for visit in {0 if kind is Kind.RECALLED else row.visit_id for row in rows}:
            found[kind, visit] = iter(
                [r.seq for r in rows if r.kind == kind and visit in (0, r.visit_id)]
            )
    for one in sorted(made, key=lambda c: c.answered_at):
        one.seq = next(found[one.kind, one.visit])


@contextmanager
def open_clinic() -> Iterator[Clinic]:
    """A clinic without history, open round the clock, served until the block ends."""
    with bench_served.settings() as environ:
        bench_served.told(environ, "queueapp", "db", "upgrade")
        said = bench_served.told(environ, "queueapp", "demo", "--empty", "--json", "-")
        token = ("token", "add", "--role", "manager", "--site", SITE)
        issued = bench_served.told(environ, "queueapp", *token).strip()
        lobby = next(w["address"] for w in json.loads(said)["ways"] if w["person"] == "Lobby")
        with bench_served.served(environ) as server:
            clinic = Clinic(server, issued)
            clinic.fill()
            clinic.pair(lobby)
            yield clinic


def _cookie(answer: http.client.HTTPResponse) -> str:
    return "; ".join(c.split(";")[0] for c in answer.headers.get_all("Set-Cookie") or [])

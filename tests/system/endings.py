"""How soon after its end a login opens nothing more: neither a page nor a live channel."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import requests
import sqlalchemy as sa
import websocket
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from queueapp.actions.logins import disable_staff
from queueapp.db.models import Membership, Site, Staff
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from tests import factories
from tests.served import Served

PATIENCE_S = 20.0
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Person:
    """Somebody signed in by browser, with the lobby open in one tab and the desk in another."""

    served: Served
    email: str
    site: str
    http: requests.Session = field(default_factory=requests.Session)
    socket: websocket.WebSocket = field(init=False)
    socket_ended_at: float = 0.0

    def __post_init__(self) -> None:
        self.http.trust_env = False
        # As a browser does where a connection that was kept ends just as it is used again.
        self.http.mount("http://", HTTPAdapter(max_retries=Retry(2)))
        answer = self.post("/sign-in", email=self.email, password=factories.PASSWORD)
        assert answer.status_code == 302, answer.text
        self.socket = connect(self.served, self.cookie, self.served.url)
        self.socket.send(f'40{{"want":["desk:{self.site}"]}}')
        assert self.socket.recv().startswith("40{"), "the socket was not let in"
        self._ear = threading.Thread(target=self._hear, daemon=True)
        self._ear.start()

    @property
    def cookie(self) -> str:
        return "; ".join(f"{c.name}={c.value}" for c in self.http.cookies)

    def post(self, path: str, **form: str) -> requests.Response:
        token = _TOKEN.search(self.http.get(f"{self.served.url}/sign-in", timeout=30).text)
        assert token
        return self.http.post(
            f"{self.served.url}{path}", data={"csrf_token": token[1], **form},
            allow_redirects=False, timeout=30,
        )  # fmt: skip

    def may_open_the_desk(self) -> bool:
        return (
            self.http.get(
                f"{self.served.url}/desk/{self.site}", allow_redirects=False, timeout=30
            ).ok
            and "Sign in" not in self.http.get(f"{self.served.url}/", timeout=30).text
        )

    def _hear(self) -> None:
        try:
            while (said := self.socket.recv()) and said != "41":
                if said == "2":
                    self.socket.send("3")
        except (OSError, websocket.WebSocketException):
            pass
        self.socket_ended_at = time.monotonic()

    def leave(self) -> None:
        self.socket.shutdown()
        self._ear.join(5)
        self.http.close()


def connect(served: Served, cookie: str, origin: str | None) -> websocket.WebSocket:
    """A bare websocket with a browser's cookie; its first packet is read."""
    address = served.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    options = {"origin": origin} if origin else {"suppress_origin": True}
    socket = websocket.create_connection(address, timeout=PATIENCE_S, cookie=cookie, **options)
    assert socket.recv().startswith("0{")
    return socket


def _disable(database: Database, person: Person) -> None:
    with database.write() as session:
        disable_staff(session, datetime.now(UTC), person.email)


def _sign_out_in_another_tab(_database: Database, person: Person) -> None:
    assert person.post("/sign-out").status_code == 302


def _give_another_role(database: Database, person: Person) -> None:
    with database.write() as session:
        found = session.scalars(
            sa.select(Membership).join(Staff).where(Staff.email == person.email)
        ).one()
        found.role = Role.CLINICIAN


ENDINGS: tuple[Callable[[Database, Person], None], ...] = (
    _disable, _sign_out_in_another_tab, _give_another_role,
)  # fmt: skip


def seconds_to_end(
    served: Served,
    database: Database,
    site_slug: str,
    count: int,
    endings: tuple[Callable[[Database, Person], None], ...] = ENDINGS,
) -> tuple[list[float], list[str]]:
    """Sign `count` people in, end them in turn by `endings`, and look.

    Returns per person the seconds from the end to its socket's, and who still opens the desk.
    """
    with database.write() as session:
        site = session.scalars(sa.select(Site).where(Site.slug == site_slug)).one()
        emails = [
            factories.make_staff(
                session, site, Role.RECEPTIONIST, email=f"end{n}@{time.time()}.example"
            ).email
            for n in range(count)
        ]
    people = [Person(served, email, site_slug) for email in emails]
    try:
        assert all(person.may_open_the_desk() for person in people)
        assert not any(person.socket_ended_at for person in people)
        ended_at = []
        for n, person in enumerate(people):
            endings[n % len(endings)](database, person)
            ended_at.append(time.monotonic())
        still = [person.email for person in people if person.may_open_the_desk()]
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and not all(p.socket_ended_at for p in people):
            time.sleep(0.02)
        return [
            (person.socket_ended_at or float("inf")) - at
            for person, at in zip(people, ended_at, strict=True)
        ], still
    finally:
        for person in people:
            person.leave()

"""A served clinic with a manager's token, and the screens that listen to it."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psutil
import requests

from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from tests import factories, services
from tests.served import Served
from tests.system.listeners import Screen

SECRET = "tests" * 8


@dataclass
class House:
    """A served clinic, its database, and whoever listens."""

    served: Served
    database: Database
    redis_url: str | None
    until_the_end: ExitStack
    screens: list[Screen] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.database.write() as s:
            settings = factories.turning_far_off(datetime.now(UTC))
            site = factories.make_site(s, "here", settings=settings)
            service = factories.make_service(s, site, "GP", slug="gp")
            room = factories.make_room(s, site)
            clinician = factories.make_clinician(s, [service])
            factories.make_shift(s, site, clinician, room, now=datetime.now(UTC))
            self.site_id = site.id
            _, self.token = factories.make_api_token(s, site, Role.MANAGER)

    def screen(self, token: str = "", want: list[str] | None = None) -> Screen:
        screen = Screen(self.served.url, token or self.token, want).open()
        self.screens.append(screen)
        return screen

    def take_ticket(self) -> dict[str, str]:
        with requests.Session() as http:
            http.trust_env = False
            answer = http.post(
                f"{self.served.url}/api/v1/sites/here/entries",
                json={"service": "gp"},
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=30,
            )
        assert answer.status_code == 201, answer.text
        taken: dict[str, str] = answer.json()
        return taken

    def start_redis(self) -> None:
        """Another in place of the one that a test has ended."""
        assert self.redis_url
        self.until_the_end.enter_context(services.redis(urlsplit(self.redis_url).port))

    def seq(self) -> int:
        with self.database.read() as session:
            return session.get_one(Site, self.site_id).seq

    def web_processes(self) -> list[psutil.Process]:
        return self.served.web_processes()

    def worker_process(self) -> psutil.Process:
        return self.served.worker_process()

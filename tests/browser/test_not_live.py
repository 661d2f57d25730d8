"""A page says within 10 s that it has lost the server, however that came, and recovers whole."""

import re
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from queueapp.actions.base import note
from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM, Role
from queueapp.domain.events import Kind
from tests import factories
from tests.browser.conftest import Watch
from tests.served import Served

SECRET = "tests" * 8
SOON_MS = 15_000
LOST_WITHIN_MS = 10_000


class Clinic:
    """A served clinic with a desk to look at."""

    def __init__(self, served: Served, database: Database, slug: str) -> None:
        self.served, self.database, self.slug = served, database, slug
        with database.write() as session:
            settings = factories.turning_far_off(datetime.now(UTC))
            site = factories.make_site(session, slug, settings=settings)
            factories.make_service(session, site, "GP", slug="gp")
            self.site_id = site.id
            self.email = factories.make_staff(session, site, Role.RECEPTIONIST).email

    def sign_in(self, page: Page) -> None:
        """As reception, onto the desk."""
        page.goto(f"{self.served.url}/desk/{self.slug}")
        page.get_by_label("E-mail").fill(self.email)
        page.get_by_label("Password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/desk/{self.slug}")

    def someone_comes(self, ticket: str) -> None:
        """A visit that the desk shows."""
        now = datetime.now(UTC)
        with self.database.write() as session:
            site = session.get_one(Site, self.site_id)
            visit = factories.make_visit(session, site, now=now, ticket=ticket)
            entry = factories.make_entry(session, site.services[0], visit, now=now)
            note(session, SYSTEM, now, Kind.TICKET_TAKEN, site_id=site.id, entry=entry)


@pytest.fixture
def clinic(served: Served, slug: str) -> Iterator[Clinic]:
    database = Database(served.database_url, secret=SECRET)
    yield Clinic(served, database, slug)
    database.dispose()


def be_live(page: Page) -> None:
    expect(page.locator(".live").first).to_contain_text(
        re.compile(r"^\s*Live · updated"), timeout=SOON_MS
    )


def be_lost(page: Page) -> None:
    live = page.locator(".live").first
    expect(live).to_contain_text(
        re.compile(r"Not live · last heard \d\d:\d\d"), timeout=LOST_WITHIN_MS
    )
    expect(page.locator("body")).to_have_attribute("data-live", "no")
    expect(page.locator(".top")).to_have_class(re.compile("top--lost"))


def test_a_frozen_server_is_noticed_and_its_return_too(
    clinic: Clinic, person: Callable[..., Page]
) -> None:
    page = person("desk")
    clinic.sign_in(page)
    be_live(page)
    clinic.served.signal(signal.SIGSTOP)
    be_lost(page)
    clinic.served.signal(signal.SIGCONT)
    be_live(page)
    expect(page.locator(".top")).not_to_have_class(re.compile("top--lost"))
    clinic.someone_comes("B12")
    expect(page.get_by_text("B12").first).to_be_visible(timeout=SOON_MS)


def test_a_killed_server_is_noticed_and_what_was_missed_comes_with_its_return(
    clinic: Clinic, person: Callable[..., Page], watch: Watch
) -> None:
    page = person("desk")
    clinic.sign_in(page)
    be_live(page)
    clinic.served.kill()
    be_lost(page)
    clinic.someone_comes("B13")
    clinic.served.start()
    be_live(page)
    expect(page.get_by_text("B13").first).to_be_visible(timeout=SOON_MS)
    watch.troubles.clear()

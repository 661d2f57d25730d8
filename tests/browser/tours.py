"""Walks through the demo clinic past every page, for the eye: by whom, and past which routes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from playwright.sync_api import Locator, Page

from queueapp.db.models import Appointment, Base, QueueEntry
from queueapp.db.session import Database
from queueapp.domain.visit import AppointmentState
from tests.browser.eye import Eye
from tests.browser.house import People, enter
from tests.served import Served
from tests.web.web_world import SECRET

SITE = "demo"
# GET, and no page: files, answers to programs, and what only leads on to a page.
NO_PAGES = {
    "static", "health.livez", "health.readyz", "desk.worker", "phone.calendar",
    "admin.audit_file", "desk.item_panel", "admin.services", "admin.rooms", "admin.clinicians",
    "admin.staff", "admin.pools",
}  # fmt: skip
# Types something wrong into all fields of a page's first form, and sends it.
_SEND_WRONG = """(form) => {
  for (const one of form.querySelectorAll("input:not([type]), input[type=text], input[type=email]"))
    one.value = one.name.match(/name|label/) ? "" : "?!";
  form.requestSubmit();
}"""


@dataclass
class Tour:
    """One walk: `come` opens a person's page, `see` a path on it; the eye looks at each."""

    served: Served
    people: People
    person: Callable[..., Page]
    eye: Eye
    db: Database = field(init=False)

    def __post_init__(self) -> None:
        self.db = Database(self.served.database_url, secret=SECRET)

    def stranger(self, screen: str, **options: Any) -> Page:
        """A page of somebody nobody knows."""
        page = self.person(screen, **options)
        self.eye.over(page)
        return page

    def come(self, screen: str, who: str, **options: Any) -> Page:
        """A page of one of the demo's people, at their first screen."""
        page = self.stranger(screen, **options)
        enter(page, self.people[who])
        return page

    def see(self, page: Page, path: str = "", name: str = "") -> None:
        """Open a path, or take the page as it is; look at it once it is live."""
        if path:
            page.goto(self.served.url + path)
        if page.locator("body[data-channels]").count():
            page.wait_for_selector('body[data-live="yes"]', state="attached")
        self.eye.look(page, name or path)

    def send_wrong(self, page: Page, path: str, form: str, shown: str) -> None:
        """Send a form with mistakes in it, and look at how it says so."""
        page.goto(self.served.url + path)
        page.locator(form).first.evaluate(_SEND_WRONG)
        page.locator(shown).first.wait_for()
        self.see(page, name=f"{path}, with mistakes")

    def first(self, model: type[Base], *conditions: Any) -> Any:
        """The first row of a table that is so, with its columns loaded."""
        with self.db.read() as session:
            found = session.scalars(sa.select(model).where(*conditions).limit(1)).one()
            session.expunge_all()
            return found

    def booking(self, *conditions: Any) -> Any:
        """A booking that is still to come."""
        is_ours = Appointment.state == AppointmentState.BOOKED, Appointment.patient_id.is_not(None)
        return self.first(Appointment, *is_ours, Appointment.starts_at > now(), *conditions)

    def entry(self, *conditions: Any) -> Any:
        """A wait."""
        return self.first(QueueEntry, *conditions)


@dataclass(frozen=True, slots=True)
class Walk:
    """A tour's steps, and the routes of the pages it promises to look at."""

    steps: Callable[[Tour], None]
    routes: frozenset[str]


WALKS: dict[str, Walk] = {}


def past(*routes: str) -> Callable[[Callable[[Tour], None]], Callable[[Tour], None]]:
    """Declare a walk past the pages of these routes, `blueprint` and its pages by their names."""

    def declare(steps: Callable[[Tour], None]) -> Callable[[Tour], None]:
        every = [f"{line.split()[0]}.{name}" for line in routes for name in line.split()[1:]]
        WALKS[steps.__name__] = Walk(steps, frozenset(every))
        return steps

    return declare


def now() -> datetime:
    """The present, as the clinic stores it."""
    return datetime.now(UTC)


def tap(place: Locator) -> None:
    """Press without waiting for what is animated."""
    place.first.click()

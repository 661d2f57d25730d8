"""No page breaks WCAG 2.2 A or AA as far as axe-core can tell: at its real size, light and dark."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from queueapp.actions.tickets import visit_token
from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from tests import factories
from tests.browser.test_desk import lay_out
from tests.browser.test_kiosk_phone import at_kiosk
from tests.browser.test_room import at_the_door, green
from tests.served import Served
from tests.web.patient_world import PatientWorld, world_on
from tests.web.room_world import RoomWorld
from tests.web.web_world import SECRET

Person = Callable[..., Page]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """() => axe
  .run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any }) => [id, target.join(" "), any[0]?.message].join(" · "))))"""
STAFF_PAGES = (
    "/desk/{0}", "/desk/{0}?panel=keys", "/desk/{0}/book", "/desk/{0}/shifts", "/desk/{0}/day",
    "/desk/{0}/find?q=noor", "/desk/{0}/paper", "/desk/{0}/sheet", "/board/{0}",
    "/board/{0}/trend", "/admin/{0}", "/admin/{0}/services", "/admin/{0}/services/new",
    "/admin/{0}/rooms", "/admin/{0}/rooms/new", "/admin/{0}/clinicians",
    "/admin/{0}/clinicians/new", "/admin/{0}/hours", "/admin/{0}/settings", "/admin/{0}/staff",
    "/admin/{0}/staff/new", "/admin/{0}/tokens", "/admin/{0}/devices", "/admin/{0}/record",
    "/account", "/",
)  # fmt: skip
STRANGERS_PAGES = ("/sign-in", "/pair", "/book/{0}", "/phone/{0}", "/t/nothing", "/nowhere")


class Eye:
    """Looks at pages through axe-core and keeps what it finds, by page."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def look(self, page: Page, name: str = "") -> None:
        """Look at the page as it stands, light and dark."""
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme=colours, reduced_motion="reduce")  # type: ignore[arg-type]
            if seen := page.evaluate(RUN):
                self.found[f"{name or page.url} {colours}"] = seen


@pytest.fixture
def eye() -> Iterator[Eye]:
    eye = Eye()
    yield eye
    assert eye.found == {}


@pytest.fixture
def sighted(person: Person) -> Person:
    """`person` whose pages carry axe-core; put there by the browser, past the pages' own policy."""

    def arrive(screen: str, **options: Any) -> Page:
        page = person(screen, **options)
        page.add_init_script(path=AXE)
        return page

    return arrive


def test_staff_pages(served: Served, slug: str, sighted: Person, eye: Eye) -> None:
    clinic = lay_out(served.database_url, slug)
    database = Database(served.database_url)
    with database.write() as s:
        site = s.scalars(sa.select(Site).where(Site.slug == slug)).one()
        factories.make_staff(s, site, Role.MANAGER, email=f"boss@{slug}.example")
    database.dispose()
    page = sighted("desk")
    page.goto(f"{served.url}/sign-in")
    page.get_by_label("E-mail").fill(f"boss@{slug}.example")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    for path in STAFF_PAGES:
        page.goto(served.url + path.format(clinic))
        eye.look(page, path)
    page.goto(f"{served.url}/desk/{clinic}")
    page.get_by_role("link", name="More for").first.click()
    expect(page.locator("#desk-panel")).to_be_visible()
    eye.look(page, "an opened row")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{served.url}/lobby/{clinic}")
    eye.look(page, "the lobby")


def test_pages_of_patients_and_strangers(
    served: Served, slug: str, tmp_path: Path, sighted: Person, eye: Eye
) -> None:
    clinic: PatientWorld = world_on(served.database_url, tmp_path, slug)
    phone = sighted("phone")
    for path in STRANGERS_PAGES:
        phone.goto(served.url + path.format(slug))
        eye.look(phone, path)

    kiosk = at_kiosk(sighted, served, clinic)
    eye.look(kiosk, "the kiosk's start")
    kiosk.get_by_role("link", name="I don’t have an appointment").tap()
    expect(kiosk.get_by_role("heading", name="Do you have any of these")).to_be_focused()
    eye.look(kiosk, "the kiosk's first question")
    kiosk.get_by_role("button", name="No, none of these").tap()
    for choice in ("Doctor", "A new problem"):
        expect(kiosk.locator(".choice", has_text=choice)).to_be_visible()
        eye.look(kiosk, f"the kiosk before {choice}")
        kiosk.locator(".choice", has_text=choice).tap()
    expect(kiosk.get_by_label("What may we call you?")).to_be_visible()
    eye.look(kiosk, "the kiosk's name")
    kiosk.get_by_role("button", name="Get my ticket").tap()
    expect(kiosk.get_by_role("heading", name="You are in the queue")).to_be_visible()
    eye.look(kiosk, "the kiosk's ticket")

    (entry,) = clinic.entries()
    phone.goto(f"{served.url}/t/{visit_token(SECRET, entry.visit.key, entry.visit.nonce)}")
    phone.wait_for_url("**/phone/ticket")
    eye.look(phone, "the phone, waiting")
    clinic.db.dispose()


def test_the_room(served: Served, slug: str, tmp_path: Path, sighted: Person, eye: Eye) -> None:
    world = RoomWorld(served.database_url, tmp_path, slug)
    world.waits("Ann Lee")
    world.waits("Bob May", minutes=5)
    room = at_the_door(sighted("room"), served, world)
    eye.look(room, "the room, free")
    for panel in ("others", "pause", "more"):
        room.goto(f"{served.url}/room/{world.room_ids[0]}?panel={panel}&shift={world.shift_ids[0]}")
        eye.look(room, f"the room, {panel}")
    room.goto(f"{served.url}/room/{world.room_ids[0]}")
    expect(room.locator("body")).to_have_attribute("data-room-ready", "yes")
    green(room, "Call next: Ann")
    room.keyboard.press("Space")
    green(room, "Ann is here: start")
    eye.look(room, "the room, called")
    world.db.dispose()

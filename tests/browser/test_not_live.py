"""A page says within 10 s that it has lost the server, however that came, and recovers whole."""

import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from queueapp.actions.access import visit_of_token
from queueapp.actions.base import note
from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM
from queueapp.domain.events import Kind
from tests import factories
from tests.browser.conftest import Watch, on_one_database
from tests.browser.entering import remember
from tests.browser.screens import FAST
from tests.browser.test_desk import lay_out, row, sign_in
from tests.browser.test_room import at_the_door, green
from tests.served import Served
from tests.web.room_world import RoomWorld
from tests.web.web_world import SECRET

Person = Callable[..., Page]
SOON_MS = 15_000
LOST_WITHIN_MS = 10_000


def someone_comes(served: Served, slug: str, name: str) -> None:
    """A visit that the desk shows."""
    database = Database(served.database_url, secret=SECRET)
    now = datetime.now(UTC)
    with database.write() as session:
        site = session.scalars(sa.select(Site).where(Site.slug == slug)).one()
        visit = factories.make_visit(session, site, factories.make_patient(session, name), now=now)
        entry = factories.make_entry(session, site.services[0], visit, now=now)
        note(session, SYSTEM, now, Kind.TICKET_TAKEN, site_id=site.id, entry=entry)
    database.dispose()


def live_words(page: Page) -> Locator:
    return page.locator("[data-live-words]").first


def be_live(page: Page) -> None:
    expect(live_words(page)).to_contain_text(re.compile(r"^\s*Live · updated"), timeout=SOON_MS)


def be_lost(page: Page) -> None:
    expect(live_words(page)).to_contain_text(
        re.compile(r"Not live · last heard \d\d:\d\d"), timeout=LOST_WITHIN_MS
    )
    expect(page.locator("body")).to_have_attribute("data-live", "no")


@on_one_database
def test_a_frozen_server_is_noticed_by_every_screen_and_its_return_too(
    served: Served, slug: str, tmp_path: Path, person: Person
) -> None:
    lay_out(served.database_url, slug)
    desk = sign_in(person("desk"), served, slug, "marta")
    world = RoomWorld(served.database_url, tmp_path, f"{slug}-rooms")
    ann = world.waits("Ann Lee")
    room = at_the_door(person("room"), served, world)
    green(room, "Call next: Ann")
    token = factories.token_of(world.entry(ann).visit)
    with world.db.read() as session:
        patient = visit_of_token(session, token, datetime.now(UTC))
    assert patient
    phone = remember(person("phone"), served, patient.credential)
    phone.goto(f"{served.url}/phone/ticket")
    pages = (desk, room, phone)
    for page in pages:
        be_live(page)

    served.signal(signal.SIGSTOP)
    for page in pages:
        be_lost(page)
    # What would be sent in vain is out of reach, and it shows from afar.
    expect(desk.locator("#desk-add button")).to_be_disabled()
    expect(desk.locator("main.stale")).to_be_visible()
    expect(desk.locator(".top")).to_have_class(re.compile("top--lost"))
    expect(room.get_by_text("Not live.")).to_be_visible()
    expect(room.locator("[data-primary]")).to_be_hidden()
    expect(room.get_by_role("button", name="Pause", exact=True)).to_be_hidden()
    expect(room.locator("header")).to_have_class("top top--lost")
    expect(phone.get_by_role("button", name="Ask for help")).to_be_disabled()

    served.signal(signal.SIGCONT)
    for page in pages:
        be_live(page)
    expect(desk.locator(".top")).not_to_have_class(re.compile("top--lost"))
    expect(desk.locator("#desk-add button")).to_be_enabled()
    expect(room.locator("[data-primary]")).to_be_visible()
    expect(phone.get_by_role("button", name="Ask for help")).to_be_enabled()
    someone_comes(served, slug, "Rosa Lind")
    expect(row(desk, "Rosa Lind")).to_be_visible(timeout=SOON_MS)
    world.db.dispose()


@on_one_database
def test_a_killed_server_leaves_the_day_sheet_and_what_was_missed_comes_with_its_return(
    served: Served, slug: str, person: Person, watch: Watch
) -> None:
    lay_out(served.database_url, slug)
    own = person("desk")
    own.context.add_init_script(FAST)  # which makes no sheet older than it is
    desk = sign_in(own, served, slug, "marta")
    expect(desk.locator("body")).to_have_attribute("data-sheet-kept", "yes", timeout=SOON_MS)
    served.kill()
    be_lost(desk)
    # The day sheet opens without the server, and the desk itself opens as its sheet.
    sheet = desk.context.new_page()
    sheet.goto(f"{served.url}/desk/{slug}/sheet")
    expect(sheet.get_by_role("heading", name="Due later")).to_be_visible()
    expect(sheet.locator("main")).to_contain_text("Noor El-Sayed")
    expect(sheet.locator("#sheet-age")).to_have_text("up to date")
    sheet.goto(f"{served.url}/desk/{slug}")
    expect(sheet.locator(".made")).to_contain_text("Day sheet as of")
    sheet.close()

    someone_comes(served, slug, "Rosa Lind")
    served.start()
    be_live(desk)
    expect(row(desk, "Rosa Lind")).to_be_visible(timeout=SOON_MS)

    # Signed out, the sheet is gone from this browser: no server is there to give it either.
    desk.get_by_role("button", name="Sign out").click()
    expect(desk.get_by_label("Password")).to_be_visible()
    desk.context.set_offline(True)
    with pytest.raises(Exception, match=r"ERR_INTERNET_DISCONNECTED|ERR_FAILED"):
        desk.goto(f"{served.url}/desk/{slug}/sheet")
    watch.troubles.clear()

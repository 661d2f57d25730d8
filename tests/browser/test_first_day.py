"""A new clinic set up from nothing, in the browser alone, up to its first patient."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import on_one_database
from tests.browser.eye import Eye
from tests.served import Served

Person = Callable[..., Page]
PASSWORD = "walrus over the harbour"
SETTLED_MS = 900  # a changed primary button refuses a tap that was meant for the last one


def save(page: Page, words: str) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text(words)


def set_up(page: Page, served: Served, eye: Eye) -> None:
    """From the server's code to a signed-in admin."""
    code = re.findall(r"set-up code is ([\w-]+)", served.log.read_text())
    page.goto(served.url)
    expect(page).to_have_url(re.compile("/setup$"))
    page.get_by_label("Set-up code").fill(code[-1])
    page.get_by_label("Name of the clinic").fill("Hill Road Surgery")
    expect(page.get_by_label("Time zone")).to_have_value("Europe/London")  # the browser's own
    page.get_by_label("Your name").fill("Anna Lindgren")
    page.get_by_label("Your e-mail").fill("anna@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set up the clinic").click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    eye.look(page, "signing in")
    page.get_by_label("E-mail").fill("anna@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Before the doors open")).to_be_visible()


def furnish(page: Page, eye: Eye) -> None:
    """Hours, a service, a room, a clinician, each from the list of first steps."""
    page.get_by_role("link", name="Opening hours When the doors").click()
    for weekday in range(7):
        page.locator(f"#days-{weekday}-opens").fill("00:00")
        page.locator(f"#days-{weekday}-closes").fill("00:00")
    save(page, "Saved.")
    side = page.get_by_role("navigation", name="Admin")
    side.get_by_role("link", name="Services").click()
    page.get_by_label("Name for staff").fill("Blood test")
    page.get_by_label("Reason for visit").first.fill("Standard sample")
    page.get_by_label("Planned minutes").first.fill("0")
    page.get_by_role("button", name="Save").click()
    # What is wrong stands above, takes the focus and leads to its field.
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    eye.look(page, "a new service, with mistakes")
    page.get_by_role("link", name="Row 1, planned minutes: 0 is not possible").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("4")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status")).to_contain_text("Blood test is added.")
    side.get_by_role("link", name="Rooms").click()
    page.get_by_label("Name on the door").fill("3")
    save(page, "Room 3 is added.")
    side.get_by_role("link", name="Clinicians").click()
    page.get_by_label("Title").fill("Nurse")
    page.get_by_role("textbox", name="Name", exact=True).fill("Nora Tran")
    page.get_by_label("Blood test").check(force=True)
    page.locator("#habits-0-starts").fill("08:00")
    page.locator("#habits-0-ends").fill("16:00")
    save(page, "Nurse Nora Tran is added.")


def pair(manager: Page, screen: Page, served: Served, kind: str, name: str) -> None:
    """A code on the manager's page, typed at the screen itself."""
    manager.get_by_role("navigation", name="Admin").get_by_role("link", name="Paired").click()
    manager.get_by_label(kind).check(force=True)
    manager.get_by_label("What you call it").fill(name)
    manager.get_by_role("button", name="Make a code").click()
    code = manager.locator("[data-code]").inner_text()
    screen.goto(f"{served.url}/pair")
    screen.get_by_label("Code").fill(code)
    screen.get_by_role("button", name="Start").click()
    expect(screen.locator('body[data-live="yes"]')).to_be_attached()


def press(room: Page, words: str) -> None:
    expect(room.locator("[data-primary]")).to_contain_text(words)
    room.wait_for_timeout(SETTLED_MS)
    room.locator("[data-primary]").click()


@on_one_database
def test_from_nothing_to_the_first_patient(
    fresh_database: str, serve: Callable[..., Served], person: Person, eye: Eye
) -> None:
    served = serve(fresh_database)
    anna = person("desk")
    set_up(anna, served, eye)
    assert "/setup" not in person("desk").goto(served.url).url  # closed for good
    furnish(anna, eye)
    lobby, kiosk = person("lobby"), person("kiosk")
    lobby.goto(f"{served.url}/pair")
    eye.look(lobby, "pairing")
    pair(anna, lobby, served, "Lobby screen", "Lobby, left wall")
    eye.look(anna, "paired screens")
    pair(anna, kiosk, served, "Kiosk at the entrance", "Kiosk at the door")

    anna.get_by_role("navigation", name="Admin").get_by_role("link", name="Rooms").click()
    room_id = re.findall(r"/rooms/(\d+)", anna.url)[0]
    room = anna.context.new_page()
    room.goto(f"{served.url}/room/{room_id}")
    room.locator("select[name=clinician]").select_option(label="Nurse Nora Tran")
    room.locator("#room-panel").get_by_role("button", name="Begin work here").click()
    expect(room.locator("#room-panel")).not_to_be_visible()

    kiosk.get_by_role("link", name="I don’t have an appointment").click()
    kiosk.get_by_role("button", name="No, none of these").click()
    kiosk.get_by_role("button", name="Blood test").click()
    kiosk.get_by_role("button", name="Standard sample").click()
    kiosk.get_by_role("button", name="Get my ticket").click()
    expect(kiosk.get_by_role("heading", name="You are in the queue")).to_be_visible()
    ticket = kiosk.locator(".ticket .code").first.inner_text()

    press(room, "Call next")
    expect(lobby.locator(".now .code").first).to_have_text(ticket)
    press(room, "is here: start")
    room.wait_for_timeout(SETTLED_MS)
    room.get_by_role("button", name="Finish only").click()
    expect(room.locator(".empty")).to_contain_text("is free")

    # The lobby's screen is ended from afar, and shows nothing any more.
    anna.get_by_role("navigation", name="Admin").get_by_role("link", name="Paired").click()
    anna.get_by_role("button", name="Revoke Lobby, left wall").click()
    expect(anna.get_by_role("status")).to_contain_text("shows nothing any more")
    expect(lobby).to_have_url(re.compile("/sign-in"))

    anna.get_by_role("link", name="Who did, who looked").click()
    record = anna.get_by_role("table")
    for words in ("Revoked a screen", f"Finished with {ticket}", "Added a clinician"):
        verb, _, about = words.partition(" with ")
        expect(record.locator("tr", has_text=verb).filter(has_text=about).first).to_be_visible()

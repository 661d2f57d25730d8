"""From the kiosk to the room, in real Chromium: a ticket, followed by phone, called."""

import re
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from queueapp.actions import calls, service
from queueapp.actions.tickets import visit_token
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import CallRoute, EntryState, Presence
from tests.served import Served
from tests.web.patient_world import PatientWorld, world_on
from tests.web.web_world import SECRET

Person = Callable[..., Page]
# Hears of each update before the page's own script does.
NOTES_BLANKS = """
  window.said = new Set();
  window.blanks = [];
  document.addEventListener("queueapp:update", ({ detail }) => {
    const range = document.querySelector('[data-line="range"]');
    window.said.add(detail.channel.split(":")[0]);
    if (range && !range.textContent.trim()) window.blanks.push(detail.channel);
  });
"""
SAYS_WHAT_THE_SERVER_PAINTS = """async () => {
  const words = (page) =>
    page.querySelector(".ticket__part--body").textContent.replace(/\\s+/g, "");
  const painted = await (await fetch(location.href)).text();
  return words(new DOMParser().parseFromString(painted, "text/html")) === words(document);
}"""


@pytest.fixture
def clinic(served: Served, slug: str, tmp_path: Path) -> Iterator[PatientWorld]:
    world = world_on(served.database_url, tmp_path, slug)
    yield world
    world.db.dispose()


def at_kiosk(person: Person, served: Served, clinic: PatientWorld, **options: Any) -> Page:
    page = person("kiosk", **options)
    page.goto(served.url + clinic.kiosk_link)
    page.get_by_role("button", name="Start this screen").click()
    expect(page.get_by_role("link", name="I don’t have an appointment")).to_be_visible()
    return page


def act(clinic: PatientWorld, verb: Callable[..., Any], entry_id: int, **more: Any) -> None:
    with clinic.db.write() as session:
        verb(session, SYSTEM, datetime.now(UTC), entry_id=entry_id, **more)


def says(page: Page, stage: str) -> None:
    expect(page.locator("[data-stage]")).to_have_attribute("data-stage", stage, timeout=5_000)


def test_a_ticket_from_the_kiosk_is_followed_on_the_phone_until_the_end(
    person: Person, served: Served, clinic: PatientWorld
) -> None:
    kiosk = at_kiosk(person, served, clinic)
    kiosk.get_by_role("link", name="I don’t have an appointment").tap()
    for choice in ("Doctor", "A new problem", "Anyone"):
        kiosk.locator(".choice", has_text=choice).tap()
    for key in "ROSA":
        kiosk.locator(f'[data-key="{key}"]').tap()
    expect(kiosk.get_by_label("What may we call you?")).to_have_value("Rosa")
    kiosk.get_by_role("button", name="Get my ticket").tap()
    expect(kiosk.get_by_role("heading", name="You are in the queue")).to_be_visible()
    entry = clinic.entries()[0]
    visit = entry.visit
    expect(kiosk.locator(".ticket .code")).to_have_text(visit.ticket)
    expect(kiosk.locator("svg.qr")).to_be_visible()

    phone = person("phone")
    phone.add_init_script(NOTES_BLANKS)
    phone.goto(f"{served.url}/t/{visit_token(SECRET, visit.key, visit.nonce)}")
    phone.wait_for_url("**/phone/ticket")
    expect(phone.get_by_role("heading", name=visit.ticket)).to_be_visible()
    expect(phone.locator(".place")).to_have_text("You are next")
    expect(phone.locator("[data-live-words]")).to_contain_text("updated")
    phone.wait_for_function("window.said.has('line')")
    assert phone.evaluate("window.said.has('visit')")
    # Its range stood there all the time, whichever channel spoke first.
    assert phone.evaluate("window.blanks") == []
    assert re.search(r"\d+–\d+", phone.locator(".range").inner_text())
    # The server's paint and the browser's own words are one, as soon as both are of one moment.
    phone.wait_for_function(SAYS_WHAT_THE_SERVER_PAINTS)

    phone.get_by_text("Step out for a while").tap()
    phone.get_by_role("button", name=re.compile("^20 min")).tap()
    says(phone, "out")
    assert clinic.visit(visit.id).presence is Presence.OUT
    phone.get_by_role("button", name="I’m back").tap()
    says(phone, "waiting")
    expect(phone.locator(".place")).to_have_text("You are next")

    act(clinic, calls.call_chosen, entry.id, room_id=clinic.rooms[1])
    says(phone, "called")
    expect(phone.get_by_role("alert", name="It’s your turn")).to_contain_text("Go to room")
    expect(phone).to_have_title(f"● Your turn: Room 2 · {visit.ticket}")
    box = phone.locator(".turn").bounding_box()
    assert box
    assert box["height"] > 700
    phone.reload()
    says(phone, "called")

    act(clinic, calls.tried_route, entry.id, route=CallRoute.PHONE)
    act(clinic, calls.did_not_answer, entry.id)
    says(phone, "missed")
    phone.get_by_role("button", name="I’m here").tap()
    says(phone, "waiting")
    act(clinic, calls.call_chosen, entry.id, room_id=clinic.rooms[1])
    act(clinic, service.start, entry.id)
    says(phone, "in_service")
    act(clinic, service.finish, entry.id)
    says(phone, "finished")

    kiosk.get_by_role("link", name="Done").tap()
    expect(kiosk.get_by_text("Touch one of the two big boxes")).to_be_visible()
    kiosk.go_back()
    expect(kiosk.get_by_text(visit.ticket)).to_have_count(0)


def test_joining_by_phone_the_line_moves_and_leaving_asks_once(
    person: Person, served: Served, clinic: PatientWorld
) -> None:
    first, second = person("phone"), person("phone", viewport={"width": 320, "height": 568})
    for phone in (first, second):
        phone.goto(f"{served.url}/phone/{clinic.slug}")
        phone.get_by_role("button", name="Join the queue").tap()
        expect(phone.get_by_role("alert")).to_contain_text("Choose what you need.")
        phone.locator("summary", has_text="Doctor").tap()
        phone.get_by_label("Results").tap()
        phone.get_by_label("I’m here").tap()
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        phone.get_by_role("button", name="Join the queue").tap()
        phone.wait_for_url("**/phone/ticket")
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    mine, theirs = (entry.visit.ticket for entry in clinic.entries())
    expect(second.locator(".place")).to_have_text("1 person before you")
    expect(second.locator(".stop b")).to_have_text([mine, theirs])

    first.get_by_text("Leave the queue", exact=True).tap()
    assert clinic.entries()[0].state is EntryState.WAITING
    first.get_by_role("button", name="Yes, leave the queue").tap()
    says(first, "left")
    expect(second.locator(".place")).to_have_text("You are next")

    served.signal(signal.SIGSTOP)
    expect(second.locator("[data-live-words]")).to_contain_text("Not live", timeout=10_000)
    expect(second.get_by_role("button", name="Ask for help")).to_be_disabled()
    served.signal(signal.SIGCONT)
    expect(second.locator("body")).to_have_attribute("data-live", "yes")


def test_the_kiosk_works_by_keyboard_alone(
    person: Person, served: Served, clinic: PatientWorld
) -> None:
    appointment_id = clinic.booking()
    kiosk = at_kiosk(person, served, clinic)
    kiosk.get_by_role("link", name="I have an appointment").focus()
    kiosk.keyboard.press("Enter")
    expect(kiosk.get_by_role("heading", name="How do we find")).to_be_focused()
    kiosk.keyboard.press("Tab")
    kiosk.keyboard.press("Enter")
    expect(kiosk.get_by_label("What is your name?")).to_be_focused()
    kiosk.keyboard.type("lukasz zoe")
    kiosk.keyboard.press("Enter")
    expect(kiosk.get_by_label("Day")).to_be_focused()
    # Two figures go on to the next field; a single one by Tab.
    kiosk.keyboard.type("27")
    expect(kiosk.get_by_label("Month")).to_be_focused()
    kiosk.keyboard.type("3")
    kiosk.keyboard.press("Tab")
    kiosk.keyboard.type("1958")
    kiosk.keyboard.press("Enter")
    expect(kiosk.get_by_role("heading", name="You are in the queue")).to_be_focused()
    entry = clinic.entries()[0]
    assert entry.appointment_id == appointment_id
    expect(kiosk.locator(".ticket .code")).to_have_text(entry.visit.ticket)


def test_a_kiosk_left_alone_asks_and_goes_back_to_the_start(
    person: Person, served: Served, clinic: PatientWorld
) -> None:
    kiosk = person("kiosk", viewport={"width": 768, "height": 1366})
    kiosk.clock.install()
    kiosk.goto(served.url + clinic.kiosk_link)
    kiosk.get_by_role("button", name="Start this screen").click()
    kiosk.get_by_role("link", name="I don’t have an appointment").tap()
    kiosk.locator(".choice", has_text="Blood test").tap()
    kiosk.get_by_label("What may we call you?").fill("Rosamunde")
    kiosk.clock.fast_forward(62_000)
    kiosk.get_by_role("button", name="Yes, I need more time").tap()
    expect(kiosk.get_by_label("What may we call you?")).to_have_value("Rosamunde")
    kiosk.clock.fast_forward(62_000)
    expect(kiosk.get_by_text("Are you still there?")).to_be_visible()
    kiosk.clock.fast_forward(16_000)
    expect(kiosk.get_by_text("Touch one of the two big boxes")).to_be_visible()
    assert clinic.entries() == []
    assert "Rosamunde" not in kiosk.content()

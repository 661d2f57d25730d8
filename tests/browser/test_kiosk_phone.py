"""From the kiosk to the room, in real Chromium: a ticket, followed by phone, called."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from queueapp.actions import calls, service
from queueapp.actions.tickets import visit_token
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import EntryState, Presence
from tests.browser.conftest import on_one_database
from tests.browser.entering import remember
from tests.browser.eye import Eye
from tests.served import Served
from tests.web.patient_world import PatientWorld, world_on
from tests.web.web_world import SECRET

pytestmark = on_one_database

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


# What a finger has to do beside typing: counted in the page itself, which all steps share.
COUNT_TOUCHES = """() => {
  window.touches = 0;
  const count = (event) => event.isTrusted && !event.target.closest(".key") && window.touches++;
  document.addEventListener("click", count, true);
}"""
# The server's first paint and the browser's own words are one: compared at one moment, as the
# range moves with the clock and with every forecast.
SAME_WORDS = """async () => {
  const words = (page) =>
    page.querySelector(".ticket__part--body").textContent.replace(/\\s+/g, " ").trim();
  const fresh = await (await fetch(location.href)).text();
  return words(new DOMParser().parseFromString(fresh, "text/html")) === words(document);
}"""
# A reader types faster than any hand, however busy this machine is.
READ_IN = """(words) => {
  for (const key of [...words, "Enter"])
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}"""
LEFT_BEHIND = """async () => JSON.stringify({
  page: document.documentElement.outerHTML,
  stored: [{ ...localStorage }, { ...sessionStorage }, await caches?.keys?.(), window.name],
  address: location.href,
  fetched: performance.getEntriesByType("resource").map((one) => one.name),
})"""


def touches(kiosk: Page) -> int:
    return int(kiosk.evaluate("window.touches"))


def begin(kiosk: Page, door: str) -> None:
    """Through a door and past the question that comes first."""
    kiosk.evaluate(COUNT_TOUCHES)
    kiosk.get_by_role("link", name=door).tap()
    expect(kiosk.get_by_role("heading", name="Do you have any of these")).to_be_focused()
    kiosk.get_by_role("button", name="No, none of these").tap()


def test_a_ticket_from_the_kiosk_is_followed_on_the_phone_until_the_end(
    person: Person, served: Served, clinic: PatientWorld, eye: Eye
) -> None:
    kiosk = at_kiosk(person, served, clinic)
    eye.look(kiosk, "the kiosk's start")
    pages_before = kiosk.evaluate("history.length")
    begin(kiosk, "I don’t have an appointment")
    for choice in ("Doctor", "A new problem"):
        kiosk.locator(".choice", has_text=choice).tap()
    expect(kiosk.get_by_label("What may we call you?")).to_be_visible()
    eye.look(kiosk, "the kiosk: what name?")
    for key in "ROSA":
        kiosk.locator(f'[data-key="{key}"]').tap()
    expect(kiosk.get_by_label("What may we call you?")).to_have_value("Rosa")
    kiosk.get_by_role("button", name="Get my ticket").tap()
    expect(kiosk.get_by_role("heading", name="You are in the queue")).to_be_visible()
    assert touches(kiosk) == 5
    entry = clinic.entries()[0]
    visit = entry.visit
    expect(kiosk.locator(".ticket .code")).to_have_text(visit.ticket)
    expect(kiosk.locator("svg.qr")).to_be_visible()
    eye.look(kiosk, "the kiosk's ticket")
    kiosk.get_by_role("button", name="How to call me").tap()
    for words in ("On my phone", "I hear badly", "English"):
        kiosk.get_by_label(words).check(force=True)
    kiosk.get_by_role("button", name="Keep it").tap()
    expect(kiosk.get_by_label("Your phone number?")).to_be_focused()
    kiosk.get_by_role("button", name="Keep it").tap()
    expect(kiosk.get_by_role("heading", name="Thank you, we know")).to_be_visible()

    phone = person("phone")
    phone.add_init_script(NOTES_BLANKS)
    phone.goto(f"{served.url}/t/{visit_token(SECRET, visit.key, visit.nonce)}")
    phone.wait_for_url("**/phone/ticket")
    expect(phone.get_by_role("heading", name=visit.ticket)).to_be_visible()
    expect(phone.locator(".place")).to_have_text("You are next")
    expect(phone.locator("[data-live-words]")).to_contain_text("updated")
    assert re.search(r"\d+–\d+", phone.locator(".ticket__part--body").inner_text())
    # Its range stood there all the time, whichever channel spoke first.
    assert phone.evaluate("window.blanks") == []
    phone.wait_for_function(SAME_WORDS, polling=300)

    phone.get_by_text("Step out for a while").tap()
    eye.look(phone, "the phone: waiting")
    phone.get_by_role("button", name=re.compile("^20 min")).tap()
    says(phone, "out")
    assert clinic.visit(visit.id).presence is Presence.OUT
    phone.get_by_role("button", name="I’m back").tap()
    says(phone, "waiting")
    expect(phone.locator(".place")).to_have_text("You are next")

    phone.evaluate("navigator.vibrate = () => (window.shaken = (window.shaken || 0) + 1)")
    act(clinic, calls.call_chosen, entry.id, room_id=clinic.rooms[1])
    says(phone, "called")
    expect(phone.get_by_role("alert", name="It’s your turn")).to_contain_text("Go to room")
    expect(phone).to_have_title(f"● Your turn: Room 2 · {visit.ticket}")
    phone.wait_for_function("window.shaken >= 1")
    eye.look(phone, "the phone: called")
    # Rings until the phone is touched, and anew when called again.
    phone.locator(".turn").tap()
    shaken = phone.evaluate("window.shaken")
    act(clinic, calls.recall, entry.id)
    expect(phone.get_by_role("alert")).to_contain_text("We call you again")
    phone.wait_for_function(f"window.shaken > {shaken}")
    box = phone.locator(".turn").bounding_box()
    assert box
    assert box["height"] > 700
    phone.reload()
    says(phone, "called")

    act(clinic, calls.did_not_answer, entry.id)
    says(phone, "missed")
    phone.get_by_role("button", name="I’m here").tap()
    says(phone, "waiting")
    act(clinic, calls.call_chosen, entry.id, room_id=clinic.rooms[1])
    act(clinic, service.start, entry.id)
    says(phone, "in_service")
    act(clinic, service.finish, entry.id)
    says(phone, "finished")
    phone.get_by_role("button", name="Partly").tap()
    phone.get_by_label("What still needs doing?").fill("The blood test.")
    phone.get_by_role("button", name="Send").tap()
    expect(phone.get_by_role("heading", name="Thank you for telling us")).to_be_visible()
    assert [kind for kind, _ in clinic.items()] == ["feedback"]

    kiosk.get_by_role("link", name="Done").tap()
    expect(kiosk.get_by_text("Touch one of the two big boxes")).to_be_visible()
    assert kiosk.evaluate("history.length") == pages_before
    for move in (lambda: None, kiosk.go_back, kiosk.go_forward):
        move()
        left = kiosk.evaluate(LEFT_BEHIND)
        assert not re.search(rf"\b(Rosa|ROSA|{visit.ticket})\b|/t/", left)


def test_joining_by_phone_the_line_moves_and_leaving_asks_once(
    person: Person, served: Served, clinic: PatientWorld, eye: Eye
) -> None:
    first, second = person("phone"), person("phone", viewport={"width": 320, "height": 568})
    for phone in (first, second):
        phone.goto(f"{served.url}/phone/{clinic.slug}")
        phone.get_by_role("button", name="Join the queue").tap()
        expect(phone.get_by_role("alert")).to_contain_text("Choose what you need.")
        if phone is first:
            eye.look(phone, "joining, with mistakes")
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


def test_checking_in_by_keyboard_alone_by_touch_and_by_the_reader(
    person: Person, served: Served, clinic: PatientWorld, eye: Eye
) -> None:
    by_keys = clinic.booking()
    by_touch = clinic.booking("Ana Ruiz", in_minutes=20)
    scanned = clinic.booking("Bo Li", in_minutes=30, code="CDF467")
    kiosk = at_kiosk(person, served, clinic)

    def is_in(appointment_id: int) -> None:
        expect(kiosk.get_by_role("heading", name="You are in the queue")).to_be_focused()
        entry = clinic.entries()[-1]
        assert entry.appointment_id == appointment_id
        expect(kiosk.locator(".ticket .code")).to_have_text(entry.visit.ticket)

    kiosk.get_by_role("link", name="I have an appointment").focus()
    kiosk.keyboard.press("Enter")
    expect(kiosk.get_by_role("heading", name="Do you have any of these")).to_be_focused()
    eye.look(kiosk, "the kiosk: in danger?")
    kiosk.keyboard.press("Tab")
    kiosk.keyboard.press("Enter")
    expect(kiosk.get_by_label("type your name")).to_be_focused()
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
    is_in(by_keys)
    kiosk.get_by_role("link", name="Done").focus()
    kiosk.keyboard.press("Enter")

    expect(kiosk.get_by_text("Touch one of the two big boxes")).to_be_visible()
    begin(kiosk, "I have an appointment")
    for key in "ANA RUIZ":
        kiosk.locator(f'[data-key="{key}"]').tap()
    kiosk.get_by_role("button", name="Go on").tap()
    expect(kiosk.get_by_label("Day")).to_be_focused()  # the page before has figures too
    for key in "27":
        kiosk.locator(f'[data-key="{key}"]').tap()
    for key in "03":
        kiosk.locator(f'[data-key="{key}"]').tap()
    for key in "1958":
        kiosk.locator(f'[data-key="{key}"]').tap()
    kiosk.get_by_role("button", name="I am here").tap()
    is_in(by_touch)
    assert touches(kiosk) == 4
    kiosk.get_by_role("link", name="Done").tap()

    expect(kiosk.get_by_text("Touch one of the two big boxes")).to_be_visible()
    kiosk.evaluate(COUNT_TOUCHES)
    kiosk.evaluate(READ_IN, f"{served.url}/b/CDF467")
    kiosk.get_by_role("button", name="No, none of these").tap()
    is_in(scanned)
    assert touches(kiosk) == 1
    # Nothing to touch is smaller than a finger of a shaking hand.
    small = kiosk.evaluate(
        """() => [...document.querySelectorAll("#kiosk :is(a, button, label)")]
             .filter((one) => one.offsetHeight && Math.min(one.offsetHeight, one.offsetWidth) < 88)
             .map((one) => one.outerHTML)"""
    )
    assert small == []


def test_a_kiosk_left_alone_asks_and_goes_back_to_the_start(
    person: Person, served: Served, clinic: PatientWorld
) -> None:
    kiosk = person("kiosk", viewport={"width": 768, "height": 1366})
    kiosk.clock.install()
    remember(kiosk, served, clinic.device.credential)
    kiosk.goto(f"{served.url}/kiosk/{clinic.slug}")
    begin(kiosk, "I don’t have an appointment")
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

"""What the desk's hands do: few keys, a booking put aside, two on one row."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from playwright.sync_api import Page, expect

from queueapp.db.models import Appointment, Site
from queueapp.db.session import Database
from queueapp.domain.visit import AppointmentState
from tests.browser.conftest import on_one_database
from tests.browser.test_desk import clinic, row, sign_in
from tests.served import Served

pytestmark = on_one_database

AT_ONCE = """(keys) => keys.forEach((key) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })))"""

__all__ = ["clinic"]  # the clinic of the other tests of the desk


class Hands:
    """A keyboard that counts: keys pressed, and words typed, which are counted apart."""

    def __init__(self, page: Page) -> None:
        self.page, self.keys = page, 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.keys += 1

    def type(self, words: str, counted: str = "") -> None:
        """Type what a person says; what is `counted` of it is no word of theirs."""
        self.page.keyboard.type(words)
        self.keys += len(counted)


def booked(served: Served, clinic: str, state: AppointmentState) -> list[Appointment]:
    database = Database(served.database_url)
    with database.read() as session:
        found = session.scalars(
            sa.select(Appointment)
            .join(Site, Site.id == Appointment.site_id)
            .where(Appointment.state == state, Site.slug == clinic)
        ).all()
        session.expunge_all()
    database.dispose()
    return list(found)


def test_few_keys_and_a_booking_put_aside(
    served: Served, clinic: str, person: Callable[..., Page]
) -> None:
    marta = sign_in(person("desk"), served, clinic, "marta")
    panel = marta.locator("#desk-panel")

    # A walk-in: at most ten keys beyond the name, the service among them.
    hands = Hands(marta)
    hands.press("n")
    hands.type("rosa lind")
    hands.type(" blood", counted=" blood")
    expect(marta.locator("#line-effect")).to_contain_text("nobody")
    hands.press("Enter")
    expect(row(marta, "Rosa Lind")).to_be_visible()
    assert hands.keys <= 10, hands.keys

    # A caller: the line is read, the first free time offered, another chosen, booked.
    hands = Hands(marta)
    hands.press("Escape", "b")
    expect(panel.get_by_label("In one line")).to_be_focused()
    hands.type("ana costa gp ruiz 07700900123")
    hands.press("Enter")
    expect(panel.get_by_label("Name", exact=True)).to_have_value("Ana Costa")
    expect(panel.locator(".slots input:checked")).to_be_focused()
    hands.press("ArrowRight", "ArrowRight")
    chosen = panel.locator(".slots label:has(:checked) b").inner_text()
    hands.press("Escape")

    # Somebody stands at the desk: put aside by one key, the time is held, and taken up by one.
    expect(marta.locator("#desk-said")).to_contain_text(f"{chosen} is kept until")
    expect(panel).to_be_hidden()
    held = booked(served, clinic, AppointmentState.HELD)
    assert len(held) == 1
    assert held[0].held_until
    assert held[0].held_until > datetime.now(UTC) + timedelta(minutes=8)
    expect(marta.locator("#desk-parked")).to_be_visible()
    hands.press("b")
    expect(panel.get_by_label("Phone", exact=True)).to_have_value("07700900123")
    expect(panel.locator(".draft")).to_contain_text("is kept until")
    expect(panel.locator(".slots label:has(:checked) b")).to_have_text(chosen)
    hands.press("Enter")
    expect(marta.locator("#desk-said")).to_contain_text("Booked for")
    assert hands.keys <= 15, hands.keys
    assert [a.id for a in booked(served, clinic, AppointmentState.BOOKED)] == [held[0].id]
    expect(marta.locator("#desk-parked")).to_be_hidden()

    # A booking that was a mistake is taken back like all else.
    marta.keyboard.press("u")
    expect(marta.locator("#desk-said")).to_contain_text("taken back: booked")
    assert not booked(served, clinic, AppointmentState.BOOKED)

    # The sheet of keys; letters can be switched off, and act only where the list has the focus.
    marta.keyboard.press("?")
    sheet = marta.get_by_role("dialog", name="Keys")
    expect(sheet).to_contain_text("add a walk-in")
    sheet.get_by_role("checkbox").uncheck()
    marta.keyboard.press("Escape")
    marta.keyboard.press("n")
    expect(marta.locator("#line")).not_to_be_focused()
    marta.reload()
    expect(marta.locator("body")).to_have_attribute("data-keys", "off")
    marta.get_by_role("button", name="all keys").click()
    sheet.get_by_role("checkbox").check()
    # However fast one key follows the other.
    marta.evaluate(AT_ONCE, ["Escape", "n"])
    expect(marta.locator("#line")).to_be_focused()
    marta.get_by_role("link", name="Paper tickets").focus()
    marta.keyboard.press("n")
    expect(marta.locator("#line")).not_to_be_focused()
    marta.keyboard.press("Escape")

    # Names hidden by one key stay hidden in what comes, and after a reload.
    marta.keyboard.press("x")
    expect(marta.locator("tr.line .pn").first).to_be_hidden()
    assert "Noor" not in marta.locator("main").inner_text()
    marta.reload()
    assert "Noor" not in marta.locator("main").inner_text()


def test_two_on_one_row(served: Served, clinic: str, person: Callable[..., Page]) -> None:
    marta = sign_in(person("desk"), served, clinic, "marta")
    ines = sign_in(person("desk"), served, clinic, "ines")
    for page in (marta, ines):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("k")
        expect(page.locator("#desk-panel").get_by_label("Class")).to_be_visible()
    panel = marta.locator("#desk-panel")

    # Consequence before commit, for the one row there is.
    expect(panel.locator(".effect")).to_contain_text("nobody")

    # Ines is first: Marta's panel says so and keeps what was chosen; the Enter is refused once.
    marta.keyboard.press("ArrowDown")
    kept = panel.get_by_label("Class").input_value()
    ines.keyboard.press("Enter")
    expect(panel.locator(".changed")).to_contain_text("class changed from walk-in to urgent")
    expect(panel.get_by_label("Class")).to_have_value(kept)
    marta.keyboard.press("Enter")
    told = panel.locator(".msg--refused")
    expect(told).to_contain_text(re.compile(r"\d\d:\d\d: \w+ class changed from walk-in to urgent"))
    expect(told).to_contain_text("Look again before you go on.")
    marta.keyboard.press("Escape")

    # A note of one is read by the other at once, beside the name and in the open row.
    ines.keyboard.press("Escape")
    ines.keyboard.press("e")
    expect(ines.get_by_label("Note for colleagues")).to_be_focused()
    ines.keyboard.type("Hard of hearing on the left")
    ines.keyboard.press("Tab")
    ines.keyboard.press("Tab")
    ines.keyboard.press("Enter")
    expect(panel.locator(".notes")).to_contain_text("Hard of hearing on the left")
    expect(row(marta, "Noor").locator(".mark")).to_have_attribute("title", "Has notes")

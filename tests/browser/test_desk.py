"""The desk in a browser: by keyboard alone, seen at once by a second one, taken back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from queueapp.db.session import Database
from queueapp.domain.actor import Role
from tests import factories
from tests.browser.conftest import on_one_database
from tests.browser.entering import signed_in
from tests.browser.eye import Eye
from tests.served import Served

pytestmark = on_one_database


@pytest.fixture
def clinic(served: Served, slug: str) -> str:
    """The clinic of `lay_out` on the shared server."""
    return lay_out(served.database_url, slug)


def lay_out(url: str, slug: str) -> str:
    """A clinic with one doctor, a blood test, and Noor who waits; Marta and Ines work there."""
    database = Database(url)
    now = datetime.now(UTC)
    with database.write() as s:
        site = factories.make_site(s, slug, settings=factories.turning_far_off(now))
        factories.make_service(s, site, "GP consultation", slug="gp")
        blood = factories.make_service(s, site, "Blood test", slug="blood")
        room = factories.make_room(s, site, "1")
        doctor = factories.make_clinician(s, site.services, "Elena Ruiz", title="Dr")
        factories.make_shift(s, site, doctor, room, now=now - timedelta(minutes=1))
        noor = factories.make_patient(s, "Noor El-Sayed")
        visit = factories.make_visit(s, site, noor, now=now)
        factories.make_entry(s, blood, visit, now=now)
        for name in ("marta", "ines"):
            factories.make_staff(s, site, Role.RECEPTIONIST, email=f"{name}@{slug}.example")
    database.dispose()
    return slug


def sign_in(page: Page, served: Served, clinic: str, name: str) -> Page:
    signed_in(page, served, f"{name}@{clinic}.example").goto(f"{served.url}/desk/{clinic}")
    expect(page.get_by_role("heading", name="1 waiting")).to_be_visible()
    expect(page.locator(".live[data-live=yes]")).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-desk-ready", "yes")
    return page


def row(page: Page, name: str) -> Locator:
    return page.locator("tr.line", has_text=name)


def test_a_day_at_the_desk_by_keyboard_alone(
    served: Served, clinic: str, person: Callable[..., Page], eye: Eye
) -> None:
    marta = sign_in(person("desk"), served, clinic, "marta")
    ines = sign_in(person("desk"), served, clinic, "ines")

    # A walk-in, without a hand on the mouse; what it means is shown before it is added.
    started = datetime.now(UTC)
    marta.keyboard.press("n")
    marta.keyboard.type("rosa lind blood")
    chips = marta.locator("#line-chips .chip")
    expect(chips.nth(0)).to_have_text("Rosa Lind")
    expect(chips.nth(1)).to_have_text("Blood test, 10 min")
    expect(chips.nth(3)).to_contain_text("Tell Rosa")
    marta.keyboard.press("Enter")
    expect(row(marta, "Rosa Lind")).to_be_visible()
    assert datetime.now(UTC) - started < timedelta(seconds=10)
    expect(marta.locator("#desk-said")).to_contain_text("Rosa Lind has a ticket. Tell them")
    expect(marta.locator("tr.line .name")).to_have_text(["Noor El-Sayed", "Rosa Lind"])
    expect(marta.locator("#line")).to_have_value("")

    # The second desk sees it without asking, in the same place.
    expect(ines.locator("tr.line .name")).to_have_text(["Noor El-Sayed", "Rosa Lind"])

    # What cannot be read is said beside the line, which keeps what was typed.
    marta.keyboard.type("tom nobody knows")
    marta.keyboard.press("Enter")
    expect(marta.locator("#line-said")).to_have_text(
        "Add what it is for: GP consultation, Blood test."
    )
    expect(marta.locator("#line")).to_have_value("tom nobody knows")
    marta.keyboard.press("Escape")

    # Chosen by the arrow keys, the focus stays on the row while another desk changes the list.
    expect(row(marta, "Rosa Lind")).to_be_focused()
    ines.keyboard.press("n")
    ines.keyboard.type("ana costa gp urgent")
    ines.keyboard.press("Enter")
    expect(marta.locator("tr.line .name")).to_have_text(["Ana Costa", "Noor El-Sayed", "Rosa Lind"])
    expect(row(marta, "Rosa Lind")).to_be_focused()

    # A row opened by Enter says what to read aloud; a letter is a verb, Escape goes back.
    marta.keyboard.press("Enter")
    panel = marta.locator("#desk-panel")
    expect(panel.locator(".aloud")).to_contain_text("we aim to call you within")
    marta.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(row(marta, "Rosa Lind")).to_be_focused()
    marta.keyboard.press("l")
    expect(panel.get_by_role("button", name="Left: ")).to_be_visible()
    marta.keyboard.press("Enter")
    expect(row(marta, "Rosa Lind")).to_have_count(0)
    expect(row(ines, "Rosa Lind")).to_have_count(0)

    # Taken back with one key, on both desks, in the place it had.
    expect(marta.locator(".toast")).to_contain_text("Rosa Lind marked as left")
    marta.keyboard.press("u")
    for page in (marta, ines):
        expect(page.locator("tr.line .name")).to_have_text(
            ["Ana Costa", "Noor El-Sayed", "Rosa Lind"]
        )
    # What she did before that can be taken back next.
    expect(marta.locator(".toast")).to_contain_text("Rosa Lind took a ticket")
    eye.look(marta, "the desk")
    row(marta, "Rosa Lind").focus()
    marta.keyboard.press("Enter")
    expect(panel.locator(".aloud")).to_be_visible()
    eye.look(marta, "a row at the desk")


def test_single_keys_are_letters_while_typing_and_verbs_say_why_not(
    served: Served, clinic: str, person: Callable[..., Page]
) -> None:
    marta = sign_in(person("desk"), served, clinic, "marta")
    marta.keyboard.press("n")
    marta.keyboard.type("lucas undo")
    expect(marta.locator("#line")).to_have_value("lucas undo")
    marta.keyboard.press("Escape")
    marta.keyboard.press("f")
    panel = marta.locator("#desk-panel")
    expect(panel.locator("[data-why-said]")).to_contain_text("has not been called.")
    marta.keyboard.press("Escape")
    marta.keyboard.press("c")
    chosen = panel.get_by_label("To which room").locator("option:checked")
    expect(chosen).to_have_text("Room 1, Dr Ruiz, free")
    marta.keyboard.press("Tab")
    marta.keyboard.press("Enter")
    expect(marta.locator(".strip").first).to_contain_text("Called")

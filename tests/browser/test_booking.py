"""Booking by phone in real Chromium: in six touches, by keyboard alone, and without scripts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from queueapp.domain.localtime import to_local
from queueapp.domain.visit import AppointmentState
from tests.browser.conftest import Watch, on_one_database
from tests.browser.eye import Eye
from tests.served import Served
from tests.web.booking_world import ZONE, BookingWorld, world_on

pytestmark = on_one_database

# Kept by the browser itself, over all pages of the tab.
COUNT_TOUCHES = (
    "addEventListener('touchstart', () => sessionStorage.touches ="
    " Number(sessionStorage.touches || 0) + 1, true)"
)
MOST_TOUCHES = 6


@pytest.fixture
def clinic(served: Served, slug: str) -> Iterator[BookingWorld]:
    world = world_on(served.database_url, slug)
    # A whole day's times are there, however late in the day it is.
    until_midnight = world.at("00:00") - datetime.now(UTC)
    world.settings(online_notice=int(until_midnight.total_seconds()))
    yield world
    world.db.dispose()


def booked_times(clinic: BookingWorld) -> list[str]:
    return [
        f"{to_local(ZONE, one.starts_at):%H:%M}"
        for one in clinic.bookings()
        if one.state is AppointmentState.BOOKED
    ]


def first_page(page: Page, served: Served, clinic: BookingWorld) -> None:
    page.goto(f"{served.url}/book/{clinic.slug}")


def test_booking_by_touch_by_keyboard_and_without_scripts(
    person: Callable[..., Page], served: Served, clinic: BookingWorld, watch: Watch, eye: Eye
) -> None:
    phone = person("phone")
    phone.add_init_script(COUNT_TOUCHES)
    first_page(phone, served, clinic)
    phone.get_by_role("link", name="A new problem").tap()
    expect(phone.get_by_role("heading", name="Choose a time")).to_be_visible()
    eye.look(phone, "booking: a time")
    slot = phone.locator(".slot").nth(2)
    clock = slot.locator("b").inner_text()
    slot.tap()
    expect(phone.locator("[data-chosen]")).to_contain_text(clock)
    phone.get_by_role("button", name="Book this time").tap()
    expect(phone.get_by_label("Name")).to_be_focused()
    expect(phone.locator("[data-kept-until]")).not_to_be_empty()  # the page's script is there
    phone.keyboard.type("Zoë Łukasz")
    phone.get_by_label("Date of birth").tap()
    phone.keyboard.type("27031985")
    expect(phone.get_by_label("Date of birth")).to_have_value("27 03 1985")
    phone.get_by_label("Mobile number or e-mail").tap()
    phone.keyboard.type("07700 900123")
    phone.get_by_role("button", name="Book it").tap()
    expect(phone.get_by_role("heading", name="You are booked")).to_be_visible()
    assert int(phone.evaluate("sessionStorage.touches")) <= MOST_TOUCHES
    assert booked_times(clinic) == [clock]
    code = clinic.bookings()[0].code
    expect(phone.locator(".code")).to_have_text(f"{code[:3]} {code[3:]}")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = phone.locator("svg.qr").bounding_box()
    assert box
    assert box["width"] >= 100
    assert "/b/" not in phone.url
    eye.look(phone, "booked")

    keys = person("phone", has_touch=False, is_mobile=False)
    first_page(keys, served, clinic)
    keys.get_by_role("link", name="Wound care").focus()
    keys.keyboard.press("Enter")
    expect(keys.get_by_role("heading", name="Choose a time")).to_be_visible()
    expect(keys.locator("[data-chosen]")).to_be_visible()
    keys.locator('input[name="time"]:checked').focus()
    keys.keyboard.press("ArrowDown")
    wanted = keys.locator("[data-chosen]").inner_text()
    keys.get_by_role("button", name="Book this time").focus()
    keys.keyboard.press("Enter")
    expect(keys.get_by_label("Name")).to_be_focused()
    expect(keys.locator("[data-kept-until]")).not_to_be_empty()
    keys.locator("#details").evaluate("(form) => form.submit()")
    keys.locator(".msg--sum").wait_for()
    eye.look(keys, "booking: who are you, with mistakes")
    keys.get_by_label("Name").focus()
    for words in ("Rosa Marini", "1.2.1990", "rosa@example.org"):
        keys.keyboard.type(words)
        keys.keyboard.press("Enter")
    expect(keys.get_by_role("heading", name="You are booked")).to_be_visible()
    assert booked_times(clinic)[1] in wanted

    plain = person("phone", java_script_enabled=False)
    plain.goto(keys.get_by_label("Your link").input_value())
    plain.get_by_role("button", name="Show my appointment").tap()
    expect(plain.get_by_role("heading", name="You are booked")).to_be_visible()
    plain.get_by_role("link", name="Another time").tap()
    plain.get_by_role("link", name="Dr Osei").tap()
    last = plain.locator(".slot").last
    clock = last.locator("b").inner_text()
    last.tap()
    plain.get_by_role("button", name="Move to this time").tap()
    expect(plain.locator(".msg--done")).to_contain_text(clock)
    assert booked_times(clinic)[1] == clock
    plain.get_by_role("link", name="Cancel").tap()
    plain.get_by_role("button", name="Yes, cancel it").tap()
    expect(plain.get_by_role("heading", name="Your appointment is cancelled")).to_be_visible()
    first_page(plain, served, clinic)
    plain.get_by_role("link", name="Wound care").tap()
    plain.get_by_role("button", name="Book this time").tap()
    plain.get_by_role("button", name="Book it").tap()
    expect(plain.get_by_role("alert")).to_contain_text("Give the name")
    plain.get_by_label("Name").fill("Noor")
    plain.get_by_label("Date of birth").fill("1/2/1990")
    plain.get_by_label("Mobile number or e-mail").fill("noor@example.org")
    plain.get_by_role("button", name="Book it").tap()
    expect(plain.get_by_role("heading", name="You are booked")).to_be_visible()
    assert watch.troubles == []

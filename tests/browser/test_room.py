"""A clinician at the tablet: keys, fingers, the same name twice, two rooms pressing at once."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from queueapp.domain.visit import EntryState, Resolution
from tests.browser.conftest import on_one_database
from tests.browser.entering import remember
from tests.browser.eye import Eye
from tests.served import Served
from tests.web.room_world import RoomWorld

pytestmark = on_one_database

SETTLED_MS = 900  # longer than a changed button refuses a tap that was meant for the last one


@pytest.fixture
def world(served: Served, slug: str, tmp_path: Path) -> Iterator[RoomWorld]:
    world = RoomWorld(served.database_url, tmp_path, slug)
    yield world
    world.db.dispose()


def at_the_door(page: Page, served: Served, world: RoomWorld, room: int = 1) -> Page:
    """The room's tablet, paired, and live."""
    remember(page, served, world.credentials[room - 1])
    page.goto(f"{served.url}/room/{world.room_ids[room - 1]}")
    expect(page.locator("body")).to_have_attribute("data-room-ready", "yes")
    expect(page.locator("[data-live-words]")).to_contain_text("updated")
    return page


def green(page: Page, words: str) -> None:
    """The one button says so, and has settled."""
    expect(page.locator("[data-primary]")).to_contain_text(words, use_inner_text=True)
    page.wait_for_timeout(SETTLED_MS)


def test_by_keys_alone_call_start_finish_and_call(
    person: Callable[..., Page], served: Served, world: RoomWorld, eye: Eye
) -> None:
    ann, bob = world.waits("Ann Lee"), world.waits("Bob Meier", minutes=5)
    page = at_the_door(person("room"), served, world)
    green(page, f"Call next: Ann, {world.ticket(ann)}")
    page.keyboard.press("Space")
    green(page, "Ann is here: start")
    expect(page.locator(".elapsed")).to_have_text(re.compile(r"^0:(0[1-9]|[1-5]\d)$"))  # it runs
    page.keyboard.press("Space")
    green(page, f"Call next: Bob, {world.ticket(bob)}")
    expect(page.locator("[name=resolution]:checked")).to_have_count(0)
    page.keyboard.press("2")
    expect(page.locator("[data-primary]")).to_contain_text(
        "Finishes Ann as follow-up booked.", use_inner_text=True
    )
    world.waits("Somebody New", minutes=1)  # an update in between takes no choice away
    page.keyboard.press("Space")
    green(page, "Bob is here: start")
    assert world.state(ann) is EntryState.FINISHED
    assert world.entry(ann).visit.resolution is Resolution.FOLLOW_UP
    page.keyboard.press("Space")
    green(page, "Call next: Somebody")
    # The outcome of the one before is not that of this one.
    expect(page.locator("[name=resolution]:checked")).to_have_count(0)
    expect(page.locator("[data-primary]")).to_contain_text("Finishes Bob.", use_inner_text=True)
    eye.look(page, "a room")


def test_a_key_hides_names_shows_the_sheet_undoes_and_says_what_a_call_costs(
    person: Callable[..., Page], served: Served, world: RoomWorld
) -> None:
    ann = world.waits("Ann Lee")
    world.waits("Bob Meier", minutes=5)
    cy = world.waits("Cy Orr", minutes=1)
    page = at_the_door(person("room"), served, world)
    green(page, f"Call next: Ann, {world.ticket(ann)}")
    page.keyboard.press("i")
    expect(page.locator("main")).not_to_contain_text(
        re.compile(r"\b(Ann|Bob|Lee|Meier)\b"), use_inner_text=True
    )
    expect(page.locator("[data-primary]")).to_have_text(
        re.compile(rf"Call next: .*{world.ticket(ann)}")
    )
    page.reload()
    expect(page.get_by_role("heading", name=world.ticket(ann), exact=True)).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-room-ready", "yes")
    page.keyboard.press("i")
    green(page, "Call next: Ann")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("hide or show names")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    # The last in line is called with three presses, after what it costs the others was said.
    page.keyboard.press("o")
    dialog.get_by_role("button", name=f"Call {world.ticket(cy)}").click()
    expect(dialog.locator("[data-told]")).to_contain_text(
        f"Cy Orr ({world.ticket(cy)}) is called now"
    )
    assert world.state(cy) is EntryState.WAITING
    expect(dialog.get_by_role("button", name=f"Call {world.ticket(cy)} now")).to_be_focused()
    page.keyboard.press("Enter")
    green(page, "Cy is here: start")
    page.keyboard.press("Space")
    green(page, "Call next: Ann")
    page.keyboard.press("u")
    green(page, "Cy is here: start")


def test_by_touch_with_a_double_tap_on_every_button(
    person: Callable[..., Page], served: Served, world: RoomWorld
) -> None:
    ann, bob = world.waits("Ann Lee"), world.waits("Bob Meier", minutes=5)
    before = world.calls()
    page = at_the_door(person("room", has_touch=True), served, world)

    def double_tap() -> None:
        box = page.locator("[data-primary]").bounding_box()
        assert box
        for _ in range(3):
            page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.wait_for_timeout(120)

    green(page, "Call next: Ann")
    double_tap()
    green(page, "Ann is here: start")
    assert world.state(ann) is EntryState.CALLED
    double_tap()
    green(page, "Call next: Bob")
    assert world.state(ann) is EntryState.IN_SERVICE
    page.get_by_text("Resolved").tap()
    double_tap()
    green(page, "Bob is here: start")
    assert (world.state(ann), world.state(bob)) == (EntryState.FINISHED, EntryState.CALLED)
    assert world.calls() == before + 2


def test_the_second_tap_on_what_led_to_the_room_calls_nobody(
    person: Callable[..., Page], served: Served, world: RoomWorld
) -> None:
    world.waits("Ann Lee")
    before = world.calls()
    page = person("room")
    page.add_init_script("""
        new MutationObserver((_, watch) => {
            if (document.body?.dataset.roomReady !== "yes") return;
            watch.disconnect();
            document.querySelector("[data-primary]").click();
            document.body.dataset.tapped = "yes";
        }).observe(document, { attributes: true, childList: true, subtree: true });
    """)
    at_the_door(page, served, world)
    expect(page.locator("body")).to_have_attribute("data-tapped", "yes")
    green(page, "Call next: Ann")
    page.keyboard.press("Space")
    green(page, "Ann is here: start")
    assert world.calls() == before + 1


def test_an_alike_name_is_shown_before_the_call(
    person: Callable[..., Page], served: Served, world: RoomWorld
) -> None:
    world.waits("Maria Lopez", date(1960, 1, 2))
    page = at_the_door(person("room"), served, world)
    expect(page.get_by_text("Alike name today")).to_have_count(0)
    other = world.waits("Maria Lopes", date(1988, 5, 4), minutes=3)
    world.done("late", minutes="10")  # any change repaints the screen
    shown = page.get_by_role("note")
    expect(shown).to_contain_text("Alike name today:")
    expect(shown).to_contain_text(f"Maria Lopes, {world.ticket(other)}, born 4 May 1988")
    expect(page.get_by_text("Born 2 January 1960")).to_be_visible()


def test_who_was_called_to_another_room_meanwhile_is_not_called_here(
    person: Callable[..., Page], served: Served, world: RoomWorld
) -> None:
    ann, bob = world.waits("Ann Lee"), world.waits("Bob Meier", minutes=5)
    page = at_the_door(person("room"), served, world)
    green(page, "Call next: Ann")
    # This screen hears of nothing: what was painted before is still there when it is pressed.
    page.evaluate("document.querySelector('[data-live^=\"room:\"]').dataset.live = 'room:none'")
    world.done("call", room=2, expect=ann)
    page.keyboard.press("Space")
    alert = page.get_by_role("alert").filter(has_text="has been called")
    expect(alert).to_contain_text(f"{world.ticket(ann)} has been called to Room 2")
    assert world.state(bob) is EntryState.WAITING


def test_a_pause_is_asked_for_refused_without_a_reason_and_ended(
    person: Callable[..., Page], served: Served, world: RoomWorld
) -> None:
    world.waits("Ann Lee")
    page = at_the_door(person("room"), served, world)
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Pause", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text("Say why: colleagues see it.")
    page.keyboard.press("Space")  # while something is asked, keys are not commands
    dialog.get_by_role("button", name="Break").click()
    dialog.get_by_role("button", name="Pause", exact=True).click()
    green(page, "Back: end the pause")
    expect(dialog).to_be_hidden()
    page.keyboard.press("Space")
    green(page, "Call next: Ann")

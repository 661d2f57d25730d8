"""Every screen of the running demo clinic at its real size, into `var/screenshots`.

Those that README shows are also kept, small, in `docs/pictures`.
"""

import base64
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests import binaries
from tests.browser.conftest import FLAGS
from tests.browser.house import People, demo_house, enter
from tests.browser.screens import SCREENS
from tests.databases import migrated
from tests.served import ROOT

OUT = ROOT / "var" / "screenshots"
KEPT = ROOT / "docs" / "pictures"
DAYS = 28
# README's, by the width they are kept at.
SHOWN = {
    "kiosk-start": 540, "kiosk-ticket": 540, "phone-book": 390, "phone-follow": 390,
    "phone-called": 390, "desk": 1200, "room-called": 1024, "lobby": 1200, "board": 1200,
}  # fmt: skip
_SHRINK = """async ([png, width]) => {
  const image = await createImageBitmap(await (await fetch(png)).blob());
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = Math.round((image.height * width) / image.width);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", 0.86);
}"""


class Camera:
    """Takes pictures of pages, each person in a browser context of their own."""

    def __init__(self, browser: Browser, people: People) -> None:
        self._browser, self._people = browser, people
        self._darkroom = browser.new_page()

    def come(self, screen: str, who: str) -> Page:
        """A page opened by the link or the login of `who`."""
        context = self._browser.new_context(**SCREENS[screen], locale="en-GB")
        context.set_default_timeout(30_000)
        page = context.new_page()
        enter(page, self._people[who])
        return page

    def take(self, page: Page, name: str) -> None:
        """A picture of what the screen shows, once it is live and still."""
        if page.locator("[data-channels]").count():
            page.wait_for_selector('body[data-live="yes"]')
        page.wait_for_timeout(400)
        png = page.screenshot(path=OUT / f"{name}.png")
        print(OUT / f"{name}.png", file=sys.stderr)
        if width := SHOWN.get(name):
            address = "data:image/png;base64," + base64.b64encode(png).decode()
            kept: str = self._darkroom.evaluate(_SHRINK, [address, width])
            (KEPT / f"{name}.webp").write_bytes(base64.b64decode(kept.partition(",")[2]))


def lobby(camera: Camera) -> None:
    """The television."""
    camera.take(camera.come("lobby", "Lobby"), "lobby")


def board(camera: Camera) -> None:
    """The day against its targets, and how it has gone."""
    page = camera.come("desk", "Board")
    camera.take(page, "board")
    page.get_by_role("link", name="Trend").click()
    page.wait_for_url("**/trend")
    camera.take(page, "board-trend")


def desk(camera: Camera) -> None:
    """The list, and a row opened."""
    page = camera.come("desk", "Desk")
    camera.take(page, "desk")
    page.locator("table.list tbody tr[data-entry]").nth(3).locator("a, button").last.click()
    page.wait_for_selector(".detail")
    camera.take(page, "desk-row-open")


def room(camera: Camera) -> None:
    """A room as it stands, and one with somebody called to it."""
    camera.take(camera.come("room", "Room 1"), "room")
    camera.take(camera.come("room", "Room 3"), "room-3")


def kiosk(camera: Camera) -> None:
    """From the start to the ticket."""
    page = camera.come("kiosk", "Kiosk")
    camera.take(page, "kiosk-start")
    page.get_by_role("link", name="I have an appointment").click()
    page.get_by_role("button", name="No, none of these").wait_for()
    camera.take(page, "kiosk-danger")
    page.get_by_role("button", name="No, none of these").click()
    page.get_by_label("type your name").fill("Somebody Else")
    camera.take(page, "kiosk-name")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Day").fill("1")
    page.get_by_label("Month").fill("2")
    page.get_by_label("Year").fill("1960")
    camera.take(page, "kiosk-born")
    page.get_by_role("button", name="I am here").click()
    page.get_by_role("heading", name="We did not find you").wait_for()
    camera.take(page, "kiosk-not-found")
    page.get_by_role("link", name="Stop").click()
    page.get_by_role("link", name="I don’t have an appointment").click()
    page.get_by_role("button", name="No, none of these").click()
    for step, choice in enumerate(("Doctor", "A new problem"), start=1):
        page.locator(".choice", has_text=choice).wait_for()
        camera.take(page, f"kiosk-step-{step}")
        page.locator(".choice", has_text=choice).click()
    page.get_by_label("What may we call you?").fill("Rosa")
    camera.take(page, "kiosk-step-3")
    page.get_by_role("button", name="Get my ticket").click()
    page.get_by_role("heading", name="You are in the queue").wait_for()
    camera.take(page, "kiosk-ticket")
    page.get_by_role("button", name="How to call me").click()
    for words in ("On my phone", "I hear badly", "Українська"):
        page.get_by_label(words).check(force=True)
    camera.take(page, "kiosk-wishes")


def free_room(camera: Camera) -> Page:
    """The tablet of a nurse with nobody in the room, and nobody on the way there."""
    for name in ("Room 3", "Room 4"):
        page = camera.come("room", name)
        page.wait_for_selector('body[data-live="yes"]')
        if page.get_by_role("button", name="Finish only").count():
            page.get_by_role("button", name="Finish only").click()
            page.locator(".empty").wait_for()
        if page.get_by_text("Call someone else").count():
            return page
    raise LookupError("both nurses have somebody on the way")


def phone(camera: Camera) -> None:
    """Joining, following, and being called."""
    page = camera.come("phone", "Phone")
    camera.take(page, "phone-join")
    page.locator("summary", has_text="Blood test").click()
    page.get_by_label("Something else").locator("visible=true").check(force=True)
    page.locator("label", has=page.locator("#at-here")).tap()
    page.get_by_role("button", name="Join the queue").click()
    page.wait_for_url("**/phone/ticket")
    camera.take(page, "phone-follow")
    ticket = page.locator(".ticket .code").first.inner_text()
    nurse = free_room(camera)
    nurse.get_by_text("Call someone else").click()
    nurse.get_by_role("button", name=f"Call {ticket}").click()
    nurse.get_by_role("button", name=f"Call {ticket} now").click()
    page.get_by_role("alert", name="It’s your turn").wait_for()
    camera.take(page, "phone-called")
    camera.take(nurse, "room-called")


def book(camera: Camera) -> None:
    """Choosing a time."""
    page = camera.come("phone", "Phone")
    page.goto(page.url.replace("/phone/", "/book/"))
    camera.take(page, "phone-book")


def admin(camera: Camera) -> None:
    """The first steps, and a service."""
    page = camera.come("desk", "Admin")
    camera.take(page, "admin")
    page.get_by_role("link", name="Services").first.click()
    page.wait_for_url("**/services**")
    camera.take(page, "admin-services")


VIEWS: tuple[Callable[[Camera], None], ...] = (
    lobby, board, desk, room, book, kiosk, phone, admin,
)  # fmt: skip


def main() -> None:
    """Take all pictures, or those named on the command line."""
    OUT.mkdir(parents=True, exist_ok=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    wanted = set(sys.argv[1:]) or {view.__name__ for view in VIEWS}
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        url = f"sqlite:///{name}/demo.db"
        migrated(url)
        browser = playwright.chromium.launch(executable_path=binaries.find("chromium"), args=flags)
        with demo_house(url, Path(name), DAYS) as (_served, people):
            camera = Camera(browser, people)
            for view in VIEWS:
                if view.__name__ in wanted:
                    view(camera)
        browser.close()


if __name__ == "__main__":
    main()

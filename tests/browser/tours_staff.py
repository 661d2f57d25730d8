"""What staff see: desk, rooms, board, administration, their own login."""

import re

from playwright.sync_api import Page

from queueapp.db.models import QueueEntry, Room
from queueapp.domain.visit import EntryState
from tests.browser.tours import SITE, Tour, past, tap

ROW_VERBS = ("call", "move", "first", "transfer", "class", "out", "left", "wish")
IN_ROOM_VERBS = ("absent", "start")
SHIFT_VERBS = ("pause", "room", "hand-over", "late", "close")
ROOM_PANELS = ("others", "pause", "more", "late", "hand-over", "room", "keys", "open")
ABOUT_WHO_IS_IN = ("transfer", "aside", "history")
ADMIN_PAGES = (
    "", "/services", "/services/new", "/rooms", "/rooms/new", "/clinicians", "/clinicians/new",
    "/hours", "/settings", "/staff", "/staff/new", "/tokens", "/devices", "/record",
    "/pools", "/pools/new",
)  # fmt: skip
ADMIN_FORMS = (
    "/services/new", "/rooms/new", "/clinicians/new", "/hours", "/settings", "/staff/new",
    "/tokens", "/devices", "/pools/new",
)  # fmt: skip
SUMMARY = ".nhsuk-error-summary"
FORM = "main form[novalidate]"


@past("desk page book booking day find paper row sheet shifts")
def desk(tour: Tour) -> None:
    page = tour.come("desk", "Desk")
    tour.see(page, f"/desk/{SITE}")
    waits = tour.entry(QueueEntry.state == EntryState.WAITING)
    row = "/desk/entries/{}"
    tour.see(page, f"{row.format(waits.id)}?verb=details")
    page.goto(f"{tour.served.url}/desk/{SITE}")
    page.wait_for_selector('body[data-desk-ready="yes"]', state="attached")
    tap(page.locator("[data-keys-open]"))
    page.locator("#desk-keys").wait_for()
    tour.see(page, name="the desk's keys")
    inside = tour.entry(QueueEntry.state == EntryState.IN_SERVICE)
    called = tour.entry(QueueEntry.state == EntryState.CALLED)
    for path in (row.format(waits.id), row.format(inside.id), row.format(called.id)):
        tour.see(page, path)
    for verb in ROW_VERBS:
        tour.see(page, f"{row.format(waits.id)}?verb={verb}")
    tour.see(page, f"{row.format(waits.id)}?verb=note")
    for verb in IN_ROOM_VERBS:
        tour.see(page, f"{row.format(called.id)}?verb={verb}")
    tour.see(page, f"{row.format(inside.id)}?verb=finish")
    booked = tour.booking()
    for verb in ("", "?verb=check-in", "?verb=move"):
        tour.see(page, f"/desk/bookings/{booked.id}{verb}")
    for path in ("book", "day", "find", "find?q=o", "find?q=da", "find?q=nobody", "paper", "sheet"):
        tour.see(page, f"/desk/{SITE}/{path}")
    tour.see(page, f"/desk/{SITE}/shifts")
    shift = re.findall(r"shift=(\d+)", page.content())[0]
    for verb in SHIFT_VERBS:
        tour.see(page, f"/desk/{SITE}/shifts?shift={shift}&verb={verb}")
    for path, form in (("book", "form[data-book]"), ("paper", "form.body, .body form")):
        page.goto(f"{tour.served.url}/desk/{SITE}/{path}")
        page.locator(form).first.evaluate("(form) => form.submit()")
        page.locator(".err, .msg--refused").first.wait_for()
        tour.see(page, name=f"the desk's {path}, with mistakes")
    tour.see(page, f"/board/{SITE}", "refused: 403")
    page.goto(f"{tour.served.url}/desk/{SITE}")
    page.wait_for_selector('body[data-live="yes"]', state="attached")
    page.context.set_offline(True)
    page.wait_for_selector('body[data-live="no"]', state="attached", timeout=20_000)
    tour.eye.look(page, "the desk, not live")


@past("room page")
def room(tour: Tour) -> None:
    tour.see(tour.come("room", "Room 2"), name="a room")
    for name in ("Room 1", "Room 3"):
        page = tour.come("room", name)
        tour.see(page, name=f"{name} of the demo")
    number = re.findall(r"/room/(\d+)", page.url)[0]
    shift = page.locator("[data-part]").first.get_attribute("data-part")
    for panel in ROOM_PANELS:
        tour.see(page, f"/room/{number}?panel={panel}&shift={shift}")
    page.goto(f"{tour.served.url}/room/{number}?panel=others&shift={shift}")
    chosen = page.locator("#room-panel a[href*=call-one]")
    if chosen.count():
        tap(chosen)
        page.wait_for_selector("#room-panel form")
        tour.see(page, name="the room, a call out of turn")
    inside = tour.entry(QueueEntry.state == EntryState.IN_SERVICE)
    page = tour.come("room", tour.first(Room, Room.id == inside.room_id).name)
    for panel in ABOUT_WHO_IS_IN:
        tour.see(page, f"/room/{inside.room_id}?panel={panel}&entry={inside.id}", panel)


@past("lobby page", "board page trend", "auth home")
def boards(tour: Tour) -> None:
    lobby = tour.come("lobby", "Lobby")
    tour.see(lobby, name="the lobby")
    page = tour.come("desk", "Board")
    tour.see(page, f"/board/{SITE}")
    tour.see(page, f"/board/{SITE}/trend")
    tap(page.locator("[data-show-table]"))
    tour.see(page, name="the trend as a table")
    tour.see(page, f"/board/{SITE}/trend?over=12w", "the trend, with nobody in it")
    tour.see(page, f"/board/{SITE}")
    tap(page.locator("[data-show-table]"))
    tour.see(page, name="the board as tables")
    tour.see(page, "/", "where to?")


@past(
    "admin page new_service service new_room room new_clinician clinician hours settings "
    "new_login login tokens devices audit another_site new_pool pool",
    "admin choose_password",
)
def admin(tour: Tour) -> None:
    page = tour.come("desk", "Admin")
    tour.send_wrong(page, f"/admin/{SITE}/services/new", FORM, SUMMARY)
    tour.see(page, f"/admin/{SITE}/devices")
    for path in ADMIN_PAGES:
        tour.see(page, f"/admin/{SITE}{path}")
    for path in ("services", "rooms", "clinicians", "staff", "pools"):
        page.goto(f"{tour.served.url}/admin/{SITE}/{path}")
        tap(page.locator(".pick a.it"))
        tour.see(page, name=f"one of {path}")
    for path in ADMIN_FORMS:
        tour.send_wrong(page, f"/admin/{SITE}{path}", FORM, SUMMARY)
    tour.see(page, "/sites/new")
    tour.send_wrong(page, "/sites/new", FORM, SUMMARY)
    tour.send_wrong(page, f"/admin/{SITE}/hours", "#other-day", SUMMARY)
    page.goto(f"{tour.served.url}/admin/{SITE}/devices")
    page.locator("input[name=name]").fill("A screen more")
    tap(page.get_by_role("button", name="Make a code"))
    page.locator("[data-code]").wait_for()
    tour.see(page, name="a pairing code")
    page.goto(f"{tour.served.url}/admin/{SITE}/tokens")
    page.locator("input[name=name]").fill("Telephone")
    tap(page.get_by_role("button", name="Make a token"))
    page.locator("[data-copy-text]").wait_for()
    tour.see(page, name="a token")
    link = _new_login(tour, page)
    newcomer = tour.stranger("desk")
    tour.see(newcomer, link, "choose a password")
    newcomer.locator("#password").fill("short")
    newcomer.locator("#again").fill("other")
    tap(newcomer.get_by_role("button", name="Set my password"))
    newcomer.locator(SUMMARY).wait_for()
    tour.see(newcomer, name="choose a password, with mistakes")


@past("account page", "auth sign_in device", "admin pair")
def entrances(tour: Tour) -> None:
    page = tour.stranger("desk")
    tour.see(page, "/sign-in")
    tour.see(page, "/pair")
    for path in ("/nowhere", "/t/nothing", "/password/nothing"):
        tour.see(page, path)
    for path, fields in (("/sign-in", ("email", "password")), ("/pair", ("code",))):
        page.goto(tour.served.url + path)
        for name in fields:
            page.locator(f"[name={name}]").fill("wrong")
        page.locator("main .btn.pri").click()
        page.locator(f".msg, {SUMMARY}").first.wait_for()
        tour.see(page, name=f"{path}, wrong")
        page.locator("main .btn.pri").click()
    page.goto(f"{tour.served.url}/sign-in")
    page.locator("main .btn.pri").click()
    page.locator(".msg").first.wait_for()
    tour.see(page, name="/sign-in, empty")
    tour.see(page, tour.people["Lobby"]["address"].removeprefix(tour.served.url), "a screen's link")
    staff = tour.come("desk", "Dr Elena Ruiz")
    tour.see(staff, "/account")
    staff.locator("main .btn.pri").click()
    staff.locator(".msg").first.wait_for()
    tour.see(staff, name="/account, empty")


def _new_login(tour: Tour, page: Page) -> str:
    page.goto(f"{tour.served.url}/admin/{SITE}/staff/new")
    page.locator("#name").fill("Nils Berg")
    page.locator("#email").fill("nils@harbour.example")
    page.locator("input[name=roles]").first.check(force=True)
    page.get_by_role("button", name="Save").click()
    page.locator("[data-copy-text]").wait_for()
    tour.see(page, name="a link for a password")
    return page.locator("[data-copy-text]").inner_text().removeprefix(tour.served.url)

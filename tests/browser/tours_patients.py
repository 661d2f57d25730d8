"""What patients see: kiosk, phone, booking; each answer, each mistake."""

from datetime import date, timedelta

from playwright.sync_api import Page, expect

from queueapp.actions import calls, presence, service
from queueapp.actions.tickets import visit_token
from queueapp.db.models import Appointment, QueueEntry, Visit
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import EntryState
from tests.browser.tours import SITE, Tour, now, past, tap
from tests.web.web_world import SECRET

MOST_TRIES = 5
HOUR = timedelta(hours=1)
SENDS_ITSELF = "**/js/forms.js"


@past("kiosk page booked ticket")
def kiosk(tour: Tour) -> None:
    page = tour.come("kiosk", "Kiosk")
    tour.see(page, name="the kiosk's start")
    _without_booking(tour, page)
    _wishes(tour, page)
    _with_booking(tour, page)
    for form, name in (("form[action$='/help']", "help"), ("form[action$='/alarm']", "alarm")):
        _start(tour, page, "/ticket")
        tap(page.locator(f"#kiosk {form} button"))
        page.locator("#kiosk.told, body.told, .ask--big").first.wait_for()
        tour.see(page, name=f"the kiosk: {name}")


def _start(tour: Tour, page: Page, door: str) -> None:
    page.goto(f"{tour.served.url}/kiosk/{SITE}")
    tap(page.locator(f"a.door[href$='{door}']"))
    page.locator(".flags").wait_for()


def _without_booking(tour: Tour, page: Page) -> None:
    _start(tour, page, "/ticket")
    tour.see(page, name="the kiosk: in danger?")
    tap(page.locator("button[name=well]"))
    page.locator(".choice[name=service]").first.wait_for()
    tour.see(page, name="the kiosk: which service?")
    tap(page.locator(".choice[name=service]"))
    page.locator(".choice[name=reason]").first.wait_for()
    tour.see(page, name="the kiosk: which reason?")
    tap(page.locator(".choice[name=reason]"))
    page.locator("#name").wait_for()
    tour.see(page, name="the kiosk: what name?")
    tap(page.locator("[data-accented]"))
    tour.see(page, name="the kiosk: letters with accents")
    tap(page.locator("button[name=ask]"))
    page.locator(".choice[name=who]").first.wait_for()
    tour.see(page, name="the kiosk: whom?")
    tap(page.locator(".choice[name=who]").nth(1))
    page.locator(".choice[name=firm]").first.wait_for()
    tour.see(page, name="the kiosk: if somebody else is free?")
    tap(page.locator(".choice[name=firm]"))
    page.locator("#name").fill("Rosa")
    tap(page.locator(".btn--go"))
    page.locator(".ticket .code").wait_for()
    tour.see(page, name="the kiosk's ticket")


def _wishes(tour: Tour, page: Page) -> None:
    tap(page.locator("form.extra button"))
    page.locator(".wishes").wait_for()
    tour.see(page, name="the kiosk: how to call?")
    for value in ("text", "hearing", "ar"):
        page.locator(f".wishes input[value={value}]").check(force=True)
    tour.see(page, name="the kiosk: wishes chosen")
    tap(page.locator("button[name=tell]"))
    page.locator("#phone").wait_for()
    tour.see(page, name="the kiosk: phone number?")
    page.locator("#phone").fill("12")
    tap(page.locator("button[name=tell]"))
    page.locator(".msg--field").wait_for()
    tour.see(page, name="the kiosk: a wrong phone number")
    page.locator("#phone").fill("")
    tap(page.locator("button[name=tell]"))
    page.locator(".ticket .code").wait_for()
    tour.see(page, name="the kiosk: told")


def _seek(tour: Tour, page: Page, sought: str, born: date | None = None) -> None:
    """Through the door of those who are booked, up to an answer."""
    _start(tour, page, "/booked")
    tap(page.locator("button[name=well]"))
    page.locator("#sought").fill(sought)
    tap(page.locator(".btn--go"))
    if born:
        page.locator(".born").wait_for()
        for name in ("day", "month", "year"):
            page.locator(f"[name={name}]").fill(str(getattr(born, name)))
        tap(page.locator(".btn--go"))


def _with_booking(tour: Tour, page: Page) -> None:
    _start(tour, page, "/booked")
    tap(page.locator("button[name=well]"))
    page.locator("#sought").wait_for()
    tour.see(page, name="the kiosk: scan or type")
    tap(page.locator(".btn--go"))
    page.locator(".msg--field").wait_for()
    tour.see(page, name="the kiosk: nothing typed")
    page.locator("#sought").fill("Nobody Known")
    tap(page.locator(".btn--go"))
    page.locator(".born").wait_for()
    tour.see(page, name="the kiosk: born when?")
    page.locator("[name=day]").fill("41")
    tap(page.locator(".btn--go"))
    page.locator(".msg--field").first.wait_for()
    tour.see(page, name="the kiosk: no such day")
    later = tour.booking(Appointment.starts_at > now() + timedelta(days=2))
    _seek(tour, page, later.code)
    page.locator(".doors .door--main").wait_for()
    tour.see(page, name="the kiosk: another day")
    early = now() + timedelta(minutes=65)
    _seek(tour, page, tour.booking(Appointment.starts_at.between(early, early + 3 * HOUR)).code)
    page.locator(".doors .door--main").wait_for()
    tour.see(page, name="the kiosk: too early")
    soon = tour.booking(Appointment.starts_at < now() + timedelta(minutes=50))
    _seek(tour, page, soon.code)
    page.locator(".ticket .code").wait_for()
    tour.see(page, name="the kiosk: checked in")
    _seek(tour, page, soon.code)
    page.locator(".ticket .code").wait_for()
    tour.see(page, name="the kiosk: here already")
    _seek(tour, page, "Nobody Known", date(1960, 2, 1))
    page.locator(".doors .door--main").wait_for()
    tour.see(page, name="the kiosk: not found")
    for _ in range(MOST_TRIES):
        tap(page.locator("button[name=back][value=sought]"))
        page.locator("#sought").fill("QQ7777")
        with page.expect_response("**/booked"):
            tap(page.locator(".btn--go"))
        page.locator(".doors .door--main").wait_for()
        if not page.locator("button[name=back][value=sought]").count():
            break
    tour.see(page, name="the kiosk: no more tries")
    # A copy, as the page's own is closed again while there is time left.
    page.evaluate(
        "document.body.append(document.getElementById('still').cloneNode(true)),"
        " document.body.lastChild.showModal()"
    )
    tour.see(page, name="the kiosk: still there?")


@past("phone join ticket", "auth visit")
def phone(tour: Tour) -> None:
    page = tour.stranger("phone")
    join = f"/phone/{SITE}"
    page.goto(tour.served.url + join)
    tour.see(page, name="joining")
    page.locator("#join").evaluate("(form) => form.submit()")
    page.locator(".msg--sum").wait_for()
    tour.see(page, name="joining, with mistakes")
    page.goto(tour.served.url + join)
    tap(page.locator("details.for summary"))
    page.locator("details.for[open] input[name=what]").last.check(force=True)
    page.locator("#at-way").evaluate("(one) => one.click()")
    tour.see(page, name="joining, filled in")
    tap(page.locator("footer .btn--main"))
    page.wait_for_url("**/phone/ticket")
    tour.see(page, name="the phone: on the way")
    key = page.locator("main.follow").get_attribute("data-key")
    visit = tour.first(Visit, Visit.key == key)
    entry = tour.entry(QueueEntry.visit_id == visit.id)
    tap(page.locator("form[action$='/here'] button"))
    _stage(page, "waiting")
    tap(page.locator("details.fold summary"))
    tour.see(page, name="the phone: waiting")
    page.goto(tour.served.url + join)
    tour.see(page, name="joining again")
    page.goto(f"{tour.served.url}/phone/ticket")
    tap(page.locator("details.fold summary"))
    tap(page.locator("details[open] .thirds button"))
    _stage(page, "out")
    tour.see(page, name="the phone: stepped out")
    tap(page.locator("form[action$='/here'] button"))
    _stage(page, "waiting")
    tap(page.locator(".act--leave"))
    tour.see(page, name="the phone: leaving?")
    with tour.db.write() as session:
        presence.leave(session, SYSTEM, now(), entry_id=entry.id, why="changed_mind")
    _stage(page, "left")
    tour.see(page, name="the phone: left")
    plain = tour.stranger("phone")
    plain.route(SENDS_ITSELF, lambda route: route.abort())
    tour.see(plain, _link(tour, EntryState.WAITING)[1], "a ticket's link")
    _served(tour, tour.stranger("phone"))


def _stage(page: Page, stage: str) -> None:
    expect(page.locator("[data-stage]")).to_have_attribute("data-stage", stage, timeout=8_000)


def _link(tour: Tour, state: EntryState) -> tuple[QueueEntry, str]:
    """Somebody in that state, and the way to their ticket."""
    entry: QueueEntry = tour.entry(QueueEntry.state == state)
    visit = tour.first(Visit, Visit.id == entry.visit_id)
    return entry, f"/t/{visit_token(SECRET, visit.key, visit.nonce)}"


def _called(tour: Tour, page: Page) -> QueueEntry:
    called, link = _link(tour, EntryState.CALLED)
    page.goto(tour.served.url + link)
    _stage(page, "called")
    tour.see(page, name="the phone: called")
    return called


def _served(tour: Tour, page: Page) -> None:
    """Called to a room, in vain; in a room, and asked afterwards."""
    called = _called(tour, page)
    with tour.db.write() as session:
        calls.did_not_answer(session, SYSTEM, now(), entry_id=called.id)
    _stage(page, "missed")
    tour.see(page, name="the phone: missed")
    inside, link = _link(tour, EntryState.IN_SERVICE)
    page.goto(tour.served.url + link)
    _stage(page, "in_service")
    tour.see(page, name="the phone: in the room")
    with tour.db.write() as session:
        service.finish(session, SYSTEM, now(), entry_id=inside.id)
    _stage(page, "finished")
    tour.see(page, name="the phone: finished")
    tap(page.locator("button[name=sorted_out][value=no]"))
    page.locator("form.tell").wait_for()
    tour.see(page, name="the phone: what still needs doing?")
    page.locator("[name=wording]").fill("My results were not there")
    tap(page.locator("form.tell .send"))
    page.locator(".after .say, .after details.more").first.wait_for()
    tour.see(page, name="the phone: thanked for the words")


@past("phone book book_time details booking booking_link move_booking cancel_booking")
def booking(tour: Tour) -> None:
    page = tour.stranger("phone")
    page.goto(f"{tour.served.url}/book/{SITE}")
    tour.see(page, name="booking: what for?")
    tap(page.locator("a.act"))
    page.locator(".slot").first.wait_for()
    tour.see(page, name="booking: a time")
    tap(page.locator("nav.who .pick").nth(1))
    page.locator(".slot").first.wait_for()
    tour.see(page, name="booking: a time with one person")
    page.locator("#book").evaluate(
        "(form) => { form.querySelectorAll('[name=time]').forEach((one) => one.remove());"
        " form.submit(); }"
    )
    page.locator("#f-time").wait_for()
    tour.see(page, name="booking: no time chosen")
    tap(page.locator("footer .btn--main"))
    page.locator("#details").wait_for()
    tour.see(page, name="booking: who are you?")
    page.locator("#details").evaluate("(form) => form.submit()")
    page.locator(".msg--sum").wait_for()
    tour.see(page, name="booking: who are you, with mistakes")
    for name, words in (
        ("name", "Zoë Łukasz"), ("birth_date", "27 03 1985"), ("contact", "zoe@example.org"),
    ):  # fmt: skip
        page.locator(f"#details [name={name}]").fill(words)
    tap(page.locator("footer .btn--main"))
    page.wait_for_url("**/booking")
    tour.see(page, name="booked")
    link = page.locator("#link").input_value()
    tour.see(page, "/booking/move")
    page.locator(".slot").last.click()
    tap(page.locator("footer .btn--main"))
    page.locator(".msg--done").wait_for()
    tour.see(page, name="booked, moved")
    plain = tour.stranger("phone")
    plain.route(SENDS_ITSELF, lambda route: route.abort())
    tour.see(plain, link.removeprefix(tour.served.url), "a booking's link")
    tour.see(page, "/booking/cancel")
    tap(page.locator(".btn--leave"))
    page.locator(".bye").wait_for()
    tour.see(page, name="booking: cancelled")

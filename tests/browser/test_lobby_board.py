"""The lobby is heard once it was started; the board draws what its tables say, live."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from queueapp.actions import arrivals, calls
from queueapp.db.models import Patient
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM, Role
from tests import factories
from tests.browser.conftest import on_one_database
from tests.browser.entering import signed_in
from tests.browser.eye import Eye
from tests.browser.screens import FAST
from tests.served import Served
from tests.web.web_world import SECRET

# A browser with a local voice and a sound that needs a press; what is spoken is kept.
STAGE = """
const nothing = () => {};
window.spoken = []; window.played = 0;
window.AudioContext = class extends EventTarget {
  state = "suspended"; currentTime = 0; destination = {};
  async resume() { this.state = "running"; }
  createOscillator() {
    return { frequency: {}, connect: (to) => to, stop: nothing, start() { window.played += 1; } };
  }
  createGain() {
    const gain = { setValueAtTime: nothing, linearRampToValueAtTime: nothing,
                   exponentialRampToValueAtTime: nothing };
    return { gain, connect: (to) => to };
  }
};
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
Object.defineProperty(window, "speechSynthesis", { value: {
  getVoices: () => window.VOICES, speak: (said) => window.spoken.push(said.text) } });
"""
DRAWN = """() => {
  const chart = Chart.getChart(document.querySelector('[data-chart="arrivals"]'));
  return chart.data.datasets.map((set) => set.data.reduce((sum, point) => sum + point.y, 0));
}"""
VOICE = 'window.VOICES = [{ lang: "en-GB", localService: true }];'
FAR_VOICE = 'window.VOICES = [{ lang: "en-GB", localService: false }];'


def opened(page: Page, served: Served, email: str, path: str) -> Page:
    signed_in(page, served, email).goto(f"{served.url}{path}")
    expect(page.locator("body")).to_have_attribute("data-live", "yes")
    return page


def becomes(page: Page, what: str) -> None:
    """Wait for what a script says, evaluated from outside: the page itself may not."""
    for _ in range(100):
        if page.evaluate(what):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never became: {what}")


@on_one_database
def test_a_television_with_a_wrong_clock_tells_the_clinics_time(
    served: Served, slug: str, person: Callable[..., Page]
) -> None:
    database = Database(served.database_url, secret=SECRET)
    now = datetime.now(UTC)
    with database.write() as s:
        site = factories.make_site(s, slug, settings=factories.turning_far_off(now))
        gp = factories.make_service(s, site, "GP", slug="gp")
        arrivals.take_ticket(
            s, SYSTEM, now - timedelta(minutes=9), site_id=site.id, service_id=gp.id
        )
        email = factories.make_staff(s, site, Role.MANAGER).email
        zone = ZoneInfo(site.timezone)
    page = person("lobby")
    page.add_init_script(FAST)
    opened(page, served, email, f"/lobby/{slug}")
    expect(page.locator(".herenow time")).to_have_text(re.compile("^(9|10)$"))
    right = [f"{datetime.now(zone) + timedelta(minutes=n):%H:%M}" for n in (0, 1)]
    expect(page.locator("[data-clock]")).to_have_text(re.compile("|".join(right)))
    database.dispose()


@on_one_database
def test_calls_are_chimed_and_spoken_after_the_start_and_the_board_follows(
    served: Served, slug: str, person: Callable[..., Page], eye: Eye
) -> None:
    database = Database(served.database_url, secret=SECRET)
    now = datetime.now(UTC)
    with database.write() as s:
        site = factories.make_site(s, slug, settings=factories.turning_far_off(now))
        gp = factories.make_service(s, site, "GP", slug="gp")
        rooms = [factories.make_room(s, site, f"Room {n}", places=9) for n in (1, 2)]
        for room in rooms:
            factories.make_shift(s, site, factories.make_clinician(s, [gp]), room, now=now)
        people = [factories.make_patient(s, "Rosa Lind", name_on_lobby=n == 1) for n in range(3)]
        entries = [
            arrivals.take_ticket(
                s,
                SYSTEM,
                now - timedelta(minutes=9 - n),
                site_id=site.id,
                service_id=gp.id,
                patient_id=patient.id,
            )
            for n, patient in enumerate(people)
        ]
        email = factories.make_staff(s, site, Role.MANAGER).email
        codes = [entry.visit.ticket for entry in entries]

    pages = []
    for voice in (VOICE, FAR_VOICE):
        page = person("lobby")
        page.add_init_script(voice + STAGE)
        pages.append(opened(page, served, email, f"/lobby/{slug}"))
    talking, mute = pages
    board = opened(person("desk"), served, email, f"/board/{slug}")
    expect(board.locator(".board__lede")).to_contain_text("Too early to say")

    def call(room: int) -> None:
        with database.write() as s:
            calls.call_next(s, SYSTEM, datetime.now(UTC), room_id=rooms[room].id)

    def spelled(code: str) -> str:
        return f"{code[0]}, {' '.join(code[1:])}"

    call(0)
    expect(mute.locator(".now .code").first).to_have_text(codes[0])
    eye.look(mute, "the lobby")
    for page in pages:
        expect(page.locator(".now .code").first).to_have_text(codes[0])
        assert page.evaluate("[played, spoken.length]") == [0, 0]
        page.get_by_role("button", name="Start display").click()
        expect(page.get_by_role("button", name="Start display")).to_be_hidden()
        becomes(page, "played === 2")
    call(1)
    expect(talking.locator(".now__name")).to_have_text("Rosa Lind")
    becomes(talking, "spoken.length === 1")
    assert talking.evaluate("spoken") == [
        f"Rosa Lind, ticket {spelled(codes[1])}. Please go to room 2."
    ]
    becomes(mute, "played === 4")
    expect(mute.locator("body")).to_have_attribute("data-voice", "no")
    assert mute.evaluate("spoken") == []

    talking.get_by_role("button", name="light and dark").click()
    talking.reload()
    expect(talking.locator("html")).to_have_attribute("data-theme", "light")

    expect(board.get_by_role("row", name="GP Walk-in").first).to_contain_text("2 of 2")
    assert board.evaluate(DRAWN) == [0, 3, 0]
    with database.write() as s:
        before = s.query(Patient).count()
        arrivals.take_ticket(s, SYSTEM, datetime.now(UTC), site_id=site.id, service_id=gp.id)
        assert s.query(Patient).count() == before
    becomes(board, f"({DRAWN})()[1] === 4")
    eye.look(board, "the board")
    board.get_by_role("button", name="Show as a table").click()
    expect(board.get_by_role("table", name="Waits and arrivals by hour")).to_be_visible()
    board.goto(f"{served.url}/board/{slug}/trend")
    expect(board.locator(".lede")).to_have_text("Nobody came in this time.")
    eye.look(board, "the trend")
    database.dispose()

"""The main job in one piece: from the door to the room, five people at five screens of the demo."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from queueapp.actions import bookings
from queueapp.actions.bookings import Place
from queueapp.db.models import Clinician, ClinicianService, QueueEntry, Service, Site
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM
from tests.browser.conftest import on_one_database
from tests.factories import make_patient
from tests.served import Served

Person = Callable[..., Page]
SETTLED_MS = 900  # a changed primary button refuses a tap that was meant for the last one


@pytest.fixture
def ways(served: Served) -> dict[str, dict[str, str]]:
    """How each gets into the demo clinic without history, every clinician in a room."""
    told = json.loads(served.told("demo", "--empty", "--json", "-"))
    return {way["person"]: way for way in told["ways"]}


def book_wanda(url: str) -> str:
    """Wanda has a time with Dr Ruiz in three minutes; her booking's code."""
    database = Database(url, secret="tests" * 8)
    now = datetime.now(UTC)
    with database.write() as session:
        site = session.scalars(sa.select(Site).where(Site.slug == "demo")).one()
        service = next(s for s in site.services if s.plain_name == "Doctor")
        gives = Clinician.id.in_(
            sa.select(ClinicianService.clinician_id).where(
                ClinicianService.service_id == service.id
            )
        )
        ruiz = sa.select(Clinician).where(gives, Clinician.name.like("%Ruiz"))
        doctor = session.scalars(ruiz).one()
        wanda = make_patient(session, "Wanda Kowalska", birth_date=date(1961, 4, 5))
        starts = now.replace(second=0, microsecond=0) + timedelta(minutes=3)
        booking = bookings.book(
            session,
            SYSTEM,
            now,
            site_id=site.id,
            service_id=service.id,
            place=Place(starts, clinician_id=doctor.id),
            patient_id=wanda.id,
        )
        code = booking.code
    database.dispose()
    return code


def start(page: Page, way: dict[str, str]) -> Page:
    """Open a screen's link and press its one button."""
    page.goto(way["address"])
    page.get_by_role("button", name="Start this screen").click()
    expect(page.locator("[data-live-words]").first).to_contain_text("updated")
    return page


def sign_in(page: Page, way: dict[str, str]) -> Page:
    page.goto(way["address"])
    page.get_by_label("E-mail").fill(way["login"])
    page.get_by_label("Password").fill(way["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("[data-live-words]").first).to_contain_text("updated")
    return page


def press(room: Page, words: str) -> None:
    """Press the room's one green button once it says so."""
    expect(room.locator("[data-primary]")).to_contain_text(words, use_inner_text=True)
    room.wait_for_timeout(SETTLED_MS)
    room.locator("[data-primary]").click()


@on_one_database
def test_from_the_door_to_the_room(
    served: Served, ways: dict[str, dict[str, str]], person: Person
) -> None:
    code = book_wanda(served.database_url)
    lobby, desk = start(person("lobby"), ways["Lobby"]), sign_in(person("desk"), ways["Desk"])
    room = start(person("room"), ways["Room 1"])
    expect(desk.locator(".rail")).to_contain_text("Wanda Kowalska")

    kiosk = person("kiosk")
    kiosk.goto(ways["Kiosk"]["address"])
    kiosk.get_by_role("button", name="Start this screen").click()
    kiosk.get_by_role("link", name="I have an appointment").click()
    kiosk.get_by_role("button", name="No, none of these").click()
    kiosk.get_by_label("type your name").fill(code)
    kiosk.get_by_role("button", name="Go on").click()
    expect(kiosk.get_by_role("heading", name="You are in the queue")).to_be_visible()
    wanda = kiosk.locator(".ticket .code").first.inner_text()

    phone = person("phone")
    phone.goto(ways["Phone"]["address"])
    phone.locator("summary", has_text="Doctor").click()
    phone.get_by_label("Something else").locator("visible=true").check(force=True)
    phone.get_by_label("I’m here").check(force=True)
    phone.get_by_role("button", name="Join the queue").click()
    phone.wait_for_url("**/phone/ticket")
    guest = phone.locator(".ticket .code").first.inner_text()
    expect(phone.locator(".ticket .range").first).to_contain_text("–")

    # The desk sees both, in calling order and with the reason; nobody asked it to look.
    expect(desk.locator("tr.line .tk")).to_have_text([wanda, guest])
    expect(desk.locator("tr.line").first).to_contain_text("Wanda Kowalska")
    expect(desk.locator("tr.line").first).to_contain_text("so due by")

    press(room, f"Call next: Wanda, {wanda}")
    expect(lobby.locator(".now .code").first).to_have_text(wanda)
    press(room, "Wanda is here: start")
    press(room, "Call next")
    expect(lobby.locator(".now .code")).to_have_text([guest, "1"])
    expect(phone.get_by_role("alert", name="It’s your turn")).to_contain_text("Go to room")
    expect(desk.locator("tr.line")).to_have_count(1)
    press(room, "is here: start")
    expect(desk.locator("tr.line")).to_have_count(0)
    room.get_by_text("Resolved", exact=True).click()
    room.wait_for_timeout(SETTLED_MS)
    room.get_by_role("button", name="Finish only").click()
    expect(phone.locator("[data-stage]")).to_have_attribute("data-stage", "finished")

    database = Database(served.database_url)
    with database.read() as session:
        ended = session.execute(
            sa.select(QueueEntry.state, Service.plain_name)
            .join(Service, Service.id == QueueEntry.service_id)
            .join(Site, Site.id == QueueEntry.site_id)
            .where(Site.slug == "demo")
            .order_by(QueueEntry.id)
        ).all()
    database.dispose()
    assert [tuple(row) for row in ended] == [("finished", "Doctor"), ("finished", "Doctor")]
    for page in (lobby, phone):
        assert "Wanda" not in page.content()
        assert "Kowalska" not in page.content()

"""In Arabic from the first touch: mirrored, followed on the phone, and gone with the person."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from queueapp.actions import calls
from queueapp.actions.tickets import visit_token
from queueapp.db.models import Patient
from queueapp.domain.actor import SYSTEM
from tests.browser.conftest import on_one_database
from tests.browser.entering import remember
from tests.browser.test_kiosk_phone import SAME_WORDS
from tests.served import Served
from tests.web.patient_world import PatientWorld, world_on
from tests.web.web_world import SECRET

ARABIC = re.compile(r"[\u0600-\u06ff]+")
# Whether the first of two stands nearer to the right edge.
IS_MIRRORED = "door => door.querySelector('.i').getBoundingClientRect().x > innerWidth / 2"


@pytest.fixture
def clinic(served: Served, slug: str, tmp_path: Path) -> Iterator[PatientWorld]:
    world = world_on(served.database_url, tmp_path, slug)
    yield world
    world.db.dispose()


@on_one_database
def test_a_family_in_arabic_from_the_first_touch_to_the_call_and_nothing_is_left(
    person: Callable[..., Page], served: Served, clinic: PatientWorld
) -> None:
    kiosk = remember(person("kiosk"), served, clinic.device.credential)
    kiosk.goto(f"{served.url}/kiosk/{clinic.slug}")
    html = kiosk.locator("html")
    expect(html).to_have_attribute("lang", "en")
    kiosk.get_by_role("link", name="العربية").tap()
    expect(html).to_have_attribute("dir", "rtl")
    expect(kiosk.locator("[data-live-words]")).to_contain_text("متصل")
    assert kiosk.locator(".door--main").evaluate(IS_MIRRORED)
    kiosk.get_by_role("link", name="ليس لديّ موعد").tap()
    kiosk.get_by_role("button", name="لا، لا شيء منها").tap()
    kiosk.get_by_role("button", name="نحن عدة أشخاص").tap()
    kiosk.get_by_role("button", name="2", exact=True).tap()
    kiosk.locator(".choice", has_text="Doctor").tap()
    kiosk.locator(".choice", has_text="Results").tap()
    for key in "ALI":
        kiosk.locator(f'[data-key="{key}"]').tap()
    kiosk.get_by_role("button", name="الحصول على تذاكرنا").tap()
    expect(kiosk.get_by_role("heading", name="أنت في قائمة الانتظار")).to_be_visible()
    first, second = (entry.visit for entry in clinic.entries())
    expect(kiosk.locator(".ticket .code")).to_have_text(first.ticket)
    expect(kiosk.get_by_text(second.ticket, exact=True)).to_be_visible()

    phone = person("phone")
    phone.goto(f"{served.url}/t/{visit_token(SECRET, first.key, first.nonce)}")
    phone.wait_for_url("**/phone/ticket")
    expect(phone.locator("html")).to_have_attribute("dir", "rtl")
    expect(phone.locator(".place")).to_have_text("أنت التالي")
    expect(phone.locator("[data-live-words]")).to_contain_text("حُدّث")
    phone.wait_for_function(SAME_WORDS, polling=300)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with clinic.db.write() as session:
        calls.call_next(session, SYSTEM, datetime.now(UTC), room_id=clinic.rooms[1])
    expect(phone.get_by_role("alert", name="حان دورك")).to_contain_text("اذهب إلى الغرفة")
    expect(phone.get_by_role("alert", name="استُدعي شخص معك")).to_contain_text(second.ticket)
    # Who speaks French after all, and tells the desk, is called again in French.
    assert first.patient_id
    clinic.change(Patient, first.patient_id, language="fr")
    with clinic.db.write() as session:
        calls.recall(session, SYSTEM, datetime.now(UTC), entry_id=clinic.entries()[0].id)
    expect(phone.locator("html")).to_have_attribute("lang", "fr")
    expect(phone.get_by_role("alert", name="C’est votre tour")).to_contain_text(first.ticket)

    kiosk.get_by_role("link", name="تم").tap()
    expect(html).to_have_attribute("lang", "en")
    expect(kiosk.get_by_text("Touch one of the two big boxes")).to_be_visible()
    left = kiosk.evaluate("document.documentElement.outerHTML + JSON.stringify({...localStorage})")
    assert ARABIC.findall(left) == ["العربية"]
    # A start page that was left in Arabic turns back by itself.
    kiosk.get_by_role("link", name="العربية").tap()
    expect(html).to_have_attribute("lang", "ar")
    kiosk.evaluate("document.getElementById('kiosk').dataset.idle = '-14.5'")
    expect(html).to_have_attribute("lang", "en")

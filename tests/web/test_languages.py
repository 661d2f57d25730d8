"""Kiosk and phone in the person's language, and nothing of it left for the next person."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.test import TestResponse

from queueapp.actions import calls
from queueapp.db.models import Patient, Promise, Site
from queueapp.domain.actor import SYSTEM
from queueapp.domain.languages import OFFERED
from queueapp.realtime.content import kiosk as kiosk_content
from queueapp.realtime.content import visit as visit_content
from tests import factories
from tests.web.kiosk_words import close, heading, hidden
from tests.web.patient_world import PatientWorld
from tests.web.web_world import SECRET

START = "/kiosk/harbour"
# A sentence of two words or more in Latin letters, where no clinic or person has typed it.
ENGLISH = re.compile(r">[^<>]*\b[a-z]{2,} [a-z]{2,}\b[^<>]*<")


def opening(answer: TestResponse) -> str:
    found = re.search(r"<html[^>]*>", answer.text)
    assert found
    return found[0]


def arabic_only(answer: TestResponse) -> str:
    """The page, once it was seen to be Arabic from right to left throughout."""
    assert opening(answer) == '<html lang="ar" dir="rtl">', answer.text
    body = answer.text.partition('<div id="kiosk"')[2] or answer.text.partition("<main")[2]
    left = [hit for hit in ENGLISH.findall(body) if "A new problem" not in hit]
    assert left == []
    return answer.text


def link(answer: TestResponse, words: str) -> str:
    """The address that a link or a form around these words leads to."""
    before = answer.text.partition(words)[0]
    return re.findall(r'(?:href|action)="(/[^"]*)"', before)[-1].replace("&amp;", "&")


@pytest.mark.both_databases
def test_check_in_in_arabic_from_the_start_to_the_phone(world: PatientWorld) -> None:
    world.booking(code="AB12")
    kiosk = world.kiosk()
    start = kiosk.get(START)
    assert opening(start) == '<html lang="en">'
    page = kiosk.get(link(start, "العربية"))
    assert "صباح الخير" in page.text or "طاب يومك" in page.text or "مساء الخير" in page.text
    arabic_only(page)
    page = kiosk.get(link(page, "لديّ موعد"))
    assert heading(page) == "هل تعاني من أيّ من هذه الآن؟"
    arabic_only(page)
    page = kiosk.post(link(page, "لا، لا شيء منها"), data={"well": "no"})
    assert heading(page) == "امسح رمزك"
    where, kept = link(page, "متابعة"), {"well": "no", "person": hidden(page, "person")}
    page = kiosk.post(where, data={**kept, "sought": ""})
    assert page.status_code == 422
    assert "امسح رمزك، أو اكتب اسمك أو رمزك." in arabic_only(page)
    page = kiosk.post(where, data={**kept, "sought": "NOPE9"})
    assert heading(page) == "لم نعثر عليك"
    arabic_only(page)
    page = kiosk.post(where, data={**kept, "sought": "AB12"})
    assert heading(page) == "أنت في قائمة الانتظار"
    visit = world.entries()[0].visit
    assert f">{visit.ticket}</p>" in arabic_only(page)
    assert visit.patient
    assert visit.patient.language == "ar"

    phone = world.phone()
    token = factories.token_of(visit, SECRET)
    assert "متابعة تذكرتي" in arabic_only(phone.get(f"/t/{token}"))
    phone.post(f"/t/{token}")
    text = arabic_only(phone.get("/phone/ticket"))
    assert "أنت التالي" in text
    assert "&#34;Not live&#34;: &#34;غير متصل&#34;" in text
    refused = phone.post(
        "/phone/ticket/step-out", data={"minutes": "7"}, headers={"Accept": "application/json"}
    )
    assert refused.get_json(force=True)["detail"] == "اختر 10 أو 20 أو 30 دقيقة."


def test_nothing_of_the_language_is_left_for_the_next_person(world: PatientWorld) -> None:
    kiosk = world.kiosk()
    page = kiosk.get(link(kiosk.get(START), "العربية"))
    page = kiosk.get(link(page, "ليس لديّ موعد"))
    assert opening(page) == '<html lang="ar" dir="rtl">'
    home = re.search(r'data-home="([^"]*)"', page.text)
    assert home
    assert home[1] == START
    # Whoever touches nothing on the start page in Arabic leaves it in Arabic for a minute alone.
    assert 'data-idle="60"' in kiosk.get(f"{START}?lang=ar").text
    assert "data-idle" not in kiosk.get(START).text
    with kiosk.session_transaction() as session:
        assert "ar" not in repr(dict(session)).lower().split("'")
    assert opening(kiosk.get(home[1])) == '<html lang="en">'
    assert opening(kiosk.get(f"{START}/ticket")) == '<html lang="en">'
    assert opening(kiosk.get(f"{START}?lang=xx")) == '<html lang="en">'


@pytest.mark.parametrize("code", [code for code in OFFERED if code != "en"])
def test_a_clinic_whose_own_language_it_is_starts_and_ends_in_it(
    world: PatientWorld, code: str
) -> None:
    world.change(Site, world.site_id, settings={"language": code})
    kiosk = world.kiosk()
    start = kiosk.get(START)
    assert f'lang="{code}"' in opening(start)
    assert "data-idle" not in start.text
    assert "I have an appointment" not in start.text
    answers = {"well": "no", "service": world.doctor_id, "reason": "other", "name": "Rosa"}
    page = kiosk.post(f"{START}/ticket", data=answers)
    assert "You are in the queue" not in page.text
    patient = world.entries()[0].visit.patient
    assert patient
    assert patient.language == code
    english = kiosk.get(f"{START}?lang=en")
    assert "I have an appointment" in english.text
    assert "data-idle" in english.text


def test_times_and_plurals_are_said_as_the_language_says_them(world: PatientWorld) -> None:
    kiosk = world.kiosk()
    answers = {"well": "no", "service": world.doctor_id, "reason": "other", "name": "Rosa"}
    for _ in range(3):
        kiosk.post(f"{START}/ticket?lang=uk", data=answers)
    first, _second, third = world.entries()
    for entry, words in ((first, "Ви наступні"), (third, "<b>2 людини</b> перед вами")):
        phone = world.phone()
        phone.post(f"/t/{factories.token_of(entry.visit, SECRET)}")
        assert words in phone.get("/phone/ticket").text
    now = datetime.now(UTC)
    with world.db.write() as s:
        s.add(
            Promise(
                entry_id=third.id, number=2, told_at=now,
                low_at=now, high_at=now + timedelta(hours=9),
                basis="forecast", reason="3 urgent patients came in.",
            )
        )  # fmt: skip
        calls.call_next(s, SYSTEM, now, room_id=world.rooms[0])
    text = phone.get("/phone/ticket").text
    assert "Надійшли 3 термінові пацієнти." in text
    assert "urgent patients" not in text


def test_live_words_are_in_the_language_of_each(world: PatientWorld) -> None:
    kiosk = world.kiosk()
    answers = {"well": "no", "service": world.doctor_id, "reason": "other", "name": "Rosa"}
    kiosk.post(f"{START}/ticket?lang=fr", data=answers)
    entry = world.entries()[0]
    with world.app.test_request_context(), world.db.read() as s:
        site, now = s.get_one(Site, world.site_id), datetime.now(UTC)
        start = kiosk_content.kiosk(s, site, now, None)
        mine = visit_content.visit(s, site, now, entry.visit_id)
        assert "Wait right now" in start["html"]
        assert "Attente" in start["languages"]["fr"]
        assert set(start["languages"]) == set(OFFERED) - {"en"}
        assert "Votre ticket" in mine["html"]
        s.get_one(Patient, entry.visit.patient_id)


def test_a_closed_clinic_says_when_it_opens(world: PatientWorld) -> None:
    close(world)
    text = world.kiosk().get(f"{START}?lang=es").text
    assert re.search(
        r"Ahora estamos cerrados\. Volvemos a abrir: (lunes|martes|miércoles|jueves|viernes|sábado"
        r"|domingo), 8:00",
        text,
    )

"""The kiosk: every step, every bad answer, and that nothing of a person is left."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from queueapp.actions.tickets import token_hash
from queueapp.db.models import Appointment, DeskItem, OpeningHour, Patient, Service
from queueapp.domain.visit import AppointmentState, EntryClass, PreferenceKind, Presence
from queueapp.web.kiosk import given
from tests.web.patient_world import PUBLIC_URL, PatientWorld, world_on

BORN = {"day": "27", "month": "3", "year": "1958"}


@pytest.fixture
def world(fresh_database: str, tmp_path: Path) -> Iterator[PatientWorld]:
    world = world_on(fresh_database, tmp_path)
    yield world
    world.db.dispose()


def heading(answer: TestResponse) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.S)
    assert found, answer.text
    return re.sub(r"<[^>]+>", "", found[1]).strip()


def ticket(world: PatientWorld, **answers: object) -> TestResponse:
    data = {"service": world.doctor_id, "reason": "other", "who": "anyone", "name": "", **answers}
    data = {name: value for name, value in data.items() if value is not None}
    return world.kiosk().post("/kiosk/harbour/ticket", data=data)


def by_name(world: PatientWorld, name: str, born: dict[str, str] = BORN) -> TestResponse:
    return world.kiosk().post("/kiosk/harbour/booked/name", data={"name": name, **born})


def by_code(world: PatientWorld, code: str, **more: str) -> TestResponse:
    return world.kiosk().post("/kiosk/harbour/booked/code", data={"code": code, **more})


def test_the_start_has_two_doors_and_the_wait_of_each_service(world: PatientWorld) -> None:
    text = world.kiosk().get("/kiosk/harbour").text
    assert "I have an appointment" in text
    assert "I don’t have an appointment" in text
    assert re.search(r"<dt>Doctor</dt><dd class=\"range\"><bdi>\d+–\d+</bdi>", text)
    assert "<dt>Blood test</dt>" in text


def test_questions_come_one_by_one_and_end_with_a_ticket(world: PatientWorld) -> None:
    kiosk, path = world.kiosk(), "/kiosk/harbour/ticket"
    answers: dict[str, object] = {}
    assert heading(kiosk.get(path)) == "What do you need today?"
    for name, value, then in [
        ("service", world.doctor_id, "What is it about?"),
        ("reason", world.reason_ids[0], "Who would you like to see?"),
        ("who", world.doctors[0], "If somebody else is free first?"),
        ("firm", "only", "What may we call you?"),
        ("name", "Rosa", "You are in the queue"),
    ]:
        before = len(world.entries())
        answers[name] = value
        answer = kiosk.post(path, data=answers)
        assert (answer.status_code, heading(answer)) == (200, then)
        assert len(world.entries()) == before + (name == "name")
    entry = world.entries()[0]
    assert entry.reason_id == world.reason_ids[0]
    assert (entry.preference, entry.wished_clinician_id) == (PreferenceKind.ONLY, world.doctors[0])
    assert entry.visit.presence is Presence.HERE
    assert entry.visit.patient
    assert entry.visit.patient.chosen_name == "Rosa"


def test_the_ticket_shows_code_link_range_and_clock(world: PatientWorld) -> None:
    text = ticket(world).text
    entry = world.entries()[0]
    promise = entry.promises[0]
    assert promise.low_at
    assert promise.high_at
    ends = (promise.low_at, promise.high_at)
    low, high = ((at - promise.told_at).total_seconds() / 60 for at in ends)
    assert f">{entry.visit.ticket}</p>" in text
    assert f"<bdi>{low:.0f}–{high:.0f}</bdi>" in text
    london = [f"{at.astimezone(ZoneInfo('Europe/London')):%H:%M}" for at in ends]
    assert re.findall(r'<b class="num">(\d\d:\d\d)</b>', text)[:2] == london
    assert 'class="qr"' in text
    assert "Rosa" not in text


def test_the_qr_code_holds_the_link_of_the_visit(
    world: PatientWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = given.segno.make
    monkeypatch.setattr(given.segno, "make", lambda link, **o: made.append(link) or real(link, **o))
    ticket(world)
    prefix, _, token = made[0].partition("/t/")
    assert prefix == PUBLIC_URL
    assert token_hash(token) == world.entries()[0].visit.token_hash
    assert world.phone().get(f"/t/{token}").status_code == 200


def test_a_name_may_be_left_out(world: PatientWorld) -> None:
    assert heading(ticket(world)) == "You are in the queue"
    assert world.entries()[0].visit.patient_id is None
    assert world.patients() == []


def test_one_doctor_alone_is_not_asked_for(world: PatientWorld) -> None:
    answer = world.kiosk().post("/kiosk/harbour/ticket", data={"service": world.blood_id})
    assert heading(answer) == "What may we call you?"


def test_back_asks_the_question_before_again(world: PatientWorld) -> None:
    data = {"service": world.doctor_id, "reason": "other", "back": "reason"}
    assert heading(world.kiosk().post("/kiosk/harbour/ticket", data=data)) == "What is it about?"
    data = {"service": world.doctor_id, "back": "service"}
    answer = world.kiosk().post("/kiosk/harbour/ticket", data=data)
    assert heading(answer) == "What do you need today?"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"service": "x"}, "Choose what you came for."),
        ({"service": "999999"}, "Choose what you came for."),
        ({"reason": "999999"}, "Choose one of the reasons for Doctor."),
        ({"who": "somebody"}, "Choose anyone, or someone who sees people for Doctor today."),
        ({"who": "NURSE", "firm": "only"}, "someone who sees people for Doctor today."),
        ({"who": "DOCTOR", "firm": "perhaps"}, "Say whether someone else may see you."),
        ({"name": "x" * 61}, "Use at most 60 letters."),
    ],
)
def test_a_bad_answer_is_named_and_leaves_nothing(
    world: PatientWorld, wrong: dict[str, str], words: str
) -> None:
    ids = {"NURSE": str(world.nurse_id), "DOCTOR": str(world.doctors[0])}
    before = world.counts()
    answer = ticket(world, **{name: ids.get(value, value) for name, value in wrong.items()})
    assert answer.status_code == 422
    assert words in answer.text
    assert world.counts() == before


def test_a_double_tap_gives_one_ticket(world: PatientWorld) -> None:
    first = ticket(world, idempotency_key="tap", name="Rosa")
    again = ticket(world, idempotency_key="tap", name="Rosa")
    assert len(world.entries()) == 1
    code = f">{world.entries()[0].visit.ticket}</p>"
    assert code in first.text
    assert code in again.text


def _close(world: PatientWorld) -> None:
    with world.db.write() as s:
        # Open for a minute on another day: closed now.
        weekday = (datetime.now(UTC).weekday() + 3) % 7
        s.add(OpeningHour(site_id=world.site_id, weekday=weekday, opens=time(8), closes=time(9)))


def test_a_closed_clinic_says_so_at_the_door_and_gives_no_ticket(world: PatientWorld) -> None:
    _close(world)
    start = world.kiosk().get("/kiosk/harbour").text
    assert "We are closed now. We open again" in start
    before = world.counts()
    answer = ticket(world)
    assert answer.status_code == 409
    assert "We are closed now." in answer.text
    assert world.counts() == before


def test_a_full_service_is_said_before_and_another_is_offered(world: PatientWorld) -> None:
    world.change(Service, world.blood_id, waiting_limit=0)
    text = world.kiosk().get("/kiosk/harbour/ticket").text
    assert "Full for now" in text
    before = world.counts()
    answer = world.kiosk().post("/kiosk/harbour/ticket", data={"service": world.blood_id})
    assert answer.status_code == 409
    assert heading(answer) == "No ticket for now"
    assert "as many as we can see" in answer.text
    assert f'name="service" value="{world.doctor_id}"' in answer.text
    assert f'name="service" value="{world.blood_id}"' not in answer.text
    assert world.counts() == before


@pytest.mark.parametrize("typed", ["AB12", "ab12", " a b-12 "])
def test_a_code_checks_in_however_it_is_typed(world: PatientWorld, typed: str) -> None:
    appointment_id = world.booking(code="AB12")
    answer = by_code(world, typed)
    assert (answer.status_code, heading(answer)) == (200, "You are in the queue")
    assert "Your appointment:" in answer.text
    entry = world.entries()[0]
    assert (entry.appointment_id, entry.entry_class) == (appointment_id, EntryClass.BOOKED)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "Type the code of your booking."),
        ("NOPE", "We do not find a booking"),
        ("x" * 30, "A code has at most 20 letters and figures."),
    ],
)
def test_a_wrong_code_says_what_would_be_right(world: PatientWorld, code: str, words: str) -> None:
    world.booking(code="AB12")
    before = world.counts()
    answer = by_code(world, code)
    assert answer.status_code == 422
    assert words in answer.text
    assert "Ask the desk" in answer.text
    assert world.counts() == before


def test_a_booking_of_another_day_is_told_apart(world: PatientWorld) -> None:
    world.booking(code="AB12", in_minutes=60 * 48)
    answer = by_code(world, "AB12")
    assert answer.status_code == 422
    assert "This booking is for another day." in answer.text
    assert world.entries() == []


def test_checking_in_twice_shows_the_same_ticket(world: PatientWorld) -> None:
    world.booking(code="AB12")
    by_code(world, "AB12")
    answer = by_code(world, "AB12")
    assert heading(answer) == "You are in the queue already"
    assert len(world.entries()) == 1
    assert f">{world.entries()[0].visit.ticket}</p>" in answer.text


@pytest.mark.parametrize("typed", ["Zoë Łukasz", "zoe lukasz", "  LUKASZ   ZOE "])
def test_name_and_date_of_birth_check_in(world: PatientWorld, typed: str) -> None:
    appointment_id = world.booking()
    step = world.kiosk().post("/kiosk/harbour/booked/name", data={"name": typed})
    assert heading(step) == "When were you born?"
    answer = by_name(world, typed)
    assert heading(answer) == "You are in the queue"
    assert world.entries()[0].appointment_id == appointment_id


def test_of_two_bookings_the_first_is_checked_in(world: PatientWorld) -> None:
    world.booking(in_minutes=40)
    patient_id = world.patients()[0].id
    first = world.booking(in_minutes=10, patient_id=patient_id)
    assert heading(by_name(world, "Zoe Lukasz")) == "You are in the queue"
    assert world.entries()[0].appointment_id == first


@pytest.mark.parametrize(
    ("born", "words"),
    [
        ({"day": "32", "month": "3", "year": "1958"}, "Give the day from 1 to 31."),
        ({"day": "27", "month": "13", "year": "1958"}, "Give the month from 1 to 12."),
        ({"day": "27", "month": "3", "year": "58"}, "Give the year with four figures."),
        ({"day": "30", "month": "2", "year": "1958"}, "This month has fewer days."),
        ({"day": "", "month": "", "year": ""}, "Give the month from 1 to 12."),
        ({"day": "²", "month": "3", "year": "1958"}, "Give the day from 1 to 31."),
        ({"day": "1", "month": "1", "year": "9" * 40}, "Give the year with four figures."),
    ],
)
def test_a_bad_date_of_birth_is_named(
    world: PatientWorld, born: dict[str, str], words: str
) -> None:
    world.booking()
    before = world.counts()
    answer = by_name(world, "Zoë Łukasz", born)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Zoë Łukasz"' in answer.text
    assert world.counts() == before


def test_no_name_is_asked_for_again(world: PatientWorld) -> None:
    answer = world.kiosk().post("/kiosk/harbour/booked/name", data={"name": ""})
    assert answer.status_code == 422
    assert "Type your name, as you booked it." in answer.text


def test_nobody_several_and_a_discreet_one_read_the_same_but_the_desk_knows(
    world: PatientWorld,
) -> None:
    world.booking("Discreet Person", discreet=True, code="SECRET")
    world.booking("Ana Ruiz", in_minutes=20)
    world.booking("Ana Ruiz", in_minutes=30)
    before = world.counts()
    pages = {name: by_name(world, name) for name in ("Nobody Here", "Discreet Person", "Ana Ruiz")}
    plain = {
        re.sub(r'(value|content)="[^"]*"', "", page.text).replace("\n", "")
        for page in pages.values()
    }
    assert len(plain) == 1
    assert all(page.status_code == 404 for page in pages.values())
    assert world.counts() == before
    assert "We do not find a booking" in by_code(world, "SECRET").text
    about = {
        name: re.search(r'name="about" value="([^"]+)"', page.text)[1]  # type: ignore[index]
        for name, page in pages.items()
    }
    for name, kind in [("Discreet Person", "not_found"), ("Ana Ruiz", "name_clash")]:
        world.kiosk().post("/kiosk/harbour/ask-desk", data={"about": about[name]})
        assert (kind, f"device:{world.device.device_id}") in world.items()
    with world.db.read() as s:
        details = [item.details for item in s.scalars(sa.select(DeskItem))]
    assert details == [{}, {}]


def test_linked_duplicates_are_one_person(world: PatientWorld) -> None:
    world.booking("Ana Ruiz", in_minutes=20)
    world.booking("Ana Ruiz", in_minutes=30)
    first, second = world.patients()
    world.change(Patient, second.id, same_as_id=first.id)
    assert heading(by_name(world, "ana ruiz")) == "You are in the queue"


def test_a_party_checks_in_at_once(world: PatientWorld) -> None:
    party = world.party()
    world.booking("Mara Silva", code="MUM", party_id=party)
    world.booking("Tom Silva", born=date(2019, 1, 1), in_minutes=20, party_id=party)
    answer = by_code(world, "MUM")
    mother, child = world.entries()
    assert mother.visit.party_id == child.visit.party_id == party
    assert f"Those with you: <b>{child.visit.ticket}</b>" in answer.text


def test_whoever_is_far_too_late_is_in_the_queue_and_the_desk_knows(world: PatientWorld) -> None:
    world.booking(code="LATE", in_minutes=-60)
    assert heading(by_code(world, "LATE")) == "You are in the queue"
    assert world.entries()[0].entry_class == EntryClass.WALK_IN
    assert [kind for kind, _ in world.items()] == ["too_late"]


def test_help_opens_one_item_and_says_so(world: PatientWorld) -> None:
    for _ in range(2):
        answer = world.kiosk().post("/kiosk/harbour/help")
        assert heading(answer) == "Stay here. We come to you."
    assert world.items() == [("help", f"device:{world.device.device_id}")]


def test_a_forged_reason_for_the_desk_is_help(world: PatientWorld) -> None:
    world.kiosk().post("/kiosk/harbour/ask-desk", data={"about": "stranded"})
    assert [kind for kind, _ in world.items()] == ["help"]


def test_the_alarm_puts_one_first_and_tells_the_desk_even_when_closed(world: PatientWorld) -> None:
    _close(world)
    ticket(world)
    for _ in range(2):
        answer = world.kiosk().post("/kiosk/harbour/alarm", data={"idempotency_key": "hit"})
        assert heading(answer) == "Sit down. Somebody is coming to you now."
    (entry,) = world.entries()
    assert (entry.entry_class, entry.band) == (EntryClass.EMERGENCY, 0)
    assert entry.visit.ticket in answer.text
    assert [kind for kind, _ in world.items()] == ["help"]


def test_nothing_of_a_person_is_left_at_the_kiosk(world: PatientWorld) -> None:
    kiosk, path = world.kiosk(), "/kiosk/harbour/ticket"
    kiosk.get("/kiosk/harbour")
    with kiosk.session_transaction() as session:
        before = dict(session)
    data = {"service": world.doctor_id, "reason": "other", "who": "anyone", "name": "Rosamunde"}
    given = kiosk.post(path, data=data)
    assert given.headers["Cache-Control"] == "no-store"
    with kiosk.session_transaction() as session:
        assert dict(session) == before
    for page in ("", "/ticket", "/booked", "/booked/code", "/booked/name"):
        answer = kiosk.get("/kiosk/harbour" + page)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Rosamunde" not in answer.text
        assert f">{world.entries()[0].visit.ticket}</p>" not in answer.text


def test_a_withdrawn_booking_is_not_found(world: PatientWorld) -> None:
    appointment_id = world.booking(code="GONE")
    world.change(Appointment, appointment_id, state=AppointmentState.CANCELLED)
    assert by_name(world, "Zoë Łukasz").status_code == 404
    assert by_code(world, "GONE").status_code == 422
    assert world.entries() == []

"""A ticket from the kiosk: every question, every bad answer, and what the ticket says."""

import re
from zoneinfo import ZoneInfo

import pytest

from queueapp.actions.tickets import token_hash
from queueapp.db.models import Service
from queueapp.domain.visit import PreferenceKind, Presence
from queueapp.web.kiosk import given
from tests.web.kiosk_words import close, heading, ticket
from tests.web.patient_world import PUBLIC_URL, PatientWorld


def test_questions_come_one_by_one_and_end_with_a_ticket(world: PatientWorld) -> None:
    kiosk, path = world.kiosk(), "/kiosk/harbour/ticket"
    answers: dict[str, object] = {}
    assert heading(kiosk.get(path)) == "Do you have any of these right now?"
    for name, value, then in [
        ("well", "no", "What do you need today?"),
        ("service", world.doctor_id, "What is it about?"),
        ("reason", world.reason_ids[0], "What may we call you?"),
        ("ask", "who", "Who would you like to see?"),
        ("who", world.doctors[0], "If somebody else is free first?"),
        ("firm", "only", "What may we call you?"),
        ("name", "Rosa", "You are in the queue"),
    ]:
        before = len(world.entries())
        answers[name] = value
        answer = kiosk.post(path, data=answers)
        answers.pop("ask", None)
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
    answer = ticket(world, service=world.blood_id, reason=None, name=None)
    assert heading(answer) == "What may we call you?"
    assert "Choose someone" not in answer.text
    assert "Choose someone" in ticket(world, name=None).text


def test_back_asks_the_question_before_again(world: PatientWorld) -> None:
    assert heading(ticket(world, back="reason", name=None)) == "What is it about?"
    answer = ticket(world, back="service", reason=None, name=None)
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


def test_a_closed_clinic_says_so_at_the_door_and_gives_no_ticket(world: PatientWorld) -> None:
    close(world)
    start = world.kiosk().get("/kiosk/harbour").text
    assert "We are closed now. We open again" in start
    before = world.counts()
    answer = ticket(world)
    assert answer.status_code == 409
    assert "We are closed now." in answer.text
    assert world.turned_away_only(before)


def test_a_full_service_is_said_before_and_another_is_offered(world: PatientWorld) -> None:
    world.change(Service, world.blood_id, waiting_limit=0)
    text = ticket(world, service=None, reason=None, name=None).text
    assert "Full for now" in text
    before = world.counts()
    answer = ticket(world, service=world.blood_id, reason=None, name=None)
    assert answer.status_code == 409
    assert heading(answer) == "No ticket for now"
    assert "as many as we can see" in answer.text
    assert f'name="service" value="{world.doctor_id}"' in answer.text
    assert f'name="service" value="{world.blood_id}"' not in answer.text
    assert world.turned_away_only(before)

"""A family without bookings: a ticket for each in one go, one party, one QR code for all."""

from datetime import UTC, datetime

import pytest
from werkzeug.test import TestResponse

from queueapp.actions import calls
from queueapp.db.models import Service
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import EntryState
from tests.web.kiosk_words import heading
from tests.web.patient_world import PatientWorld

PATH = "/kiosk/harbour/family"


def family(world: PatientWorld, **answers: object) -> TestResponse:
    names = {f"name_{n}": name for n, name in enumerate(("Ann", "Ben", ""), start=1)}
    given = {"well": "no", "many": 3, "service": world.doctor_id, "reason": "other"} | names
    data = {name: value for name, value in {**given, **answers}.items() if value is not None}
    return world.kiosk().post(PATH, data=data)


def test_a_few_touches_more_give_each_a_ticket_and_one_code_follows_all(
    world: PatientWorld,
) -> None:
    kiosk = world.kiosk()
    answers: dict[str, object] = {"well": "no"}
    start = kiosk.post("/kiosk/harbour/ticket", data=answers)
    assert "We are several people" in start.text
    steps: list[tuple[str, object, str]] = [
        ("many", 3, "What do you need today?"),
        ("service", world.doctor_id, "What is it about?"),
        ("reason", "differs", "What is it about?"),
        ("reason_1", world.reason_ids[0], "What is it about?"),
        ("reason_2", world.reason_ids[1], "What is it about?"),
        ("reason_3", "other", "What may we call each of you?"),
    ]
    assert heading(kiosk.post(PATH, data=answers)) == "How many are you?"
    for name, value, then in steps:
        answers[name] = value
        answer = kiosk.post(PATH, data=answers)
        assert (answer.status_code, heading(answer)) == (200, then)
    assert world.entries() == []
    names = {"name_1": "Ann", "name_2": "Ben", "name_3": ""}
    answer = kiosk.post(PATH, data={**answers, **names, "idempotency_key": "k"})
    again = kiosk.post(PATH, data={**answers, **names, "idempotency_key": "k"})
    entries = world.entries()
    tickets = [e.visit.ticket for e in entries]
    assert len(set(tickets)) == 3
    assert [e.reason_id for e in entries] == [*world.reason_ids, None]
    assert [p.chosen_name for p in world.patients()] == ["Ann", "Ben"]
    assert len({e.visit.party_id for e in entries} - {None}) == 1
    for page in (answer, again):
        assert f">{tickets[0]}</p>" in page.text
        assert f"<b>{tickets[1]}</b> Ben" in page.text
        assert f"<b>{tickets[2]}</b>" in page.text
        assert page.text.count('class="qr"') == 1


def test_they_are_called_together_and_wait_for_a_whole_party(world: PatientWorld) -> None:
    assert heading(family(world)) == "You are in the queue"
    with world.db.write() as s:
        calls.call_next(s, SYSTEM, datetime.now(UTC), room_id=world.rooms[0])
    assert [e.state for e in world.entries()] == [EntryState.CALLED] * 3


def test_where_only_some_could_have_a_ticket_nobody_gets_one(world: PatientWorld) -> None:
    world.change(Service, world.doctor_id, waiting_limit=2)
    before = world.counts()
    answer = family(world)
    assert (answer.status_code, heading(answer)) == (409, "No ticket for now")
    assert world.turned_away_only(before)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"many": "7"}, "Choose how many you are, from 2 to 6."),
        ({"many": "x"}, "Choose how many you are, from 2 to 6."),
        ({"service": "999999"}, "Choose what you came for."),
        ({"reason": "999999"}, "Choose one of the reasons for Doctor."),
        ({"reason": "differs", "reason_1": "999999"}, "Choose one of the reasons for Doctor."),
        ({"name_2": "x" * 61}, "Use at most 60 letters."),
    ],
)
def test_a_bad_answer_is_named_and_leaves_nothing(
    world: PatientWorld, wrong: dict[str, str], words: str
) -> None:
    before = world.counts()
    answer = family(world, **wrong)
    assert answer.status_code == 422
    assert words in answer.text
    assert world.counts() == before


def test_back_asks_the_question_before_again(world: PatientWorld) -> None:
    assert heading(family(world, back="reason")) == "What is it about?"
    assert heading(family(world, back="service")) == "What do you need today?"
    assert heading(family(world, back="many")) == "How many are you?"

"""The kiosk: its doors, help, alarm and wishes, and that nothing of a person is left."""

import re

import pytest

from queueapp.db.models import QueueEntry, Room, Site
from queueapp.domain.visit import EntryClass
from queueapp.web.desk.aloud import needs_of
from tests.web.kiosk_words import close, heading, hidden, ticket
from tests.web.patient_world import PatientWorld


def test_the_start_has_two_doors_and_the_wait_of_each_service(world: PatientWorld) -> None:
    text = world.kiosk().get("/kiosk/harbour").text
    assert "I have an appointment" in text
    assert "I don’t have an appointment" in text
    assert re.search(r"<dt>Doctor</dt><dd class=\"range\"><bdi>\d+–\d+</bdi>", text)
    assert "<dt>Blood test</dt>" in text


@pytest.mark.both_databases
def test_how_to_call_what_helps_and_the_language_reach_the_staff(world: PatientWorld) -> None:
    world.change(Room, world.rooms[0], features=["step-free"])
    mine = hidden(ticket(world), "mine")
    kiosk, path = world.kiosk(), "/kiosk/harbour/wishes"
    assert heading(kiosk.post(path, data={"mine": mine})) == "How shall we call you?"
    told = {"mine": mine, "tell": "1", "call": ["text", "fetch"], "help": ["step_free", "time"]}
    assert heading(kiosk.post(path, data=told)) == "Your phone number?"
    bad = kiosk.post(path, data={**told, "phone": "12"})
    assert (bad.status_code, "Give the whole phone number" in bad.text) == (422, True)
    assert world.patients() == []
    done = kiosk.post(path, data={**told, "phone": "07700 900123", "language": "uk"})
    assert heading(done) == "Thank you, we know"
    entry = world.entries()[0]
    patient = entry.visit.patient
    assert patient
    assert (patient.call_routes, patient.language) == (["phone", "fetch"], "uk")
    assert (patient.phone, entry.needs) == ("07700 900123", ["step-free"])
    with world.db.read() as s:
        seen = needs_of(s, s.get_one(Site, world.site_id), s.get_one(QueueEntry, entry.id))
    words = " ".join(part for need in seen for part in need)
    assert "Ukrainian" in words
    assert "needs more time" in words
    forged = kiosk.post(path, data={**told, "mine": mine.swapcase()})
    assert forged.status_code == 410


def test_help_opens_one_item_and_says_so(world: PatientWorld) -> None:
    for _ in range(2):
        answer = world.kiosk().post("/kiosk/harbour/help")
        assert heading(answer) == "Stay here. We come to you."
    assert world.items() == [("help", f"device:{world.device.device_id}")]


def test_a_forged_reason_for_the_desk_is_help(world: PatientWorld) -> None:
    world.kiosk().post("/kiosk/harbour/ask-desk", data={"about": "stranded"})
    assert [kind for kind, _ in world.items()] == ["help"]


def test_the_alarm_puts_one_first_and_tells_the_desk_even_when_closed(world: PatientWorld) -> None:
    close(world)
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
    data = {"well": "no", "service": world.doctor_id, "reason": "other", "name": "Rosamunde"}
    given = kiosk.post(path, data=data)
    assert given.headers["Cache-Control"] == "no-store"
    with kiosk.session_transaction() as session:
        assert dict(session) == before
    for page in ("", "/ticket", "/booked"):
        answer = kiosk.get("/kiosk/harbour" + page)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Rosamunde" not in answer.text
        assert f">{world.entries()[0].visit.ticket}</p>" not in answer.text

"""The phone: each stage of a visit with what can be done in it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from queueapp.actions import presence, service
from queueapp.actions.tickets import visit_token
from queueapp.db.models import Party, Promise, QueueEntry, Site
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import EntryState, Presence
from queueapp.realtime.content import visit as visits
from tests.web.patient_world import PatientWorld
from tests.web.phone_words import act, call, clock, miss, stage
from tests.web.web_world import SECRET


def test_stepping_out_keeps_the_place_and_coming_back_ends_it(
    world: PatientWorld, phone: FlaskClient
) -> None:
    visit_id = world.entries()[0].visit_id
    assert phone.post("/phone/ticket/step-out", data={"minutes": "20"}).status_code == 303
    back_by = world.visit(visit_id).back_by
    assert back_by
    assert timedelta(minutes=19) < back_by - datetime.now(UTC) <= timedelta(minutes=20)
    text = phone.get("/phone/ticket").text
    assert f'Back by <b class="num">{clock(back_by)}</b>. We keep your place.' in text
    phone.post("/phone/ticket/step-out", data={"minutes": "30"})
    later = world.visit(visit_id).back_by
    assert later
    assert later > back_by
    phone.post("/phone/ticket/here")
    assert (world.visit(visit_id).presence, stage(phone)) == (Presence.HERE, "waiting")


@pytest.mark.parametrize("minutes", ["", "5", "x", "-10", "600"])
def test_only_the_offered_minutes_are_taken(
    world: PatientWorld, phone: FlaskClient, minutes: str
) -> None:
    before = world.counts()
    answer = phone.post(
        "/phone/ticket/step-out",
        data={"minutes": minutes},
        headers={"Accept": "application/problem+json"},
    )
    assert answer.status_code == 422
    assert answer.get_json(force=True)["errors"] == [
        {"field": "minutes", "message": "Choose 10, 20 or 30 minutes."}
    ]
    assert world.counts() == before


def test_a_script_is_answered_without_a_page_and_twice_is_once(
    world: PatientWorld, phone: FlaskClient
) -> None:
    headers = {"Accept": "application/json, application/problem+json", "Idempotency-Key": "k"}
    for _ in range(2):
        answer = phone.post("/phone/ticket/step-out", data={"minutes": "10"}, headers=headers)
        assert (answer.status_code, answer.text) == (204, "")


def test_called_fills_the_page_and_stays_after_a_reload(
    world: PatientWorld, phone: FlaskClient
) -> None:
    entry = world.entries()[0]
    call(world, entry.id)
    for _ in range(2):
        text = phone.get("/phone/ticket").text
        assert re.search(r'data-stage="called" data-ring="\d+" .* data-room="Room 1"', text)
        assert "It’s your turn" in text
        assert re.search(r"Go to room.*?<p class=\"code\">1</p>", text, re.S)
        assert "Dr Ruiz expects you now." in text


def test_seen_and_finished_are_told_in_turn(world: PatientWorld, phone: FlaskClient) -> None:
    entry = world.entries()[0]
    call(world, entry.id)
    act(world, service.start, entry.id)
    assert "You are being seen in Room\u00a01." in phone.get("/phone/ticket").text
    act(world, service.finish, entry.id)
    text = phone.get("/phone/ticket").text
    assert "Was what you came for sorted out?" in text
    assert f'We called you at <b class="num">{clock(world.entries()[0].calls[0].called_at)}' in text


@pytest.mark.both_databases
def test_the_one_link_of_a_family_says_when_any_of_them_is_called(world: PatientWorld) -> None:
    party = world.party()
    world.booking("Mara Silva", code="MUM1", party_id=party)
    world.booking("Tom Silva", in_minutes=20, party_id=party)
    kiosk = world.kiosk().post("/kiosk/harbour/booked", data={"well": "no", "sought": "MUM1"})
    mother, child = world.entries()
    assert child.visit.ticket in kiosk.text
    with world.db.write() as s:
        s.get_one(Party, party).called_together = False
    browser = world.phone()
    browser.post(f"/t/{visit_token(SECRET, mother.visit.key, mother.visit.nonce)}")
    assert f"<b>{child.visit.ticket}</b> waits" in browser.get("/phone/ticket").text
    call(world, child.id)
    text = browser.get("/phone/ticket").text
    assert 'aria-label="Someone with you is called"' in text
    assert re.search(
        rf'data-stage="waiting" data-ring="\d+" data-code="{child.visit.ticket}"', text
    )


def test_called_in_vain_one_tap_restores(world: PatientWorld, phone: FlaskClient) -> None:
    entry = world.entries()[0]
    miss(world, entry.id)
    text = phone.get("/phone/ticket").text
    assert re.search(r'We called you at <span class="num">\d\d:\d\d</span>', text)
    phone.post("/phone/ticket/here")
    assert world.entries()[0].absences == 0
    assert world.entries()[0].passed_over_until is None
    assert stage(phone) == "waiting"


def test_called_in_vain_twice_is_unconfirmed_and_one_tap_restores(
    world: PatientWorld, phone: FlaskClient
) -> None:
    entry = world.entries()[0]
    miss(world, entry.id)
    world.change(QueueEntry, entry.id, passed_over_until=None)
    miss(world, entry.id)
    assert world.visit(entry.visit_id).presence is Presence.UNCONFIRMED
    assert stage(phone) == "missed"
    phone.post("/phone/ticket/here")
    assert world.visit(entry.visit_id).presence is Presence.HERE
    assert world.items() == []


def test_leaving_ends_it_in_plain_words(world: PatientWorld, phone: FlaskClient) -> None:
    assert "Do you want to leave?" in phone.get("/phone/ticket").text
    phone.post("/phone/ticket/leave")
    assert world.entries()[0].state is EntryState.LEFT
    text = phone.get("/phone/ticket").text
    assert "You have left the queue" in text
    assert "/phone/harbour" in text


def test_leaving_is_refused_in_words_while_with_a_clinician(
    world: PatientWorld, phone: FlaskClient
) -> None:
    entry = world.entries()[0]
    call(world, entry.id)
    act(world, service.start, entry.id)
    before = world.counts()
    answer = phone.post("/phone/ticket/leave", headers={"Accept": "application/json"})
    assert answer.status_code == 409
    assert "is with the clinician" in answer.get_json(force=True)["detail"]
    assert world.counts() == before


def test_help_reaches_the_desk(world: PatientWorld, phone: FlaskClient) -> None:
    phone.post("/phone/ticket/help")
    assert world.items() == [("help", f"visit:{world.entries()[0].visit_id}")]


def _revise(s: Session, entry: QueueEntry, **columns: Any) -> None:
    first = s.get_one(QueueEntry, entry.id).promises[0]
    s.add(Promise(entry_id=entry.id, told_at=first.told_at, basis="forecast", **columns))


def test_a_revision_says_by_how_much_what_was_first_said_and_why(
    world: PatientWorld, phone: FlaskClient
) -> None:
    entry = world.entries()[0]
    low, high = entry.promises[0].low_at, entry.promises[0].high_at
    assert low
    assert high
    nine = timedelta(minutes=9)
    with world.db.write() as s:
        _revise(
            s, entry, number=2, low_at=low + nine, high_at=high + nine, reason="An urgent patient."
        )
    text = phone.get("/phone/ticket").text
    assert "Your time moved by 9 minutes" in text
    said = f'<span class="num">{clock(low)}</span> to <span class="num">{clock(high)}</span>'
    assert f"We first said {said}. An urgent patient. We’re sorry." in text
    with world.db.write() as s:
        _revise(s, entry, number=3, reason="We are sorry: it takes longer still.")
    text = phone.get("/phone/ticket").text
    assert "It takes longer than we said" in text
    assert "moved by" not in text


def test_what_the_channel_says_is_the_same_whenever_it_is_rendered(
    world: PatientWorld, phone: FlaskClient
) -> None:
    entry = world.entries()[0]
    with world.db.write() as s:
        presence.step_out(
            s, SYSTEM, datetime.now(UTC), visit_id=entry.visit_id,
            back_by=datetime.now(UTC) + timedelta(minutes=1),
        )  # fmt: skip
    with world.app.test_request_context("/"), world.db.read() as s:
        g.is_live = True
        site, now = s.get_one(Site, world.site_id), datetime.now(UTC)
        content = visits.visit(s, site, now, entry.visit_id)
        assert content == visits.visit(s, site, now + timedelta(hours=1), entry.visit_id)
    assert (content["stage"], content["visit"]["presence"]) == ("out", "out")
    assert "csrf_token" not in content["html"]

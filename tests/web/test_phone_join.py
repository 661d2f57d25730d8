"""The phone: joining, and the line of those who wait."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from queueapp.actions import calls
from queueapp.actions.tickets import visit_token
from queueapp.db.models import Service, Site, Visit
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import PreferenceKind, Presence
from queueapp.realtime.content import line as lines
from queueapp.web.phone.join import come_by_of
from tests.web.patient_world import PatientWorld
from tests.web.phone_words import call, clock, join, stage
from tests.web.web_world import SECRET


def test_joining_needs_no_login_and_leads_to_the_ticket(world: PatientWorld) -> None:
    browser = world.phone()
    text = browser.get("/phone/harbour").text
    assert "A new problem" in text
    assert "Dr Ruiz" in text
    answer = join(
        world,
        browser,
        what=f"{world.doctor_id}:{world.reason_ids[0]}",
        who=world.doctors[1],
        firm="if_possible",
        name="Rosa",
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/phone/ticket")
    entry = world.entries()[0]
    assert entry.reason_id == world.reason_ids[0]
    assert entry.preference is PreferenceKind.IF_POSSIBLE
    assert entry.wished_clinician_id == world.doctors[1]
    assert world.patients()[0].chosen_name == "Rosa"
    assert f'<h1 class="code">{entry.visit.ticket}</h1>' in browser.get("/phone/ticket").text


def test_on_the_way_is_expected_by_the_time_given(world: PatientWorld) -> None:
    browser = world.phone()
    at = (datetime.now(UTC) + timedelta(minutes=40)).replace(second=0, microsecond=0)
    join(world, browser, presence="on_the_way", come_by=clock(at))
    visit = world.entries()[0].visit
    assert (visit.presence, visit.come_by) == (Presence.ON_THE_WAY, at)
    text = browser.get("/phone/ticket").text
    assert f'We expect you by <b class="num">{clock(at)}</b>' in text
    assert re.search(r"<p data-past=[^>]* hidden><b>That time has passed", text)
    assert browser.post("/phone/ticket/here").status_code == 303
    assert world.visit(visit.id).presence is Presence.HERE
    assert stage(browser) == "waiting"


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"what": ""}, "what", "Choose what you need."),
        ({"what": "x:y"}, "what", "Choose what you came for."),
        ({"what": "DOCTOR:999999"}, "what", "Choose one of the reasons for Doctor."),
        ({"who": "999999"}, "who", "someone who sees people for Doctor today."),
        ({"who": "RUIZ", "firm": "x"}, "firm", "Say whether someone else may see you."),
        ({"presence": ""}, "presence", "Say whether you are here or on your way."),
        ({"presence": "out"}, "presence", "Say whether you are here or on your way."),
        ({"presence": "on_the_way", "come_by": "soon"}, "come_by", "Give a time within the next"),
        ({"presence": "on_the_way", "come_by": ""}, "come_by", "Give a time within the next"),
        ({"name": "x" * 61}, "name", "Use at most 60 letters."),
    ],
)
def test_a_bad_answer_is_named_and_leaves_nothing(
    world: PatientWorld, wrong: dict[str, str], field: str, words: str
) -> None:
    ids = {"DOCTOR": str(world.doctor_id), "RUIZ": str(world.doctors[0])}
    for name, number in ids.items():
        wrong = {key: value.replace(name, number) for key, value in wrong.items()}
    before = world.counts()
    answer = join(world, **wrong)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert words in answer.text
    assert f'href="#f-{field}"' in answer.text
    assert world.counts() == before


def test_a_full_service_cannot_be_chosen_nor_joined(world: PatientWorld) -> None:
    world.change(Service, world.doctor_id, waiting_limit=0)
    browser = world.phone()
    option = re.search(
        rf'value="{world.doctor_id}:other"([^>]*)>', browser.get("/phone/harbour").text
    )
    assert option
    assert "disabled" in option[1]
    before = world.counts()
    answer = join(world, browser)
    assert answer.status_code == 422
    assert "as many as we can see" in answer.text
    assert world.turned_away_only(before)


def test_pressing_join_twice_gives_one_ticket(world: PatientWorld) -> None:
    browser = world.phone()
    for _ in range(2):
        assert join(world, browser, idempotency_key="one", name="Rosa").status_code == 303
    assert len(world.entries()) == 1


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("23:50", 20), ("00:10", 40), ("03:20", 230), ("03:40", None), ("23:30", None), ("9", None)],
)
def test_a_time_to_come_by_is_the_next_within_four_hours(text: str, minutes: int | None) -> None:
    now = datetime(2026, 1, 13, 23, 30, tzinfo=UTC)
    expected = None if minutes is None else now + timedelta(minutes=minutes)
    assert come_by_of(text, "Europe/London", now) == expected


def test_the_link_of_a_ticket_opens_it_on_any_phone(
    world: PatientWorld, phone: FlaskClient
) -> None:
    visit = world.entries()[0].visit
    token = visit_token(SECRET, visit.key, visit.nonce)
    other = world.phone()
    assert other.get("/phone/ticket").status_code != 200
    assert other.post(f"/t/{token}").headers["Location"] == "/phone/ticket"
    assert visit.ticket in other.get("/phone/ticket").text


def test_the_page_tells_the_range_the_people_before_and_who_is_seen(
    world: PatientWorld, phone: FlaskClient
) -> None:
    last = world.phone()
    for browser in (world.phone(), world.phone(), last):
        join(world, browser)
    first, *_, mine = world.entries()
    call(world, first.id)
    text = last.get("/phone/ticket").text
    assert "<b>2 people</b> before you" in text
    promise = mine.promises[0]
    assert promise.low_at
    assert promise.high_at
    shown = re.search(r"<bdi>(\d+)–(\d+)</bdi>", text)
    assert shown
    assert int(shown[1]) <= (promise.low_at - datetime.now(UTC)).total_seconds() / 60
    stops = re.findall(r'<li class="stop[^>]*><b>(\w+)</b>(\w+)</li>', text)
    tickets = [e.visit.ticket for e in world.entries()]
    words = ["called", "next", "waiting", "you"]
    assert stops == list(zip(tickets, words, strict=True))


def test_a_long_line_folds_into_six_stops(world: PatientWorld, phone: FlaskClient) -> None:
    last = world.phone()
    for browser in [world.phone() for _ in range(9)] + [last]:
        join(world, browser)
    for room_id in world.rooms[:2]:
        with world.db.write() as s:
            calls.call_next(s, SYSTEM, datetime.now(UTC), room_id=room_id)
    stops = re.findall(r'<li class="stop[^>]*><b>([^<]+)</b>', last.get("/phone/ticket").text)
    tickets = [e.visit.ticket for e in world.entries()]
    assert stops == [*tickets[:2], tickets[2], "+6", tickets[9], tickets[10]]


def test_people_for_other_clinicians_are_not_before_you(
    world: PatientWorld, phone: FlaskClient
) -> None:
    other = world.phone()
    join(world, other, what=f"{world.blood_id}:other")
    assert "<b>You are next</b>" in other.get("/phone/ticket").text


def line_of(world: PatientWorld) -> list[lines.LineRow]:
    with world.db.read() as s:
        site = s.get_one(Site, world.site_id)
        content = lines.line(s, site, datetime.now(UTC), None)
        assert content == lines.line(s, site, datetime.now(UTC) + timedelta(minutes=5), None)
    return [lines.LineRow(*row) for row in content["rows"]]


@pytest.mark.both_databases
def test_the_line_says_ticket_place_and_state_of_others_and_nothing_else(
    world: PatientWorld, phone: FlaskClient
) -> None:
    join(world, name="Rosamunde")
    mine, other = (e.visit for e in world.entries())
    world.change(Visit, other.id, discreet=True)
    rows = line_of(world)
    assert [(r.key, r.place, r.before, r.state, r.ticket) for r in rows] == [
        (mine.key, 1, 0, "waiting", mine.ticket),
        (other.key, 2, 1, "waiting", None),
    ]
    assert "Rosamunde" not in str(rows)


def test_a_discreet_visit_sees_its_own_ticket_and_no_other_phone_does(
    world: PatientWorld, phone: FlaskClient
) -> None:
    later = world.phone()
    join(world, later)
    first, _ = world.entries()
    world.change(Visit, first.visit_id, discreet=True)
    # As a word: three letters turn up in a secret of the page by chance.
    theirs = re.compile(rf"\b{first.visit.ticket}\b")
    assert theirs.search(phone.get("/phone/ticket").text)
    text = later.get("/phone/ticket").text
    assert not theirs.search(text)
    assert "<b>1 person</b> before you" in text

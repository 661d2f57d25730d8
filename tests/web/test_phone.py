"""The phone: joining, and each stage of a visit with what can be done in it."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import g
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from queueapp.actions import bookings, calls, presence, service
from queueapp.actions.booking_links import booker, give_link
from queueapp.actions.running_late import booking_runs_late
from queueapp.actions.tickets import visit_token
from queueapp.db.models import (
    Appointment,
    Feedback,
    Party,
    Promise,
    QueueEntry,
    Service,
    Site,
    Visit,
    VisitEvent,
)
from queueapp.db.queries.thanks import thanks_to
from queueapp.domain.actor import SYSTEM
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import CallRoute, EntryState, PreferenceKind, Presence
from queueapp.realtime.content import line as lines
from queueapp.realtime.content import visit as visits
from queueapp.realtime.content.desk_items import item_rows
from queueapp.web.phone.join import come_by_of
from tests.web.patient_world import PatientWorld, world_on
from tests.web.web_world import SECRET

LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def world(fresh_database: str, tmp_path: Path) -> Iterator[PatientWorld]:
    world = world_on(fresh_database, tmp_path)
    yield world
    world.db.dispose()


def clock(instant: datetime) -> str:
    return f"{instant.astimezone(LONDON):%H:%M}"


def in_minutes(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def join(
    world: PatientWorld, browser: FlaskClient | None = None, **answers: object
) -> TestResponse:
    data = {"what": f"{world.doctor_id}:other", "presence": "here", **answers}
    return (browser or world.phone()).post("/phone/harbour", data=data)


def act(world: PatientWorld, verb: Callable[..., Any], entry_id: int, **more: Any) -> None:
    with world.db.write() as s:
        verb(s, SYSTEM, datetime.now(UTC), entry_id=entry_id, **more)


def call(world: PatientWorld, entry_id: int) -> None:
    act(world, calls.call_chosen, entry_id, room_id=world.rooms[0])


def miss(world: PatientWorld, entry_id: int) -> None:
    call(world, entry_id)
    act(world, calls.tried_route, entry_id, route=CallRoute.PHONE)
    act(world, calls.did_not_answer, entry_id)


@pytest.fixture
def phone(world: PatientWorld) -> FlaskClient:
    """A phone in the queue, here."""
    browser = world.phone()
    assert join(world, browser).status_code == 303
    return browser


def stage(phone: FlaskClient) -> str:
    found = re.search(r'data-stage="(\w+)"', phone.get("/phone/ticket").text)
    assert found
    return found[1]


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
    assert first.visit.ticket in phone.get("/phone/ticket").text
    text = later.get("/phone/ticket").text
    assert first.visit.ticket not in text
    assert "<b>1 person</b> before you" in text


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


def _seen(world: PatientWorld) -> int:
    entry = world.entries()[0]
    call(world, entry.id)
    act(world, service.start, entry.id)
    act(world, service.finish, entry.id)
    return entry.visit_id


def test_one_tap_says_whether_it_was_sorted_out_and_words_reach_desk_and_clinician(
    world: PatientWorld, phone: FlaskClient
) -> None:
    path = "/phone/ticket/sorted-out"
    assert phone.post(path, data={"sorted_out": "yes"}).status_code == 409
    _seen(world)
    assert phone.post(path, data={"sorted_out": "maybe"}).status_code == 422
    phone.post(path, data={"sorted_out": "yes"})
    assert world.items() == []
    assert "We are glad." in phone.get("/phone/ticket").text
    phone.post(path, data={"sorted_out": "no"})
    assert [kind for kind, _ in world.items()] == ["feedback"]
    bad = phone.post(
        path,
        data={"sorted_out": "no", "wants_answer": "1", "reach": "me"},
        headers={"Accept": "application/problem+json"},
    )
    assert bad.get_json(force=True)["errors"][0]["field"] == "reach"
    words = {"wording": "Nobody told me about the blood test.", "thanks": "Dr Ruiz was so kind."}
    phone.post(
        path, data={"sorted_out": "no", "wants_answer": "1", "reach": "me@example.org", **words}
    )
    text = phone.get("/phone/ticket").text
    assert re.search(r"A person answers you by <b>\w+day \d+ \w+</b>, to me@example.org", text)
    assert "Your thanks go to Dr Ruiz." in text
    with world.db.read() as s:
        told = s.scalars(sa.select(Feedback)).one()
        assert (told.sorted_out, told.clinician_id) == ("no", world.doctors[0])
        assert (told.wording, told.thanks) == tuple(words.values())
        (row,) = item_rows(s, s.get_one(Site, world.site_id))
        assert "was not sorted out and wants an answer" in row.title
        assert "blood test" in row.about
        (thanks,) = thanks_to(s, world.site_id, world.doctors[0], datetime.now(UTC))
        assert thanks.words == "Dr Ruiz was so kind."
        # Events outlive a purge: none of the words are in them.
        kept = repr([(e.why, e.data, e.before) for e in s.scalars(sa.select(VisitEvent))])
    assert not re.search("blood|kind|example.org", kept)


def test_running_late_keeps_the_place_and_has_an_end(world: PatientWorld) -> None:
    browser = world.phone()
    join(world, browser, presence="on_the_way", come_by=clock(in_minutes(30)))
    (visit,) = [e.visit for e in world.entries() if e.visit.presence is Presence.ON_THE_WAY]
    assert visit.come_by
    assert "I’m running late" in browser.get("/phone/ticket").text
    browser.post("/phone/ticket/late", data={"minutes": "20"})
    later = world.visit(visit.id).come_by
    assert later == visit.come_by + timedelta(minutes=20)
    assert f'by <b class="num">{clock(later)}</b>' in browser.get("/phone/ticket").text
    for _ in range(8):
        answer = browser.post("/phone/ticket/late", data={"minutes": "30"})
    assert answer.status_code == 409
    browser.post("/phone/ticket/here")
    answer = browser.post("/phone/ticket/late", data={"minutes": "10"})
    assert answer.status_code == 409


def test_a_booking_that_runs_late_is_no_no_show_before_then(world: PatientWorld) -> None:
    booked = world.booking(code="AB12", in_minutes=-25)

    def say(verb: Callable[..., Any], **more: Any) -> None:
        with world.db.write() as s:
            verb(s, SYSTEM, datetime.now(UTC), appointment_id=booked, **more)

    say(booking_runs_late, by=timedelta(minutes=10))
    with pytest.raises(Refused, match="may still come: this can be said in 10 min"):
        say(bookings.no_show)
    with pytest.raises(Refused, match="too late for this time"):
        say(booking_runs_late, by=timedelta(minutes=110))


def test_a_booking_says_by_its_link_that_it_runs_late(world: PatientWorld) -> None:
    booked = world.booking(code="AB12", in_minutes=15)
    with world.db.write() as s:
        given = booker(
            give_link(s, datetime.now(UTC), s.get_one(Appointment, booked)), in_minutes(0)
        )
    assert given
    browser = world.phone()
    with browser.session_transaction() as session:
        session[given.credential.kind] = [given.credential.id, given.credential.stamp]
    assert "I’m running late" in browser.get("/booking").text
    browser.post("/booking/late", data={"minutes": "20"})
    by = clock(in_minutes(35))
    assert re.search(rf"We expect you by {by[:3]}\d\d", browser.get("/booking").text)


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

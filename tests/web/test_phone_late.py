"""The phone: running late before a visit, and what is said after it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from queueapp.actions import bookings, service
from queueapp.actions.booking_links import booker, give_link
from queueapp.actions.running_late import booking_runs_late
from queueapp.db.models import Appointment, Feedback, Site, VisitEvent
from queueapp.db.queries.thanks import thanks_to
from queueapp.domain.actor import SYSTEM
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import Presence
from queueapp.realtime.content.desk_items import item_rows
from tests.web.patient_world import PatientWorld
from tests.web.phone_words import act, call, clock, in_minutes, join


def _seen(world: PatientWorld) -> int:
    entry = world.entries()[0]
    call(world, entry.id)
    act(world, service.start, entry.id)
    act(world, service.finish, entry.id)
    return entry.visit_id


@pytest.mark.both_databases
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


@pytest.mark.both_databases
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


@pytest.mark.both_databases
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

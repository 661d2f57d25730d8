"""Booking online by phone: what is offered, held, booked, told, moved, cancelled, refused."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from icalendar import Calendar

from queueapp.actions import bookings, undo
from queueapp.db.models import Appointment, BookingLink, OpeningException, Service, VisitEvent
from queueapp.domain.actor import SYSTEM
from queueapp.domain.events import Kind
from queueapp.domain.localtime import ONE_DAY
from queueapp.domain.visit import AppointmentState, PreferenceKind
from queueapp.notifications.bookings import compose_pending
from queueapp.web.forms import KEY_FIELD
from tests.web.booking_world import MINUTE, PUBLIC_URL, BookingWorld, link_in, send, world_on
from tests.web.kept_worlds import KeptWorlds


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[BookingWorld]:
    with kept_worlds.copy_of(
        "bookings and walk-ins", lambda url: world_on(url, walk_in_share=0.25)
    ) as world:
        yield world


def offered(phone: FlaskClient, **query: object) -> list[str]:
    """The clocks of a page's times."""
    text = phone.get("/book/harbour/gp", query_string=query).text
    return re.findall(r'<b class="num">([\d:]+)</b><i>', text)


def invited(phone: FlaskClient) -> tuple[Calendar, dict[str, str]]:
    answer = phone.get("/booking/appointment.ics")
    assert answer.content_type == "text/calendar; charset=utf-8"
    calendar = Calendar.from_ical(answer.data)
    event = calendar.events[0]
    return calendar, {name: str(event.get(name)) for name in ("UID", "SEQUENCE", "STATUS")}


@pytest.mark.both_databases
def test_from_the_first_page_to_the_confirmation(world: BookingWorld) -> None:
    phone = world.phone()
    text = phone.get("/book/harbour").text
    assert "A new problem" in text
    assert "GP consultation" not in text
    day = world.tomorrow.isoformat()
    text = phone.get(f"/book/harbour/gp?reason={world.reason}&day={day}").text
    assert "Doctor: A new problem" in text
    assert text.count('type="radio" name="time"') == 24
    assert 'type="radio" name="time" value="' + world.at("09:00").isoformat() in text
    assert set(re.findall(r"Dr (?:Ruiz|Osei)</i>", text)) == {"Dr Ruiz</i>", "Dr Osei</i>"}

    assert world.choose(phone, "10:20").headers["Location"] == "/booking/details"
    held = world.bookings()[0]
    assert held.state is AppointmentState.HELD
    assert held.held_until is not None
    assert "Kept for you until" in phone.get("/booking/details").text
    assert phone.get("/booking").headers["Location"] == "/booking/details"

    assert send(phone, name="Zoë Łukasz", contact="07700 900 123").status_code == 303
    booked = world.bookings()[0]
    assert booked.patient is not None
    assert (booked.state, booked.starts_at) == (AppointmentState.BOOKED, world.at("10:20"))
    assert (booked.patient.name, booked.patient.phone) == ("Zoë Łukasz", "07700900123")
    assert booked.preference is PreferenceKind.NONE
    text = phone.get("/booking").text
    assert f"{booked.code[:3]} {booked.code[3:]}" in text
    assert '<svg class="qr"' in text or 'class="qr"' in text
    assert booked.code in world.bookings()[0].code


@pytest.mark.both_databases
def test_only_this_clinician_and_with_anyone(world: BookingWorld) -> None:
    ruiz, osei = world.doctors
    world.fill(1, "12:00")
    day = {"day": world.tomorrow}
    assert offered(world.phone(), who=ruiz, **day)[0] == "12:00"
    assert offered(world.phone(), who="anyone", **day)[0] == "09:00"
    phone = world.phone()
    # The first doctor was meant, the second is free: whoever has no wish gets the time.
    assert world.choose(phone, "10:00").status_code == 303
    assert world.bookings()[-1].clinician_id == osei
    answer = world.choose(world.phone(), "10:00", who=ruiz)
    assert answer.status_code == 409
    assert "just taken that time" in answer.text

    wishing = world.phone()
    assert world.choose(wishing, "09:20", doctor=1, who=osei).status_code == 303
    assert "Only Dr Osei" in wishing.get("/booking/details").text
    assert send(wishing, only="y").status_code == 303
    assert world.bookings()[-1].preference is PreferenceKind.ONLY


def test_each_answer_is_checked_and_the_field_is_named(world: BookingWorld) -> None:
    phone = world.phone()
    for value in ("", "soon", "2026-01-01T10:00:00|c1", f"{world.at('10:00').isoformat()}|x9"):
        answer = phone.post("/book/harbour/gp", data={"time": value})
        assert (answer.status_code, "Choose one of the times." in answer.text) == (422, True)
    assert phone.get("/book/harbour/nothing").status_code == 404
    assert phone.get("/booking/details").status_code in (302, 401)
    assert world.choose(phone, "10:00").status_code == 303
    wrong = {
        "name": {"": "Give the name"},
        "birth_date": {"": "Give the date of birth", "31 02 1985": "date of birth", "x": "date"},
        "contact": {"": "mobile number or an e-mail", "12": "07700 900123", "a@b": "rosa@"},
    }
    for field, answers in wrong.items():
        for given, words in answers.items():
            answer = send(phone, **{field: given})
            assert answer.status_code == 422, (field, given)
            shown = re.search(rf'id="{field}-error">.*?<span>(.*?)</span>', answer.text)
            assert shown
            assert words in shown[1]
    assert world.bookings()[0].state is AppointmentState.HELD
    assert send(phone, birth_date="27031985").status_code == 303


def test_a_hold_keeps_the_time_for_one_and_lets_another_go(world: BookingWorld) -> None:
    phone, other = world.phone(), world.phone()
    ruiz = world.doctors[0]
    assert world.choose(phone, "10:00", who=ruiz).status_code == 303
    answer = world.choose(other, "10:00", who=ruiz)
    assert answer.status_code == 409
    assert re.findall(r'<b class="num">([\d:]+)', answer.text)[:3] == ["10:20", "10:40", "11:00"]
    # Choosing another time gives the first one back.
    assert world.choose(phone, "11:00", who=ruiz).status_code == 303
    assert world.choose(other, "10:00", who=ruiz).status_code == 303
    until = world.bookings()[1].held_until
    assert phone.post("/booking/keep").status_code == 303
    longer = world.bookings()[1].held_until
    assert until is not None
    assert longer is not None
    assert longer > until


@pytest.mark.both_databases
def test_a_hold_that_ran_out_is_taken_again_while_its_time_is_free(world: BookingWorld) -> None:
    ruiz = world.doctors[0]
    late, later = world.phone(), world.phone()
    assert world.choose(late, "10:00", who=ruiz).status_code == 303
    assert world.choose(later, "11:00", who=ruiz).status_code == 303
    past = datetime.now(UTC) - MINUTE
    with world.db.write() as s:
        s.execute(sa.update(Appointment).values(held_until=past))
    assert "no longer keep this time" in late.get("/booking/details").text
    assert send(late).status_code == 303
    assert "You are booked" in late.get("/booking").text
    world.book("11:00", who=ruiz, name="Quick")
    answer = send(later, contact="later@example.org")
    assert answer.status_code == 409
    assert "Somebody else has just taken that time." in answer.text
    assert "See the next free times" in answer.text
    booked = [b for b in world.bookings() if b.state is AppointmentState.BOOKED]
    assert [b.starts_at for b in booked] == [world.at("10:00"), world.at("11:00")]


@pytest.mark.both_databases
def test_moving_and_cancelling_by_the_link(world: BookingWorld) -> None:
    link = link_in(world.book("10:00"))
    with world.db.read() as s:
        stored = s.scalars(sa.select(BookingLink)).one()
        assert len(link.removeprefix("/b/")) == 22
        assert link.removeprefix("/b/") not in str(vars(stored))
    phone = world.phone()
    assert "10:00" not in phone.get(link).text
    assert phone.post(link).headers["Location"] == "/booking"
    first, was = invited(phone)
    assert (str(first["METHOD"]), was["SEQUENCE"], was["STATUS"]) == ("REQUEST", "0", "CONFIRMED")
    summary = str(first.events[0]["SUMMARY"])
    assert summary == "Appointment at Harbour Street"
    said = first.to_ical().decode().replace("\r\n ", "").replace(link, "")
    assert not re.search(r"\b(Doctor|problem|GP|Ruiz|Rosa)\b", said)

    text = phone.get("/booking/move").text
    assert "So far:" in text
    value = f"{world.at('11:20').isoformat()}|c{world.doctors[0]}"
    assert phone.post("/booking/move", data={"time": value}).status_code == 303
    moved = world.bookings()[0]
    assert moved.starts_at == world.at("11:20")
    _, now_is = invited(phone)
    assert (now_is["UID"], now_is["SEQUENCE"]) == (was["UID"], "1")

    assert "Yes, cancel it" in phone.get("/booking/cancel").text
    assert world.bookings()[0].state is AppointmentState.BOOKED
    phone.post("/booking/cancel")
    assert "is cancelled" in phone.get("/booking").text
    last, now_is = invited(phone)
    assert (str(last["METHOD"]), now_is["UID"]) == ("CANCEL", was["UID"])
    assert (now_is["SEQUENCE"], now_is["STATUS"]) == ("2", "CANCELLED")
    # The time is free again, and the link changes nothing any more.
    assert world.choose(world.phone(), "11:20", who=world.doctors[0]).status_code == 303
    assert phone.post("/booking/move", data={"time": value}).status_code in (302, 409)
    assert world.bookings()[0].state is AppointmentState.CANCELLED
    with world.db.write() as s:
        s.execute(sa.update(BookingLink).values(expires_at=datetime.now(UTC)))
    assert world.phone().get(link).status_code == 404
    assert phone.get("/booking").status_code in (302, 401)


@pytest.mark.both_databases
def test_every_change_is_written_to_the_outbox_and_to_the_log(
    world: BookingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    phone = world.book("10:00", name="Rosamunde")
    token = link_in(phone).removeprefix("/b/")
    appointment = world.bookings()[0]
    with world.db.write() as s:  # the desk moves it, cancels it, and takes that back
        place = bookings.Place(world.at("12:00"), world.doctors[0])
        bookings.move_booking(s, SYSTEM, now(), appointment_id=appointment.id, place=place)
    with world.db.write() as s:
        bookings.cancel_booking(s, SYSTEM, now(), appointment_id=appointment.id)
    with world.db.write() as s:
        kind = VisitEvent.kind == Kind.BOOKING_CANCELLED
        event = s.scalars(sa.select(VisitEvent).where(kind)).one()
        undo.undo(s, SYSTEM, now(), event_id=event.id)
    with world.db.write() as s:
        assert compose_pending(s, now(), PUBLIC_URL) == 4
        assert compose_pending(s, now(), PUBLIC_URL) == 0
    messages = world.messages()
    assert [m.kind.removeprefix("booking_") for m in messages] == [
        "confirmed", "moved", "cancelled", "confirmed",
    ]  # fmt: skip
    files = [Calendar.from_ical(m.content["ics"]) for m in messages]
    assert [str(f["METHOD"]) for f in files] == ["REQUEST", "REQUEST", "CANCEL", "REQUEST"]
    assert [int(f.events[0]["SEQUENCE"]) for f in files] == [0, 1, 2, 3]
    assert len({str(f.events[0]["UID"]) for f in files}) == 1
    assert "10:00" in messages[0].content["text"]
    assert "12:00" in messages[1].content["text"]
    assert "{link}" in messages[0].content["text"]
    written = str([m.content for m in messages]) + caplog.text
    assert token not in written
    assert f"booking_moved of booking {appointment.id}" in caplog.text
    assert not re.search("Rosamunde|rosamunde@|1985", caplog.text)


def test_a_time_chosen_or_a_form_sent_twice_has_one_effect(world: BookingWorld) -> None:
    phone, key = world.phone(), {KEY_FIELD: "once-and-again"}
    value = f"{world.at('10:00').isoformat()}|c{world.doctors[0]}"
    for _ in range(2):
        answer = phone.post("/book/harbour/gp", data={"time": value, **key})
        assert answer.status_code == 303
    data = {"name": "Rosa", "birth_date": "27 03 1985", "contact": "rosa@example.org", **key}
    for _ in range(2):
        assert phone.post("/booking/details", data=data).status_code == 303
    assert len(world.bookings()) == len(world.messages()) == 1


def test_window_notice_and_closed_days(world: BookingWorld) -> None:
    world.settings(online_notice=26 * 3600, online_window=10 * 86400)
    phone = world.phone()
    soon = datetime.now(UTC) + timedelta(hours=25)
    soon -= timedelta(minutes=soon.minute % 20, seconds=soon.second, microseconds=soon.microsecond)
    answer = phone.post(
        "/book/harbour/gp", data={"time": f"{soon.isoformat()}|c{world.doctors[0]}"}
    )
    assert answer.status_code == 409
    assert "up to 26 hours before" in answer.text
    answer = world.choose(phone, "10:00", days=12)
    assert answer.status_code == 409
    assert "up to 10 days ahead" in answer.text
    assert world.choose(phone, "10:00", days=6).status_code == 303
    closed = world.tomorrow + ONE_DAY * 4
    with world.db.write() as s:
        s.add(OpeningException(site_id=world.site_id, day=closed, note="Holiday"))
    text = phone.get(f"/book/harbour/gp?day={closed}").text
    assert f"<b>{closed.day}</b>" not in text
    answer = world.choose(phone, "10:00", days=5)
    assert (answer.status_code, world.bookings()[-1].starts_at) == (409, world.at("10:00", 6))


def test_what_is_not_for_the_public_cannot_be_booked(world: BookingWorld) -> None:
    with world.db.write() as s:
        s.get_one(Service, world.blood).online = False
    assert "Blood test" not in world.phone().get("/book/harbour").text
    assert world.phone().get("/book/harbour/blood").status_code == 404
    world.settings(online=False)
    assert "Nothing can be booked online" in world.phone().get("/book/harbour").text
    assert world.choose(world.phone(), "10:00").status_code == 404
    assert "Book a time" not in world.phone().get("/phone/harbour").text
    world.settings(online=True)
    assert "Book a time" in world.phone().get("/phone/harbour").text


def test_limits_per_person_and_per_contact(world: BookingWorld) -> None:
    world.settings(online_per_person=2, online_per_contact=3)
    mother = "mother@example.org"
    kept = [world.book(clock, contact=mother) for clock in ("09:00", "09:40")]
    third = world.phone()
    assert world.choose(third, "10:20").status_code == 303
    answer = send(third, contact="Mother@Example.org")
    assert answer.status_code == 409
    assert "No more can be booked online with these details" in answer.text
    # A child of hers may come, somebody else too; a second child is one more than the contact has.
    assert send(third, contact=mother, birth_date="01 02 2019").status_code == 303
    fourth = world.phone()
    world.choose(fourth, "11:00")
    assert send(fourth, contact=mother, birth_date="03 04 2021").status_code == 409
    assert send(fourth, contact="father@example.org").status_code == 303
    # What is cancelled or moved counts as what it is now.
    assert kept[0].post("/booking/cancel").status_code == 303
    world.book("12:00", contact=mother)


def now() -> datetime:
    return datetime.now(UTC)

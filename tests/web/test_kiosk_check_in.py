"""Checking in at the kiosk: by code, by name and date of birth, and who is not found."""

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from queueapp.actions.sweep import sweep
from queueapp.db.models import Appointment, DeskItem, OpeningHour, Patient, Site, VainLookup
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import AppointmentState, EntryClass, EntryState
from tests import factories
from tests.web.kiosk_words import LONDON, by_name, find, heading, hidden
from tests.web.patient_world import PatientWorld


@pytest.mark.parametrize("typed", ["AB12", "ab12", " a b-12 "])
def test_a_code_checks_in_however_it_is_typed(world: PatientWorld, typed: str) -> None:
    appointment_id = world.booking(code="AB12")
    answer = find(world, typed)
    assert (answer.status_code, heading(answer)) == (200, "You are in the queue")
    assert "Your appointment:" in answer.text
    entry = world.entries()[0]
    assert (entry.appointment_id, entry.entry_class) == (appointment_id, EntryClass.BOOKED)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "Scan your code, or type your name or your code."),
        ("NOPE9", "We did not find you"),
        ("https://queue.example.org/b/NOPE99", "We did not find you"),
        ("9" * 201, "Scan your code, or type your name or your code."),
    ],
)
def test_a_wrong_code_says_what_would_be_right(world: PatientWorld, code: str, words: str) -> None:
    world.booking(code="AB12")
    before = world.counts()
    answer = find(world, code)
    assert answer.status_code in (404, 422)
    assert words in answer.text
    assert answer.status_code == 422 or "Ask the desk" in answer.text
    assert world.counts() == before


def test_checking_in_twice_shows_the_same_ticket(world: PatientWorld) -> None:
    world.booking(code="AB12")
    find(world, "AB12")
    answer = find(world, "AB12")
    assert heading(answer) == "You are in the queue already"
    assert len(world.entries()) == 1
    assert f">{world.entries()[0].visit.ticket}</p>" in answer.text


@pytest.mark.parametrize("typed", ["Zoë Łukasz", "zoe lukasz", "  LUKASZ   ZOE "])
def test_name_and_date_of_birth_check_in(world: PatientWorld, typed: str) -> None:
    appointment_id = world.booking()
    assert heading(find(world, typed)) == "When were you born?"
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
    answer = by_name(world, "Zoë Łukasz", **born)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Zoë Łukasz"' in answer.text
    assert world.counts() == before


@pytest.mark.both_databases
def test_nobody_and_a_discreet_one_read_the_same_and_several_are_told_apart(
    world: PatientWorld,
) -> None:
    world.booking("Discreet Person", discreet=True, code="SECRET1")
    world.booking("Ana Ruiz", in_minutes=20)
    second = world.booking("Ana Ruiz", in_minutes=30)
    _, one, other = world.patients()
    world.change(Patient, one.id, phone="020 7946 0123")
    world.change(Patient, other.id, phone="+44 7700 900456")
    before = world.counts()
    nobody, discreet = (by_name(world, name) for name in ("Nobody Here", "Discreet Person"))
    # But for the secrets of each form and the clock, which may have gone on.
    plain = [
        re.sub(r'(value|content)="[^"]*"|(?<=data-clock>)[^<]*', "", page.text).replace("\n", "")
        for page in (
            nobody,
            discreet,
            find(world, "SECRET1"),
            by_name(world, "Ana Ruiz", end="999"),
        )
    ]
    assert len(set(plain)) == 1
    assert (nobody.status_code, heading(nobody)) == (404, "We did not find you")
    asked = by_name(world, "Ana Ruiz")
    assert heading(asked) == "The last 3 figures of your phone number?"
    assert not re.search("0123|900456|20 7946", asked.text)
    assert world.counts() == before
    for page, kind in [(discreet, "not_found"), (asked, "name_clash")]:
        world.kiosk().post("/kiosk/harbour/ask-desk", data={"about": hidden(page, "about")})
        assert (kind, f"device:{world.device.device_id}") in world.items()
    with world.db.read() as s:
        assert [item.details for item in s.scalars(sa.select(DeskItem))] == [{}, {}]
    assert heading(by_name(world, "Ana Ruiz", end="456")) == "You are in the queue"
    assert [e.appointment_id for e in world.entries()] == [second]


@pytest.mark.both_databases
def test_after_five_tries_the_desk_is_asked_even_with_the_right_code(world: PatientWorld) -> None:
    world.booking(code="AB12")
    person = hidden(find(world, ""), "person")
    for n in range(5):
        answer = find(world, f"GUESS{n}", person=person)
        assert heading(answer) == ("We did not find you" if n < 4 else "Please ask the desk")
    assert "Try again" not in answer.text
    answer = find(world, "AB12", person=person)
    assert (answer.status_code, heading(answer)) == (429, "Please ask the desk")
    assert world.entries() == []
    # Whoever comes next is somebody else; but no one begins anew without end.
    assert heading(find(world, "GUESS5")) == "We did not find you"
    for n in range(14):
        find(world, f"MORE{n}")
    assert heading(find(world, "AB12")) == "Please ask the desk"
    with world.db.write() as s:
        s.execute(sa.update(VainLookup).values(tried_at=datetime.now(UTC) - timedelta(minutes=11)))
    assert heading(find(world, "AB12")) == "You are in the queue"


def test_a_word_that_might_be_a_code_is_a_try(world: PatientWorld) -> None:
    world.booking(code="KNEE")
    person = hidden(find(world, ""), "person")
    for n in range(5):
        assert heading(find(world, "SHIN" + "ABCDE"[n], person=person)) == "When were you born?"
    assert heading(find(world, "KNEE", person=person)) == "When were you born?"
    assert heading(find(world, "KNEE")) == "You are in the queue"


@pytest.mark.parametrize("scanned", ["https://queue.example.org/b/AB12", "queue?code=AB-12#x"])
def test_a_scanned_link_that_holds_the_code_checks_in(world: PatientWorld, scanned: str) -> None:
    world.booking(code="AB12")
    if "/" not in scanned:
        scanned = f"https://example.org/{scanned}"
    unwell = world.kiosk().post("/kiosk/harbour/booked", data={"sought": scanned})
    assert heading(unwell) == "Do you have any of these right now?"
    assert hidden(unwell, "sought") == scanned
    assert heading(find(world, scanned)) == "You are in the queue"


@pytest.mark.parametrize(("booked_in", "turns_in"), [(10, 5), (-8, -3)])
def test_the_turn_of_the_day_is_nothing_to_people_where_the_doors_stay_open(
    world: PatientWorld, booked_in: int, turns_in: int
) -> None:
    world.booking(code="AB12", in_minutes=booked_in)
    turn = (datetime.now(UTC) + timedelta(minutes=turns_in)).astimezone(LONDON)
    world.change(Site, world.site_id, settings={"day_starts_at": f"{turn:%H:%M}"})
    # The control: nothing says that the doors stay open.
    assert heading(find(world, "AB12")) == "Your appointment is on another day"
    with world.db.write() as s:
        for weekday in range(7):
            s.add(
                OpeningHour(site_id=world.site_id, weekday=weekday, opens=time(0), closes=time(0))
            )
    world.booking("Bo Li", code="DAY2", in_minutes=60 * 48)
    assert heading(find(world, "DAY2")) == "Your appointment is on another day"
    assert heading(find(world, "AB12")) == "You are in the queue"
    assert world.entries()[0].entry_class == EntryClass.BOOKED
    with world.db.write() as s:
        sweep(s, SYSTEM, datetime.now(UTC) + timedelta(minutes=9), site_id=world.site_id)
    assert world.entries()[0].state is EntryState.WAITING


@pytest.mark.both_databases
def test_too_early_another_day_another_site_say_so_and_offer_the_desk(world: PatientWorld) -> None:
    soon = world.booking(code="EARLY1", in_minutes=150)
    other_day = world.booking("Bo Li", code="DAY2", in_minutes=60 * 48)
    with world.db.write() as s:
        site = factories.make_site(s, "hill", name="Hill Clinic")
        service = factories.make_service(s, site, "Eyes")
        there = {"site_id": site.id, "service_id": service.id}
    away = world.booking("Cy Dee", code="HILL3")
    world.change(Appointment, away, **there)
    before = world.counts()

    def clock(appointment_id: int, **back: int) -> str:
        with world.db.read() as s:
            at = s.get_one(Appointment, appointment_id).starts_at - timedelta(**back)
        return f"{at.astimezone(LONDON):%H:%M}"

    early = find(world, "EARLY1")
    assert heading(early) == "You are early"
    assert clock(soon) in early.text
    assert clock(soon, minutes=60) in early.text
    another = find(world, "DAY2")
    assert heading(another) == "Your appointment is on another day"
    assert clock(other_day) in another.text
    assert "Hill Clinic" in find(world, "HILL3").text
    # A name and a date of birth are no secret: neither day nor clinic is told for them.
    for name, title in (("Bo Li", "We do not expect you today"), ("Cy Dee", "at another clinic")):
        answer = by_name(world, name)
        assert title in heading(answer)
        assert not re.search(r"\d\d:\d\d</b>\.|Hill Clinic", answer.text)
    for answer in (early, another, find(world, "HILL3"), by_name(world, "Bo Li")):
        assert (answer.status_code, "Ask the desk" in answer.text) == (404, True)
    assert world.counts() == before


def test_all_bookings_of_today_are_checked_in_at_once_on_one_ticket(world: PatientWorld) -> None:
    first = world.booking(code="ONE1", in_minutes=10)
    patient_id = world.patients()[0].id
    second = world.booking(code="TWO2", in_minutes=120, patient_id=patient_id)
    world.booking(code="HUSH3", in_minutes=60, patient_id=patient_id, discreet=True)
    answer = find(world, "ONE1")
    entries = world.entries()
    assert [e.appointment_id for e in entries] == [first, second]
    assert len({e.visit_id for e in entries}) == 1
    assert "Also today, on this ticket" in answer.text
    for code in ("ONE1", "TWO2"):
        assert heading(find(world, code)) == "You are in the queue already"
    assert len(world.entries()) == 2


def test_already_here_by_name_shows_the_ticket_but_not_the_way_into_it(world: PatientWorld) -> None:
    world.booking(code="AB12")
    assert 'class="qr"' in find(world, "AB12").text
    again = by_name(world, "Zoë Łukasz")
    assert heading(again) == "You are in the queue already"
    assert f">{world.entries()[0].visit.ticket}</p>" in again.text
    assert 'class="qr"' not in again.text
    assert "How to call me" not in again.text


@pytest.mark.both_databases
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
    answer = find(world, "MUM")
    mother, child = world.entries()
    assert mother.visit.party_id == child.visit.party_id == party
    assert f"Those with you: <b>{child.visit.ticket}</b>" in answer.text


def test_whoever_is_far_too_late_is_in_the_queue_and_the_desk_knows(world: PatientWorld) -> None:
    world.booking(code="LATE", in_minutes=-60)
    answer = find(world, "LATE")
    assert heading(answer) == "You are in the queue"
    assert "has passed" in answer.text
    assert world.entries()[0].entry_class == EntryClass.WALK_IN
    assert [kind for kind, _ in world.items()] == ["too_late"]


def test_a_withdrawn_booking_is_not_found(world: PatientWorld) -> None:
    appointment_id = world.booking(code="GONE7")
    world.change(Appointment, appointment_id, state=AppointmentState.CANCELLED)
    assert by_name(world, "Zoë Łukasz").status_code == 404
    assert find(world, "GONE7").status_code == 404
    assert world.entries() == []

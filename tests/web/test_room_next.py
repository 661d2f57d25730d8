"""The room: who is next, why, what to know, and calling them safely."""

import re
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from queueapp.actions import presence
from queueapp.db.models import Call, Site
from queueapp.domain.actor import Actor, ActorKind, Role
from queueapp.domain.localtime import to_local
from queueapp.domain.visit import EntryState, PreferenceKind, Presence
from tests import factories
from tests.web.room_words import untimed, words
from tests.web.room_world import RoomWorld

CALLED = EntryState.CALLED
WAITING = EntryState.WAITING


def test_the_next_one_is_shown_with_why_and_what_to_know(rooms: RoomWorld) -> None:
    entry_id = rooms.waits(
        "Xiomara Quispe",
        date(1951, 3, 3),
        patient={
            "name_sounds": "see-oh-MAH-rah KEES-peh",
            "language": "es",
            "access_needs": ["hard of hearing, left side"],
            "call_routes": ["lobby", "fetch"],
        },
        note="Daughter waits too",
    )
    rooms.waits("Later Person", minutes=5)
    ticket = rooms.ticket(entry_id)
    said = words(rooms.look())
    for part in (
        f"Call next: Xiomara, {ticket}",
        "Xiomara Quispe see-oh-MAH-rah KEES-peh",
        "Born 3 March 1951",
        "Spanish",
        "Hard of hearing, left side.",
        "Screen and somebody goes over, not the phone",
        "Doctor, 10 min planned.",
        "Daughter waits too",
        "target 30 min, so due by",
    ):
        assert part in said
    assert "Alike name" not in said


def test_an_alike_name_of_today_is_named_with_ticket_and_birth_date(rooms: RoomWorld) -> None:
    rooms.waits("Maria Lopez", date(1960, 1, 2))
    other = rooms.waits("Mária Lopes", date(1988, 5, 4), minutes=3)
    rooms.waits("Peter Lopez", date(1970, 1, 1), minutes=2)
    said = words(rooms.look())
    assert f"Alike name today: Mária Lopes, {rooms.ticket(other)}, born 4 May 1988." in said


def test_nobody_to_call_is_said_in_plain_words(rooms: RoomWorld) -> None:
    for name in ("One", "Two", "Three"):
        rooms.waits(name, service_id=rooms.nurse_id)
    back = datetime.now(UTC) + timedelta(minutes=17)
    out = rooms.waits("Out Side", visit={"presence": Presence.OUT, "back_by": back})
    only = rooms.waits(
        "Only Okafor", preference=PreferenceKind.ONLY, wished_clinician_id=rooms.okafor_id
    )
    said, by = words(rooms.look()), f"{to_local('Europe/London', back):%H:%M}"
    assert "Nobody waits for you now" in said
    assert "3 wait for Nurse." in said
    assert f"{rooms.ticket(out)} stepped out, back by {by}." in said
    assert f"{rooms.ticket(only)} wants only Dr Chidi Okafor." in said
    assert "Call next" not in said


def test_others_are_listed_in_order_with_the_words_why_not(rooms: RoomWorld) -> None:
    first, second = rooms.waits("First One", minutes=30), rooms.waits("Second One", minutes=10)
    nurse = rooms.waits("For Nurse", service_id=rooms.nurse_id)
    html = rooms.look(panel="others")
    assert f"entry={nurse}&" not in html
    assert html.index(f"entry={first}&") < html.index(f"entry={second}&")
    assert "Waits for Nurse." in words(html)


def test_a_press_calls_the_one_it_names_and_a_second_tap_calls_nobody_else(
    rooms: RoomWorld,
) -> None:
    first, second = rooms.waits("First One"), rooms.waits("Second One", minutes=5)
    assert rooms.done("call", expect=first, key="tap") == f"{rooms.ticket(first)} called."
    assert rooms.done("call", expect=first, key="tap") == f"{rooms.ticket(first)} called."
    said = untimed(rooms.refused("call", expect=first))
    assert said == f"{rooms.ticket(first)} has been called to Room 1 (10:00)."
    assert (rooms.state(first), rooms.state(second)) == (CALLED, WAITING)
    with rooms.db.read() as s:
        assert s.scalar(sa.select(sa.func.count()).select_from(Call)) == 1


def test_when_two_rooms_press_at_once_the_second_is_told_where(rooms: RoomWorld) -> None:
    entry_id = rooms.waits("Ann Lee")
    other = rooms.waits("Bob May", minutes=5)
    rooms.done("call", room=2, expect=entry_id)
    said = untimed(rooms.refused("call", expect=entry_id))
    assert said == f"{rooms.ticket(entry_id)} has been called to Room 2 (10:00)."
    assert rooms.state(other) is WAITING
    rooms.done("start", room=2, entry=entry_id)
    said = untimed(rooms.refused("call", expect=entry_id))
    assert said == f"{rooms.ticket(entry_id)} is in Room 2 with Dr Chidi Okafor (10:00)."
    # What somebody of the staff did says who did it.
    with rooms.db.write() as s:
        marta = factories.make_staff(s, s.get_one(Site, rooms.site_id), Role.RECEPTIONIST)
        marta.name = "Marta Lenz"
        desk = Actor(ActorKind.STAFF, marta.id, marta.name)
        presence.leave(s, desk, datetime.now(UTC), entry_id=other)
    said = untimed(rooms.refused("call", expect=other))
    assert said == f"{rooms.ticket(other)} has left (10:00, Marta Lenz)."


def test_nobody_is_called_when_another_has_become_next(rooms: RoomWorld) -> None:
    seen = rooms.waits("Ann Lee")
    urgent = rooms.waits("Urgent One", minutes=1, band=0)
    said = rooms.refused("call", expect=seen)
    assert f"{rooms.ticket(urgent)} is next now, not {rooms.ticket(seen)}." in said
    assert (rooms.state(seen), rooms.state(urgent)) == (WAITING, WAITING)


def test_a_chosen_person_is_called_and_one_who_cannot_be_is_refused(rooms: RoomWorld) -> None:
    rooms.waits("First One", minutes=30)
    chosen = rooms.waits("Chosen One", minutes=5)
    nurse = rooms.waits("For Nurse", service_id=rooms.nurse_id)
    assert "waits for a service that is not given" in rooms.refused("call-one", entry=nurse)
    rooms.done("call-one", entry=chosen)
    assert rooms.state(chosen) is CALLED
    assert "taken" in rooms.refused("call-one", entry=rooms.waits("Third One"))
    # Looks like a digit, and is no number of anybody's.
    assert rooms.press("start", entry="²").status_code == 404


def test_the_called_one_is_shown_with_the_routes_used(rooms: RoomWorld) -> None:
    entry_id = rooms.called("Ann Lee", patient={"call_routes": ["lobby", "fetch"]})
    said = words(rooms.look())
    assert "Ann is here: start" in said
    assert "Called to Room 1 at 10:00" in untimed(said)
    assert re.search(r"Lobby screen called \d\d:\d\d:\d\d Phone not wished", said)
    assert "Somebody goes over the desk was asked" in said
    assert rooms.ticket(entry_id) in said


def test_did_not_answer_waits_for_every_route(rooms: RoomWorld) -> None:
    entry_id = rooms.called("Ann Lee", patient={"call_routes": ["lobby", "fetch"]})
    said = rooms.refused("absent", entry=entry_id)
    assert said == f"{rooms.ticket(entry_id)} was not yet called by: staff going over."
    rooms.done("fetched", entry=entry_id)
    assert "place kept" in rooms.done("absent", entry=entry_id)
    assert rooms.state(entry_id) is WAITING
    said = words(rooms.look())
    assert f"{rooms.ticket(entry_id)} did not answer" in said
    assert "place kept" in said
    rooms.done("call-one", entry=entry_id)
    assert rooms.state(entry_id) is CALLED


def test_again_is_another_summons(rooms: RoomWorld) -> None:
    entry_id = rooms.called()
    rooms.done("again", entry=entry_id)
    assert "since the call, call 2" in words(rooms.look())
    assert "Call again, third time" in words(rooms.look())


def test_the_wrong_person_waits_again_in_the_same_place(rooms: RoomWorld) -> None:
    entry_id = rooms.called()
    due_by = rooms.entry(entry_id).due_by
    rooms.done("wrong", entry=entry_id)
    assert rooms.state(entry_id) is WAITING
    assert rooms.entry(entry_id).due_by == due_by
    said = untimed(rooms.refused("start", entry=entry_id))
    assert said == f"{rooms.ticket(entry_id)} is waiting (10:00)."

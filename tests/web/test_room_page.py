"""The room as a page: what is left, several people, without a script, what the channel says."""

import re
from datetime import timedelta

import pytest
from flask import g

from queueapp.db.models import Party, Room, Shift, Site
from queueapp.domain.localtime import to_local
from queueapp.realtime.content.room import room
from tests.web.room_words import untimed, words
from tests.web.room_world import RoomWorld


def test_what_is_left_is_counted_before_the_end_of_the_shift(rooms: RoomWorld) -> None:
    for n in range(4):
        rooms.waits(f"Person {n}", minutes=10 + n)
    ends = to_local("Europe/London", rooms.shift().planned_to)
    # Two doctors share four people.
    assert f"2 left before {ends:%H:%M}" in words(rooms.look())


def test_every_person_of_a_room_with_places_is_shown(rooms: RoomWorld) -> None:
    with rooms.db.write() as s:
        s.get_one(Shift, rooms.shift_ids[0]).room.places = 2
    first = rooms.seen("Ann Lee")
    second = rooms.called("Bob May", minutes=5)
    said = words(rooms.look())
    assert "In the room since" in said
    assert rooms.ticket(first) in said
    assert "Bob is here: start" in said
    rooms.done("start", entry=second)
    assert words(rooms.look()).count("In the room since") == 2


def test_a_party_called_together_is_started_and_finished_one_by_one(rooms: RoomWorld) -> None:
    with rooms.db.write() as s:
        party = Party(site_id=rooms.site_id, called_together=True, created_at=rooms.now)
        s.add(party)
        s.flush()
        together = {"party_id": party.id}
    ann, bea = (rooms.waits(name, visit=together) for name in ("Ann Lee", "Bea Lee"))
    following = rooms.waits("Bob May", minutes=5)
    rooms.done("call", expect=ann)
    for entry_id in (ann, bea):
        rooms.done("start", entry=entry_id)
    assert f"Finish Ann, {rooms.ticket(ann)} Bea stays in the room." in words(rooms.look())
    rooms.done("finish", entry=ann)
    assert f"Call next: Bob, {rooms.ticket(following)} Finishes Bea." in words(rooms.look())


def test_without_a_script_the_same_presses_lead_back_to_the_page(rooms: RoomWorld) -> None:
    entry_id = rooms.waits("Ann Lee")
    tablet, path = rooms.tablet(), f"/room/{rooms.room_ids[0]}"
    data = {"expect": entry_id, "shift": rooms.shift_ids[0]}
    answer = tablet.post(f"{path}/call", data=data, follow_redirects=True)
    assert f"{rooms.ticket(entry_id)} called." in words(answer.text)
    answer = tablet.post(
        f"{path}/call", data=data, follow_redirects=True,
        headers={"Referer": f"http://localhost{path}"},
    )  # fmt: skip
    said = untimed(words(answer.text))
    assert f"{rooms.ticket(entry_id)} has been called to Room 1 (10:00)." in said


def test_what_the_room_hears_is_what_the_page_shows(rooms: RoomWorld) -> None:
    rooms.waits("Ann Lee")
    with rooms.app.test_request_context(), rooms.db.read() as s:
        g.is_live = True
        # A moment of the next minute: nobody's turn changes within its seconds, whatever the clock.
        at = rooms.now.replace(second=10, microsecond=0) + timedelta(minutes=1)
        site = s.get_one(Site, rooms.site_id)
        one = room(s, site, at, rooms.room_ids[0])
        assert one == room(s, site, at + timedelta(seconds=20), rooms.room_ids[0])
    assert "Call next: Ann" in words(one["html"])
    assert "csrf" not in one["html"]


@pytest.mark.both_databases
def test_a_room_is_called_by_its_own_name_on_the_way_to_it(rooms: RoomWorld) -> None:
    with rooms.db.write() as s:
        s.get_one(Room, rooms.room_ids[1]).name = "Treatment room"
        s.get_one(Room, rooms.room_ids[2]).name = "Room 7"
    said = words(rooms.signed_in().get("/").text)
    assert re.findall(r"Room 1|(?:Room )?Treatment room|(?:Room )+7", said) == [
        "Room 1", "Treatment room", "Room 7",
    ]  # fmt: skip

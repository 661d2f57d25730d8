"""The room: who works there, pauses, running late, changing rooms."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from queueapp.db.models import Pause, Shift
from tests.web.room_words import clock, words
from tests.web.room_world import RoomWorld


@pytest.mark.both_databases
def test_who_works_here_is_asked_and_a_login_names_itself(rooms: RoomWorld) -> None:
    rooms.done("close")
    html = rooms.look()
    assert "Who works here?" in words(html)
    assert not re.search(r"<option selected value=\"\d", html)
    mine = rooms.signed_in().get(f"/room/{rooms.room_ids[0]}").text
    assert f'selected value="{rooms.ruiz_id}"' in mine
    assert rooms.refused("open", clinician="") == "Choose who works here."
    said = rooms.refused("open", clinician=str(rooms.okafor_id))
    assert "already on shift in 2" in said or "already on shift" in said
    assert "works here until" in rooms.done("open", clinician=str(rooms.ruiz_id), until=clock(90))
    assert "Dr Elena Ruiz" in words(rooms.look())


def test_closing_with_somebody_inside_is_refused_and_handing_over_takes_them_along(
    rooms: RoomWorld,
) -> None:
    entry_id = rooms.seen()
    assert rooms.ticket(entry_id) in rooms.refused("close")
    with rooms.db.write() as s:
        s.get_one(Shift, rooms.shift_ids[1]).actual_to = datetime.now(UTC)
    rooms.done("hand-over", clinician=str(rooms.okafor_id))
    assert rooms.entry(entry_id).clinician_id == rooms.okafor_id
    assert rooms.refused("pause", reason="Tea", until=clock(10)) == "Dr Elena Ruiz has gone home."


def test_changing_room_takes_the_called_one_along(rooms: RoomWorld) -> None:
    entry_id = rooms.called()
    second, third = (str(n) for n in rooms.room_ids[1:])
    assert "Dr Chidi Okafor works in 2" in rooms.refused("room", fields={"room": second})
    said = rooms.done("room", fields={"room": third})
    assert said == "Dr Elena Ruiz works in Room 3 now."
    assert rooms.entry(entry_id).room_id == rooms.room_ids[2]


@pytest.mark.both_databases
def test_a_pause_needs_a_reason_and_an_end_and_stops_calls(rooms: RoomWorld) -> None:
    entry_id = rooms.waits("Ann Lee")
    back = clock(10)
    assert rooms.refused("pause", reason="", until=back) == "Say why: colleagues see it."
    assert "10:40" in rooms.refused("pause", reason="Tea", until="")
    assert "over" in rooms.refused("pause", reason="Tea", until=clock(-30))
    rooms.done("pause", reason="Tea", until=back)
    said = words(rooms.look())
    assert f"Tea, back at {back}" in said
    assert "Back: end the pause" in said
    assert "paused" in rooms.refused("call", expect=entry_id)
    assert rooms.refused("pause", reason="Tea", until=back).endswith("already on a pause.")
    rooms.done("resume")
    with rooms.db.read() as s:
        assert s.scalars(sa.select(Pause)).one().ended_at is not None
    assert "Call next: Ann" in words(rooms.look())


def test_running_late_is_shown_and_ends(rooms: RoomWorld) -> None:
    assert rooms.refused("late", minutes="") != ""
    assert rooms.refused("late", minutes="2000") == "Give 0 to 720 minutes."
    rooms.done("late", minutes="20")
    assert rooms.shift().declared_delay == timedelta(minutes=20)
    assert "20 min late" in words(rooms.look())
    assert rooms.done("late", minutes="0") == "On time."
    assert "min late" not in words(rooms.look())

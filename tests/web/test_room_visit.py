"""The room: starting, finishing, sending on, and taking back."""

import pytest
import sqlalchemy as sa

from queueapp.db.models import QueueEntry
from queueapp.domain.visit import EntryState, PreferenceKind, Resolution
from tests.web.room_words import clock, event_in, untimed, words
from tests.web.room_world import RoomWorld

CALLED = EntryState.CALLED
IN_SERVICE = EntryState.IN_SERVICE
WAITING = EntryState.WAITING
FINISHED = EntryState.FINISHED
TRANSFERRED = EntryState.TRANSFERRED


def test_start_and_finish_with_an_outcome(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    said = words(rooms.look())
    assert "In the room since" in said
    assert "so far, 10 min planned" in said
    assert "checked" not in rooms.look()  # no outcome is chosen beforehand
    rooms.done("finish", entry=entry_id, resolution="follow_up")
    assert rooms.state(entry_id) is FINISHED
    assert rooms.entry(entry_id).visit.resolution is Resolution.FOLLOW_UP
    assert "finished, follow-up booked" in words(rooms.look())


def test_an_outcome_that_is_not_said_is_kept_as_unknown(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    said = rooms.refused("finish", entry=entry_id, resolution="cured")
    assert said == "Choose one of the three, or leave it out."
    rooms.done("finish", entry=entry_id)
    assert rooms.entry(entry_id).visit.resolution is None


def test_finish_and_call_next_is_one_action(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    following = rooms.waits("Bob May", minutes=5)
    said = words(rooms.look())
    assert f"Call next: Bob, {rooms.ticket(following)} Finishes Ann." in said
    rooms.done("finish-and-call", entry=entry_id, expect=following, resolution="resolved")
    assert (rooms.state(entry_id), rooms.state(following)) == (FINISHED, CALLED)


def test_finish_and_call_next_finishes_nobody_when_another_is_next(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    following = rooms.waits("Bob May", minutes=5)
    urgent = rooms.waits("Urgent One", minutes=1, band=0)
    said = rooms.refused("finish-and-call", entry=entry_id, expect=following)
    assert "The order has changed" in said
    assert (rooms.state(entry_id), rooms.state(urgent)) == (IN_SERVICE, WAITING)


@pytest.mark.both_databases
def test_the_next_step_is_opened_with_the_same_clinician(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    rooms.done("finish", entry=entry_id, next_service=str(rooms.gp_id), next_who="same")
    with rooms.db.read() as s:
        opened = s.scalars(sa.select(QueueEntry).where(QueueEntry.previous_id == entry_id)).one()
        assert opened.wished_clinician_id == rooms.ruiz_id
        assert opened.preference is PreferenceKind.ONLY
        assert opened.visit.departed_at is None


def test_transfer_goes_on_to_a_service_and_needs_one(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    assert "Choose one of this clinic's services" in rooms.refused(
        "transfer", entry=entry_id, service=""
    )
    rooms.done("transfer", entry=entry_id, service=str(rooms.nurse_id), clinician="", note="ECG")
    assert rooms.state(entry_id) is TRANSFERRED
    with rooms.db.read() as s:
        opened = s.scalars(sa.select(QueueEntry).where(QueueEntry.previous_id == entry_id)).one()
        assert (opened.service_id, opened.note) == (rooms.nurse_id, "ECG")


def test_set_aside_until_ready_comes_back_to_the_same_clinician(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    assert "when they can come back" in rooms.refused("aside", entry=entry_id, service="")
    ready = clock(20)
    rooms.done("aside", entry=entry_id, service="", ready_at=ready)
    with rooms.db.read() as s:
        opened = s.scalars(sa.select(QueueEntry).where(QueueEntry.previous_id == entry_id)).one()
        assert opened.wished_clinician_id == rooms.ruiz_id
    assert f"is set aside, again from {ready}" in words(rooms.look())


def test_set_aside_by_another_service_first(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    rooms.done("aside", entry=entry_id, service=str(rooms.nurse_id))
    with rooms.db.read() as s:
        opened = s.scalars(sa.select(QueueEntry).where(QueueEntry.previous_id == entry_id)).one()
        assert opened.service_id == rooms.nurse_id


def test_another_rooms_person_is_not_touched_from_here(rooms: RoomWorld) -> None:
    entry_id = rooms.waits("Ann Lee")
    rooms.done("call", room=2, expect=entry_id)
    for verb in ("start", "finish", "absent", "again", "wrong"):
        said = rooms.refused(verb, entry=entry_id)
        assert untimed(said) == f"{rooms.ticket(entry_id)} has been called to Room 2 (10:00)."
    assert rooms.refused("start", entry=999999) == "The ticket was not found."


def test_a_start_is_taken_back(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    html = rooms.look()
    assert "Undo start" in words(html)
    rooms.done("undo", event=event_in(html))
    assert rooms.state(entry_id) is CALLED


@pytest.mark.both_databases
def test_a_finish_that_called_the_next_is_taken_back_whole(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    following = rooms.waits("Bob May", minutes=5)
    rooms.done("finish-and-call", entry=entry_id, expect=following, resolution="resolved")
    html = rooms.look()
    assert f"Ann, {rooms.ticket(entry_id)} finished, resolved" in words(html)
    assert "Undo finish and the call" in words(html)
    rooms.done("undo", event=event_in(html))
    assert (rooms.state(entry_id), rooms.state(following)) == (IN_SERVICE, WAITING)


def test_what_has_moved_on_is_not_taken_back_and_says_why(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    following = rooms.waits("Bob May", minutes=5)
    rooms.done("finish-and-call", entry=entry_id, expect=following)
    event = event_in(rooms.look())
    rooms.done("start", entry=following)
    said = rooms.refused("undo", event=event)
    assert said == f"{rooms.ticket(following)} went in to the clinician since then."
    assert rooms.refused("undo", event="999999") == "What you want to undo was not found."

"""Buttons pressed late or never: the clinician is asked, and one tap puts it right."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from queueapp.actions.learning import what_is_known
from queueapp.actions.sign_ins import begin_sign_in
from queueapp.db.models import Call, QueueEntry, Site, VisitEvent
from queueapp.db.queries.history import load_history
from queueapp.db.queries.snapshot import load_snapshot
from queueapp.domain.actor import Role
from queueapp.domain.events import Kind
from queueapp.domain.quantiles import Quantiles
from queueapp.domain.visit import EntryState, Resolution
from queueapp.waits.forecast import forecast
from tests import factories
from tests.web.room_words import event_in, words
from tests.web.room_world import RoomWorld

SOON = timedelta(seconds=20)


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def began(rooms: RoomWorld, entry_id: int, minutes: float, *, called: bool = False) -> None:
    """Let it have been so long ago that the person went in, or was called."""
    with rooms.db.write() as s:
        entry = s.get_one(QueueEntry, entry_id)
        entry.called_at = ago(minutes)
        entry.started_at = None if called else ago(minutes)
        for call in s.scalars(sa.select(Call).where(Call.entry_id == entry_id)):
            call.called_at = ago(minutes)


def asked(rooms: RoomWorld) -> str:
    """What room 1 is asked; nothing while the question's time has not come."""
    page = re.search(r'<section id="asked-\d+"(.*?)</section>', rooms.look(), re.S)
    assert page, "no question stands ready"
    return "" if " hidden>" in page[1].split("\n")[0] else words(f"<section {page[1]}")


def desk_says(rooms: RoomWorld) -> str:
    """The first room's strip, as the desk sees it."""
    with rooms.db.write() as s:
        site = s.get_one(Site, rooms.site_id)
        marta = factories.make_staff(s, site, Role.RECEPTIONIST)
        credential = begin_sign_in(s, datetime.now(UTC), staff=marta).credential
    client = rooms.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = f"{credential.id}:{credential.stamp}"
        session["staff_since"] = datetime.now(UTC).timestamp()
    page = client.get("/desk/harbour").text
    strip = page.split(f'id="room-{rooms.room_ids[0]}"')[1].split('class="strip"')[0]
    return words(re.sub(r"<span [^>]* hidden>.*?</span>", "", strip, flags=re.S))


def learned(rooms: RoomWorld) -> list[float]:
    """Minutes of the visits that durations are learned from."""
    with rooms.db.read() as s:
        site = s.get_one(Site, rooms.site_id)
        return [one.seconds / 60 for one in load_history(s, site, datetime.now(UTC))]


def told(rooms: RoomWorld, entry_id: int) -> Quantiles:
    """The forecast of somebody who waits, in seconds."""
    with rooms.db.read() as s:
        site, now = s.get_one(Site, rooms.site_id), datetime.now(UTC)
        known, durations = what_is_known(s, site, now)
        snapshot = load_snapshot(s, site, now, known, None)
        return forecast(snapshot, durations, draws=1000, seed=1).entries[entry_id]


def test_a_visit_that_runs_too_long_is_asked_about_once_at_a_time(rooms: RoomWorld) -> None:
    entry_id, _ = rooms.seen(), rooms.waits("Bob May", minutes=5)
    ticket = rooms.ticket(entry_id)
    began(rooms, entry_id, 20)
    assert asked(rooms) == ""
    assert "forgotten" not in desk_says(rooms)
    began(rooms, entry_id, 52)
    said = asked(rooms)
    assert f"Still with Ann, {ticket}?" in said
    assert re.search(r"in since \d\d:\d\d; 10 min were planned", said)
    assert "Call next: Bob" in words(rooms.look())  # nothing stands in the way
    assert "Button forgotten?" in desk_says(rooms)

    rooms.done("still-in", entry=entry_id)
    assert rooms.state(entry_id) is EntryState.IN_SERVICE
    assert asked(rooms) == ""
    assert "forgotten" not in desk_says(rooms)
    page = rooms.look()
    assert f"{ticket} still in the room" in words(page)
    rooms.done("undo", event=event_in(page))
    assert "Still with Ann" in asked(rooms)

    rooms.done("still-in", entry=entry_id)
    with rooms.db.write() as s:  # half an hour after that answer
        s.get_one(QueueEntry, entry_id).still_in_at = ago(31)
    began(rooms, entry_id, 83)
    assert "Still with Ann" in asked(rooms)


def test_a_visit_that_ended_a_while_ago_ends_then(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    began(rooms, entry_id, 52)
    before = datetime.now(UTC)
    rooms.done("ended", entry=entry_id, ago="10", resolution="resolved")
    entry = rooms.entry(entry_id)
    assert entry.state is EntryState.FINISHED
    assert entry.ended_at
    assert abs(entry.ended_at - before + timedelta(minutes=10)) < SOON
    assert (entry.visit.departed_at, entry.visit.resolution) == (
        entry.ended_at,
        Resolution.RESOLVED,
    )
    assert [round(n) for n in learned(rooms)] == [42]
    with rooms.db.read() as s:
        event = s.scalars(sa.select(VisitEvent).where(VisitEvent.kind == Kind.FINISHED.value)).one()
        assert (event.occurred_at, event.recorded_at >= before) == (entry.ended_at, True)
    rooms.done("undo", event=event_in(rooms.look()))
    assert rooms.state(entry_id) is EntryState.IN_SERVICE


def test_whoever_does_not_know_when_it_ended_teaches_no_length(rooms: RoomWorld) -> None:
    entry_id = rooms.seen()
    began(rooms, entry_id, 20)
    assert "not in the room so long ago" in rooms.refused("ended", entry=entry_id, ago="30")
    for bad in ("", "-5", "600", "x"):
        said = rooms.refused("ended", entry=entry_id, ago=bad)
        assert said == "Choose when it ended, or that you do not know."
    rooms.done("ended", entry=entry_id, ago="unknown")
    entry = rooms.entry(entry_id)
    assert (entry.state, entry.end_unknown) == (EntryState.FINISHED, True)
    assert entry.visit.resolution is None  # never guessed
    assert learned(rooms) == []
    assert "has finished" in rooms.refused("still-in", entry=entry_id)


def test_one_called_whom_nobody_let_in_is_asked_about(rooms: RoomWorld) -> None:
    entry_id = rooms.called()
    began(rooms, entry_id, 4, called=True)
    assert asked(rooms) == ""
    began(rooms, entry_id, 12, called=True)
    assert re.search(r"Did Ann, \w+ come in\? Called at \d\d:\d\d\.", asked(rooms))
    assert "Button forgotten?" in desk_says(rooms)
    rooms.done("came", entry=entry_id)
    entry = rooms.entry(entry_id)
    assert entry.state is EntryState.IN_SERVICE
    assert entry.started_at
    assert entry.called_at
    assert timedelta(0) < entry.started_at - entry.called_at < timedelta(minutes=2)
    assert asked(rooms) == ""
    rooms.done("undo", event=event_in(rooms.look()))
    assert rooms.state(entry_id) is EntryState.CALLED


@pytest.mark.both_databases
def test_meanwhile_less_is_known_of_the_wait_behind_it(rooms: RoomWorld) -> None:
    entry_id, behind = rooms.seen(), rooms.waits("Bob May", minutes=5)
    rooms.done("close", room=2)  # nobody else could call
    ranges = []
    for minutes in (0, 12, 52, 120):
        began(rooms, entry_id, minutes)
        ranges.append(told(rooms, behind))
    widths = [(q.p90 - q.p10) / 60 for q in ranges]
    assert widths[1] < widths[2] < widths[3]
    assert ranges[3].p10 < 6 * 60  # it may have been over long since
    rooms.done("ended", entry=entry_id, ago="30")
    assert told(rooms, behind).p90 < 60

    rooms.done("call", expect=behind)
    third = rooms.waits("Cem Ay", minutes=3)
    began(rooms, behind, 4, called=True)
    just_called = told(rooms, third).p50
    began(rooms, behind, 12, called=True)
    assert told(rooms, third).p50 < just_called - 120  # time since a forgotten start is care

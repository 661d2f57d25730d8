"""The room: every verb and its refusals, which leave nothing half-done."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import g

from queueapp.db.models import Call, Party, Pause, QueueEntry, Shift, Site
from queueapp.domain.localtime import to_local
from queueapp.domain.visit import EntryState, PreferenceKind, Presence, Resolution
from queueapp.realtime.content.room import room
from tests.web.room_world import RoomWorld

CALLED, IN_SERVICE, WAITING = EntryState.CALLED, EntryState.IN_SERVICE, EntryState.WAITING
FINISHED, TRANSFERRED = EntryState.FINISHED, EntryState.TRANSFERRED


@pytest.fixture
def world(fresh_database: str, tmp_path: Path) -> Iterator[RoomWorld]:
    world = RoomWorld(fresh_database, tmp_path)
    yield world
    world.db.dispose()


def words(html: str) -> str:
    """The page as it is read: no tags, single spaces."""
    html = re.sub(r"<svg hidden>.*?</svg>\s*<a class=\"skip\"", "<a", html, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace(" ,", ",").replace(" :", ":")


def clock(minutes: float) -> str:
    return f"{to_local('Europe/London', datetime.now(UTC) + timedelta(minutes=minutes)):%H:%M}"


# ---------- who is next ----------


def test_the_next_one_is_shown_with_why_and_what_to_know(world: RoomWorld) -> None:
    entry_id = world.waits(
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
    world.waits("Later Person", minutes=5)
    ticket = world.ticket(entry_id)
    said = words(world.look())
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


def test_an_alike_name_of_today_is_named_with_ticket_and_birth_date(world: RoomWorld) -> None:
    world.waits("Maria Lopez", date(1960, 1, 2))
    other = world.waits("Mária Lopes", date(1988, 5, 4), minutes=3)
    world.waits("Peter Lopez", date(1970, 1, 1), minutes=2)
    said = words(world.look())
    assert f"Alike name today: Mária Lopes, {world.ticket(other)}, born 4 May 1988." in said


def test_nobody_to_call_is_said_in_plain_words(world: RoomWorld) -> None:
    for name in ("One", "Two", "Three"):
        world.waits(name, service_id=world.nurse_id)
    back = datetime.now(UTC) + timedelta(minutes=17)
    out = world.waits("Out Side", visit={"presence": Presence.OUT, "back_by": back})
    only = world.waits(
        "Only Okafor", preference=PreferenceKind.ONLY, wished_clinician_id=world.okafor_id
    )
    said = words(world.look())
    assert "Nobody waits for you now" in said
    assert "3 wait for Nurse." in said
    assert f"{world.ticket(out)} stepped out, back by {clock(17)}." in said
    assert f"{world.ticket(only)} wants only Dr Chidi Okafor." in said
    assert "Call next" not in said


def test_others_are_listed_in_order_with_the_words_why_not(world: RoomWorld) -> None:
    first, second = world.waits("First One", minutes=30), world.waits("Second One", minutes=10)
    nurse = world.waits("For Nurse", service_id=world.nurse_id)
    html = world.look(panel="others")
    assert html.index(f'name="entry" value="{first}"') < html.index(
        f'name="entry" value="{second}"'
    )
    assert f'name="entry" value="{nurse}"' not in html
    assert "Waits for Nurse." in words(html)


# ---------- calling ----------


def test_a_press_calls_the_one_it_names_and_a_second_tap_calls_nobody_else(
    world: RoomWorld,
) -> None:
    first, second = world.waits("First One"), world.waits("Second One", minutes=5)
    assert world.done("call", expect=first, key="tap") == f"{world.ticket(first)} called."
    assert world.done("call", expect=first, key="tap") == f"{world.ticket(first)} called."
    assert (
        world.refused("call", expect=first) == f"{world.ticket(first)} has been called to Room 1."
    )
    assert (world.state(first), world.state(second)) == (CALLED, WAITING)
    with world.db.read() as s:
        assert s.scalar(sa.select(sa.func.count()).select_from(Call)) == 1


def test_when_two_rooms_press_at_once_the_second_is_told_where(world: RoomWorld) -> None:
    entry_id = world.waits("Ann Lee")
    other = world.waits("Bob May", minutes=5)
    world.done("call", room=2, expect=entry_id)
    said = world.refused("call", expect=entry_id)
    assert said == f"{world.ticket(entry_id)} has been called to Room 2."
    assert world.state(other) is WAITING
    world.done("start", room=2, entry=entry_id)
    said = world.refused("call", expect=entry_id)
    assert said == f"{world.ticket(entry_id)} is in Room 2 with Dr Chidi Okafor."


def test_nobody_is_called_when_another_has_become_next(world: RoomWorld) -> None:
    seen = world.waits("Ann Lee")
    urgent = world.waits("Urgent One", minutes=1, band=0)
    said = world.refused("call", expect=seen)
    assert f"{world.ticket(urgent)} is next now, not {world.ticket(seen)}." in said
    assert (world.state(seen), world.state(urgent)) == (WAITING, WAITING)


def test_a_chosen_person_is_called_and_one_who_cannot_be_is_refused(world: RoomWorld) -> None:
    world.waits("First One", minutes=30)
    chosen = world.waits("Chosen One", minutes=5)
    nurse = world.waits("For Nurse", service_id=world.nurse_id)
    assert "waits for a service that is not given" in world.refused("call-one", entry=nurse)
    world.done("call-one", entry=chosen)
    assert world.state(chosen) is CALLED
    assert "taken" in world.refused("call-one", entry=world.waits("Third One"))


def test_the_called_one_is_shown_with_the_routes_used(world: RoomWorld) -> None:
    entry_id = world.called("Ann Lee", patient={"call_routes": ["lobby", "fetch"]})
    said = words(world.look())
    assert "Ann is here: start" in said
    assert f"Called to Room 1 at {clock(0)}" in said or f"Called to Room 1 at {clock(-1)}" in said
    assert re.search(r"Lobby screen called \d\d:\d\d:\d\d Phone not wished", said)
    assert "Somebody goes over the desk was asked" in said
    assert world.ticket(entry_id) in said


def test_did_not_answer_waits_for_every_route(world: RoomWorld) -> None:
    entry_id = world.called("Ann Lee", patient={"call_routes": ["lobby", "fetch"]})
    said = world.refused("absent", entry=entry_id)
    assert said == f"{world.ticket(entry_id)} was not yet called by: staff going over."
    world.done("fetched", entry=entry_id)
    assert "place kept" in world.done("absent", entry=entry_id)
    assert world.state(entry_id) is WAITING
    said = words(world.look())
    assert f"{world.ticket(entry_id)} did not answer" in said
    assert "place kept" in said
    world.done("call-one", entry=entry_id)
    assert world.state(entry_id) is CALLED


def test_again_is_another_summons(world: RoomWorld) -> None:
    entry_id = world.called()
    world.done("again", entry=entry_id)
    assert "since the call, call 2" in words(world.look())
    assert "Call again, third time" in words(world.look())


def test_the_wrong_person_waits_again_in_the_same_place(world: RoomWorld) -> None:
    entry_id = world.called()
    due_by = world.entry(entry_id).due_by
    world.done("wrong", entry=entry_id)
    assert world.state(entry_id) is WAITING
    assert world.entry(entry_id).due_by == due_by
    assert world.refused("start", entry=entry_id) == f"{world.ticket(entry_id)} is waiting."


# ---------- in service ----------


def test_start_and_finish_with_an_outcome(world: RoomWorld) -> None:
    entry_id = world.seen()
    said = words(world.look())
    assert "In the room since" in said
    assert "so far, 10 min planned" in said
    assert "checked" not in world.look()  # no outcome is chosen beforehand
    world.done("finish", entry=entry_id, resolution="follow_up")
    assert world.state(entry_id) is FINISHED
    assert world.entry(entry_id).visit.resolution is Resolution.FOLLOW_UP
    assert "finished, follow-up booked" in words(world.look())


def test_an_outcome_that_is_not_said_is_kept_as_unknown(world: RoomWorld) -> None:
    entry_id = world.seen()
    said = world.refused("finish", entry=entry_id, resolution="cured")
    assert said == "Choose one of the three, or leave it out."
    world.done("finish", entry=entry_id)
    assert world.entry(entry_id).visit.resolution is None


def test_finish_and_call_next_is_one_action(world: RoomWorld) -> None:
    entry_id = world.seen()
    following = world.waits("Bob May", minutes=5)
    said = words(world.look())
    assert f"Call next: Bob, {world.ticket(following)} Finishes Ann." in said
    world.done("finish-and-call", entry=entry_id, expect=following, resolution="resolved")
    assert (world.state(entry_id), world.state(following)) == (FINISHED, CALLED)


def test_finish_and_call_next_finishes_nobody_when_another_is_next(world: RoomWorld) -> None:
    entry_id = world.seen()
    following = world.waits("Bob May", minutes=5)
    urgent = world.waits("Urgent One", minutes=1, band=0)
    said = world.refused("finish-and-call", entry=entry_id, expect=following)
    assert "The order has changed" in said
    assert (world.state(entry_id), world.state(urgent)) == (IN_SERVICE, WAITING)


def test_the_next_step_is_opened_with_the_same_clinician(world: RoomWorld) -> None:
    entry_id = world.seen()
    world.done("finish", entry=entry_id, next_service=str(world.gp_id), next_who="same")
    with world.db.read() as s:
        opened = s.scalars(sa.select(QueueEntry).where(QueueEntry.previous_id == entry_id)).one()
        assert opened.wished_clinician_id == world.ruiz_id
        assert opened.preference is PreferenceKind.ONLY
        assert opened.visit.departed_at is None


def test_transfer_goes_on_to_a_service_and_needs_one(world: RoomWorld) -> None:
    entry_id = world.seen()
    assert "Choose one of this clinic's services" in world.refused(
        "transfer", entry=entry_id, service=""
    )
    world.done("transfer", entry=entry_id, service=str(world.nurse_id), clinician="", note="ECG")
    assert world.state(entry_id) is TRANSFERRED
    with world.db.read() as s:
        opened = s.scalars(sa.select(QueueEntry).where(QueueEntry.previous_id == entry_id)).one()
        assert (opened.service_id, opened.note) == (world.nurse_id, "ECG")


def test_set_aside_until_ready_comes_back_to_the_same_clinician(world: RoomWorld) -> None:
    entry_id = world.seen()
    assert "when they can come back" in world.refused("aside", entry=entry_id, service="")
    world.done("aside", entry=entry_id, service="", ready_at=clock(20))
    with world.db.read() as s:
        opened = s.scalars(sa.select(QueueEntry).where(QueueEntry.previous_id == entry_id)).one()
        assert opened.wished_clinician_id == world.ruiz_id
    assert f"is set aside, again from {clock(20)}" in words(world.look())


def test_set_aside_by_another_service_first(world: RoomWorld) -> None:
    entry_id = world.seen()
    world.done("aside", entry=entry_id, service=str(world.nurse_id))
    with world.db.read() as s:
        opened = s.scalars(sa.select(QueueEntry).where(QueueEntry.previous_id == entry_id)).one()
        assert opened.service_id == world.nurse_id


def test_another_rooms_person_is_not_touched_from_here(world: RoomWorld) -> None:
    entry_id = world.waits("Ann Lee")
    world.done("call", room=2, expect=entry_id)
    for verb in ("start", "finish", "absent", "again", "wrong"):
        said = world.refused(verb, entry=entry_id)
        assert said == f"{world.ticket(entry_id)} has been called to Room 2."
    assert world.refused("start", entry=999999) == "The ticket was not found."


# ---------- taking back ----------


def event_in(html: str) -> str:
    found = re.search(r'name="event" value="(\d+)"', html)
    assert found, words(html)
    return found[1]


def test_a_start_is_taken_back(world: RoomWorld) -> None:
    entry_id = world.seen()
    html = world.look()
    assert "Undo start" in words(html)
    world.done("undo", event=event_in(html))
    assert world.state(entry_id) is CALLED


def test_a_finish_that_called_the_next_is_taken_back_whole(world: RoomWorld) -> None:
    entry_id = world.seen()
    following = world.waits("Bob May", minutes=5)
    world.done("finish-and-call", entry=entry_id, expect=following, resolution="resolved")
    html = world.look()
    assert f"Ann, {world.ticket(entry_id)}, finished, resolved" in words(html)
    assert "Undo finish and the call" in words(html)
    world.done("undo", event=event_in(html))
    assert (world.state(entry_id), world.state(following)) == (IN_SERVICE, WAITING)


def test_what_has_moved_on_is_not_taken_back_and_says_why(world: RoomWorld) -> None:
    entry_id = world.seen()
    following = world.waits("Bob May", minutes=5)
    world.done("finish-and-call", entry=entry_id, expect=following)
    event = event_in(world.look())
    world.done("start", entry=following)
    said = world.refused("undo", event=event)
    assert said == f"{world.ticket(following)} went in to the clinician since then."
    assert world.refused("undo", event="999999") == "What you want to undo was not found."


# ---------- shifts ----------


def test_who_works_here_is_asked_and_a_login_names_itself(world: RoomWorld) -> None:
    world.done("close")
    html = world.look()
    assert "Who works here?" in words(html)
    assert not re.search(r"<option selected value=\"\d", html)
    mine = world.signed_in().get(f"/room/{world.room_ids[0]}").text
    assert f'selected value="{world.ruiz_id}"' in mine
    assert world.refused("open", clinician="") == "Choose who works here."
    said = world.refused("open", clinician=str(world.okafor_id))
    assert "already on shift in 2" in said or "already on shift" in said
    assert "works here until" in world.done("open", clinician=str(world.ruiz_id), until=clock(90))
    assert "Dr Elena Ruiz" in words(world.look())


def test_closing_with_somebody_inside_is_refused_and_handing_over_takes_them_along(
    world: RoomWorld,
) -> None:
    entry_id = world.seen()
    assert world.ticket(entry_id) in world.refused("close")
    with world.db.write() as s:
        s.get_one(Shift, world.shift_ids[1]).actual_to = datetime.now(UTC)
    world.done("hand-over", clinician=str(world.okafor_id))
    assert world.entry(entry_id).clinician_id == world.okafor_id
    assert world.refused("pause", reason="Tea", until=clock(10)) == "Dr Elena Ruiz has gone home."


def test_changing_room_takes_the_called_one_along(world: RoomWorld) -> None:
    entry_id = world.called()
    second, third = (str(n) for n in world.room_ids[1:])
    assert "Dr Chidi Okafor works in 2" in world.refused("room", fields={"room": second})
    said = world.done("room", fields={"room": third})
    assert said == "Dr Elena Ruiz works in Room 3 now."
    assert world.entry(entry_id).room_id == world.room_ids[2]


def test_a_pause_needs_a_reason_and_an_end_and_stops_calls(world: RoomWorld) -> None:
    entry_id = world.waits("Ann Lee")
    assert world.refused("pause", reason="", until=clock(10)) == "Say why: colleagues see it."
    assert "10:40" in world.refused("pause", reason="Tea", until="")
    assert "over" in world.refused("pause", reason="Tea", until=clock(-30))
    world.done("pause", reason="Tea", until=clock(10))
    said = words(world.look())
    assert f"Tea, back at {clock(10)}" in said
    assert "Back: end the pause" in said
    assert "paused" in world.refused("call", expect=entry_id)
    assert world.refused("pause", reason="Tea", until=clock(10)).endswith("already on a pause.")
    world.done("resume")
    with world.db.read() as s:
        assert s.scalars(sa.select(Pause)).one().ended_at is not None
    assert "Call next: Ann" in words(world.look())


def test_running_late_is_shown_and_ends(world: RoomWorld) -> None:
    assert world.refused("late", minutes="") != ""
    assert world.refused("late", minutes="2000") == "Give 0 to 720 minutes."
    world.done("late", minutes="20")
    assert world.shift().declared_delay == timedelta(minutes=20)
    assert "20 min late" in words(world.look())
    assert world.done("late", minutes="0") == "On time."
    assert "min late" not in words(world.look())


# ---------- the page itself ----------


def test_what_is_left_is_counted_before_the_end_of_the_shift(world: RoomWorld) -> None:
    for n in range(4):
        world.waits(f"Person {n}", minutes=10 + n)
    ends = to_local("Europe/London", world.shift().planned_to)
    # Two doctors share four people.
    assert f"2 left before {ends:%H:%M}" in words(world.look())


def test_every_person_of_a_room_with_places_is_shown(world: RoomWorld) -> None:
    with world.db.write() as s:
        s.get_one(Shift, world.shift_ids[0]).room.places = 2
    first = world.seen("Ann Lee")
    second = world.called("Bob May", minutes=5)
    said = words(world.look())
    assert "In the room since" in said
    assert world.ticket(first) in said
    assert "Bob is here: start" in said
    world.done("start", entry=second)
    assert words(world.look()).count("In the room since") == 2


def test_a_party_called_together_is_started_and_finished_one_by_one(world: RoomWorld) -> None:
    with world.db.write() as s:
        party = Party(site_id=world.site_id, called_together=True, created_at=world.now)
        s.add(party)
        s.flush()
        together = {"party_id": party.id}
    ann, bea = (world.waits(name, visit=together) for name in ("Ann Lee", "Bea Lee"))
    following = world.waits("Bob May", minutes=5)
    world.done("call", expect=ann)
    for entry_id in (ann, bea):
        world.done("start", entry=entry_id)
    assert f"Finish Ann, {world.ticket(ann)} Bea stays in the room." in words(world.look())
    world.done("finish", entry=ann)
    assert f"Call next: Bob, {world.ticket(following)} Finishes Bea." in words(world.look())


def test_without_a_script_the_same_presses_lead_back_to_the_page(world: RoomWorld) -> None:
    entry_id = world.waits("Ann Lee")
    tablet, path = world.tablet(), f"/room/{world.room_ids[0]}"
    data = {"expect": entry_id, "shift": world.shift_ids[0]}
    answer = tablet.post(f"{path}/call", data=data, follow_redirects=True)
    assert f"{world.ticket(entry_id)} called." in words(answer.text)
    answer = tablet.post(
        f"{path}/call", data=data, follow_redirects=True,
        headers={"Referer": f"http://localhost{path}"},
    )  # fmt: skip
    assert f"{world.ticket(entry_id)} has been called to Room 1." in words(answer.text)


def test_what_the_room_hears_is_what_the_page_shows(world: RoomWorld) -> None:
    world.waits("Ann Lee")
    with world.app.test_request_context(), world.db.read() as s:
        g.is_live = True
        # One minute of the clock, after the moment at which Ann's target lets her go first.
        at = (world.now + timedelta(minutes=1)).replace(second=10)
        site = s.get_one(Site, world.site_id)
        one = room(s, site, at, world.room_ids[0])
        assert one == room(s, site, at + timedelta(seconds=20), world.room_ids[0])
    assert "Call next: Ann" in words(one["html"])
    assert "csrf" not in one["html"]

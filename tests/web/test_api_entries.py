"""Tickets and everything done to a wait, by program."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.web.api_world import World
from tests.web.kept_worlds import KeptWorlds


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[World]:
    with kept_worlds.copy_of("api", World) as world:
        yield world


def state_of(world: World, entry_id: int) -> dict:
    entries = world.get("/sites/here/state").get_json()["entries"]
    return next((e for e in entries if e["id"] == entry_id), {})


def test_a_ticket_comes_with_a_link_a_range_and_when_it_is_due(world: World) -> None:
    answer = world.post(
        "/sites/here/entries",
        {"service": "gp", "class": "regular", "name": "Ana", "phone": "+44 20 7946 0000"},
    )
    assert answer.status_code == 201
    ticket = answer.get_json()
    assert set(ticket) == {
        "id", "visit", "ticket", "phone_url", "visit_token", "promised_wait", "due_by",
    }  # fmt: skip
    assert ticket["phone_url"].endswith(f"/t/{ticket['visit_token']}")
    assert 0 <= ticket["promised_wait"]["low_s"] < ticket["promised_wait"]["high_s"]
    page = world.client.get(ticket["phone_url"])
    assert page.status_code == 200
    assert ticket["ticket"] in page.text
    assert "Ana" not in ticket.values()


def test_priority_is_due_sooner_and_is_called_first(world: World) -> None:
    regular = world.ticket()
    priority = world.ticket(**{"class": "priority"})
    assert priority["due_by"] < regular["due_by"]
    called = world.post(f"/rooms/{world.room_id}/call-next").get_json()
    assert (called["id"], called["state"], called["room"]) == (
        priority["id"],
        "called",
        world.room_id,
    )
    assert called["clinician"] == {"id": world.ruiz_id, "name": "Dr Ruiz"}


@pytest.mark.parametrize("who", ["Dr Okafor", "okafor", "id"])
def test_only_the_preferred_clinician_may_call(world: World, who: str) -> None:
    wanted = world.okafor_id if who == "id" else who
    mine = world.ticket(preferred_clinician=wanted, only_preferred=True)
    assert world.post(f"/rooms/{world.room_id}/call-next").status_code == 204
    called = world.post(f"/rooms/{world.other_room_id}/call-next")
    assert called.get_json()["id"] == mine["id"]


def test_one_on_the_way_is_called_once_here(world: World) -> None:
    mine = world.ticket(presence="on_the_way")
    assert world.post(f"/rooms/{world.room_id}/call-next").status_code == 204
    here = world.post(f"/entries/{mine['id']}/return")
    assert (here.status_code, here.get_json()["presence"]) == (200, "here")
    assert world.post(f"/rooms/{world.room_id}/call-next").get_json()["id"] == mine["id"]


def test_from_call_to_finish(world: World) -> None:
    entry_id = world.called()
    assert world.post(f"/entries/{entry_id}/recall").get_json()["state"] == "called"
    started = world.post(f"/entries/{entry_id}/start").get_json()
    assert started["state"] == "in_service"
    assert started["started_at"] is not None
    finished = world.post(f"/entries/{entry_id}/finish", {"resolution": "follow_up"}).get_json()
    assert (finished["state"], finished["resolution"]) == ("finished", "follow_up")
    assert state_of(world, entry_id) == {}


def test_a_true_time_is_kept_when_entered_afterwards(world: World) -> None:
    ago = datetime.now(UTC) - timedelta(minutes=20)
    mine = world.ticket(occurred_at=ago.isoformat())
    arrived = datetime.fromisoformat(state_of(world, mine["id"])["arrived_at"])
    assert abs(arrived - ago) < timedelta(seconds=1)


@pytest.mark.both_databases
def test_who_did_not_answer_keeps_the_place_and_may_be_found_again(world: World) -> None:
    entry_id = world.called()
    gone = world.post(f"/entries/{entry_id}/did-not-answer").get_json()
    assert gone["state"] == "waiting"
    assert world.post(f"/rooms/{world.room_id}/call-next").status_code == 204
    assert world.post(f"/entries/{entry_id}/return").status_code == 200
    assert world.post(f"/rooms/{world.room_id}/call-next").get_json()["id"] == entry_id


def test_a_transfer_ends_one_wait_and_opens_the_next(world: World) -> None:
    entry_id = world.in_service()
    sent = world.post(f"/entries/{entry_id}/transfer", {"service": "blood"}).get_json()
    assert sent["state"] == "transferred"
    assert (sent["next"]["service"], sent["next"]["class"]) == ("blood", "onward")
    assert sent["next"]["visit"] == sent["visit"]
    assert state_of(world, sent["next"]["id"])["state"] == "waiting"


def test_set_aside_comes_back_to_the_same_clinician(world: World) -> None:
    entry_id = world.in_service()
    sent = world.post(f"/entries/{entry_id}/set-aside", {"then_service": "blood"}).get_json()
    assert sent["next"]["service"] == "blood"
    other = world.post(f"/rooms/{world.other_room_id}/call-next").get_json()
    assert other["id"] == sent["next"]["id"]
    world.post(f"/entries/{other['id']}/start")
    world.post(f"/entries/{other['id']}/finish")
    assert world.post(f"/rooms/{world.other_room_id}/call-next").status_code == 204
    back = world.post(f"/rooms/{world.room_id}/call-next").get_json()
    assert (back["visit"], back["service"]) == (sent["visit"], "gp")


def test_stepping_out_and_back_keeps_the_place(world: World) -> None:
    mine = world.ticket()
    later = (datetime.now(UTC) + timedelta(minutes=15)).isoformat()
    out = world.post(f"/entries/{mine['id']}/step-out", {"back_by": later}).get_json()
    assert (out["presence"], out["state"]) == ("out", "waiting")
    assert world.post(f"/rooms/{world.room_id}/call-next").status_code == 204
    back = world.post(f"/entries/{mine['id']}/return").get_json()
    assert (back["presence"], back["due_by"]) == ("here", mine["due_by"])


def test_leaving_and_taking_it_back(world: World) -> None:
    mine = world.ticket()
    left = world.post(f"/entries/{mine['id']}/leave", {"reason": "waited_too_long"}).get_json()
    assert left["state"] == "left_without_being_seen"
    assert state_of(world, mine["id"]) == {}
    back = world.post(f"/entries/{mine['id']}/undo").get_json()
    assert (back["state"], back["due_by"]) == ("waiting", mine["due_by"])
    assert state_of(world, mine["id"])["position"] == 1


def test_a_move_says_why_and_leaves_due_by_alone(world: World) -> None:
    first, second, third = (world.ticket() for _ in range(3))
    moved = world.post(
        f"/entries/{third['id']}/move", {"before": second["id"], "reason": "faint"}
    ).get_json()
    assert moved["due_by"] == third["due_by"]
    lined_up = world.get("/sites/here/state").get_json()["entries"]
    assert [e["id"] for e in lined_up] == [first["id"], third["id"], second["id"]]
    assert second["ticket"] in lined_up[1]["reason"]
    world.post(f"/entries/{second['id']}/move", {"reason": "to the front"})
    assert state_of(world, second["id"])["position"] == 1


def test_the_state_is_in_calling_order_with_reasons_and_ranges(world: World) -> None:
    first, second = world.ticket(), world.ticket()
    world.post(f"/rooms/{world.room_id}/call-next")
    state = world.get("/sites/here/state").get_json()
    assert state["seq"] == 3
    waiting, called = state["entries"]
    assert (waiting["id"], waiting["position"], waiting["state"]) == (second["id"], 1, "waiting")
    assert (called["id"], called["position"], called["state"]) == (first["id"], None, "called")
    assert called["room"] == world.room_id
    assert "so due by" in waiting["reason"]
    wait = waiting["estimated_wait"]
    assert 0 <= wait["low_s"] <= wait["mid_s"] <= wait["high_s"]
    rooms = {room["id"]: room for room in state["rooms"]}
    assert rooms[world.room_id]["entries"] == [first["id"]]
    assert rooms[world.other_room_id]["clinician"]["name"] == "Dr Okafor"

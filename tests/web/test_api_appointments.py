"""Free times and bookings, by program."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.api_world import World
from tests.web.kept_worlds import KeptWorlds


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[World]:
    with kept_worlds.copy_of("api", World) as world:
        yield world


def slots(world: World, **query: str) -> list[dict[str, Any]]:
    answer = world.get("/sites/here/slots", service="gp", **query)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def booked(world: World, slot: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = world.post(
        "/sites/here/appointments",
        {"service": "gp", "starts_at": slot["starts_at"], "clinician": "Ruiz", **more},
    )
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def test_free_times_of_one_clinician_within_the_span(world: World) -> None:
    start = datetime.now(UTC) + timedelta(hours=2)
    span = {"from": start.isoformat(), "to": (start + timedelta(hours=1)).isoformat()}
    found = slots(world, **span)
    assert {slot["clinician"]["name"] for slot in found} == {"Dr Ruiz", "Dr Okafor"}
    mine = slots(world, clinician="Dr Ruiz", **span)
    assert mine
    assert all(slot["clinician"]["id"] == world.ruiz_id for slot in mine)
    assert all(span["from"] <= slot["starts_at"] < span["to"] for slot in mine)


def test_a_booked_time_is_free_no_more_until_it_is_cancelled(world: World) -> None:
    slot = slots(world, clinician="Ruiz")[3]
    booking = booked(world, slot, name="Ana", birth_date="1980-05-31")
    assert (booking["state"], booking["starts_at"]) == ("booked", slot["starts_at"])
    assert booking["clinician"]["id"] == world.ruiz_id
    assert slot not in slots(world, clinician="Ruiz")
    again = world.post(
        "/sites/here/appointments",
        {"service": "gp", "starts_at": slot["starts_at"], "clinician": "Ruiz"},
    )
    assert (again.status_code, again.get_json()["code"]) == (409, "overlap")
    assert again.get_json()["details"]["next"]
    cancelled = world.post(f"/appointments/{booking['id']}/cancel")
    assert (cancelled.status_code, cancelled.get_json()["state"]) == (200, "cancelled")
    assert slot in slots(world, clinician="Ruiz")


def test_an_override_is_allowed_with_its_reason(world: World) -> None:
    slot = slots(world, clinician="Ruiz")[3]
    booked(world, slot)
    assert booked(world, slot, override="twins")["starts_at"] == slot["starts_at"]


def test_a_booking_moves(world: World) -> None:
    first, *_, last = slots(world, clinician="Ruiz")[2:8]
    booking = booked(world, first)
    moved = world.post(f"/appointments/{booking['id']}/move", {"starts_at": last["starts_at"]})
    assert (moved.status_code, moved.get_json()["starts_at"]) == (200, last["starts_at"])
    free = [slot["starts_at"] for slot in slots(world, clinician="Ruiz")]
    assert first["starts_at"] in free
    assert last["starts_at"] not in free


def test_a_check_in_answers_as_a_ticket_does_and_only_once(world: World) -> None:
    booking = booked(world, slots(world, clinician="Ruiz")[0], name="Ana")
    path = f"/appointments/{booking['id']}/check-in"
    answer = world.post(path, key="once")
    assert answer.status_code == 200, answer.text
    ticket = answer.get_json()
    assert set(ticket) == set(world.ticket())
    assert world.post(path, key="once").get_json() == ticket
    refused = world.post(path)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "already_here")
    state = world.get("/sites/here/state").get_json()["entries"]
    assert next(e for e in state if e["id"] == ticket["id"])["class"] == "booked"

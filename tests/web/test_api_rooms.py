"""Who works where, pauses, and when nobody can be called."""

from collections.abc import Iterator

import pytest

from tests.web.api_world import World
from tests.web.kept_worlds import KeptWorlds


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[World]:
    with kept_worlds.copy_of("api", World) as world:
        yield world


def test_sites_list_what_a_program_needs_to_begin(world: World) -> None:
    assert world.get("/sites").get_json() == [
        {
            "slug": "here",
            "name": world.get("/sites").get_json()[0]["name"],
            "timezone": "Europe/London",
            "services": [
                {"slug": "gp", "name": "GP"},
                {"slug": "blood", "name": "Blood test"},
            ],
            "rooms": [
                {
                    "id": world.room_id,
                    "name": "Room 1",
                    "clinician": {"id": world.ruiz_id, "name": "Dr Ruiz"},
                },
                {
                    "id": world.other_room_id,
                    "name": "Room 2",
                    "clinician": {"id": world.okafor_id, "name": "Dr Okafor"},
                },
            ],
        }
    ]


def test_nobody_eligible_is_204_without_a_body(world: World) -> None:
    answer = world.post(f"/rooms/{world.room_id}/call-next")
    assert (answer.status_code, answer.data) == (204, b"")


def test_a_full_room_and_a_paused_clinician_are_409_with_the_reason(world: World) -> None:
    world.ticket()
    world.called()
    full = world.post(f"/rooms/{world.room_id}/call-next")
    assert (full.status_code, full.get_json()["code"]) == (409, "room_full")
    assert full.content_type == "application/problem+json"

    other = f"/rooms/{world.other_room_id}"
    paused = world.post(f"{other}/pause", {"reason": "Tea", "until": "2099-01-01T10:00"}).get_json()
    assert (paused["paused"], paused["pause_reason"]) == (True, "Tea")
    assert paused["paused_until"] == "2099-01-01T10:00:00.000Z"
    refused = world.post(f"{other}/call-next")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "paused")
    resumed = world.post(f"{other}/resume")
    assert (resumed.status_code, resumed.get_json()["paused"]) == (200, False)
    assert world.post(f"{other}/call-next").status_code == 200


@pytest.mark.both_databases
def test_the_clinician_of_a_room_goes_comes_and_changes(world: World) -> None:
    room = f"/rooms/{world.room_id}"
    gone = world.post(f"{room}/clinician", {"clinician": None})
    assert (gone.status_code, gone.get_json()["clinician"]) == (200, None)
    nobody = world.post(f"{room}/call-next")
    assert (nobody.status_code, nobody.get_json()["code"]) == (409, "nobody_in_room")
    back = world.post(f"{room}/clinician", {"clinician": "Dr Okafor"}).get_json()
    assert back["clinician"] == {"id": world.okafor_id, "name": "Dr Okafor"}
    rooms = {r["id"]: r for r in world.get("/sites/here/state").get_json()["rooms"]}
    assert rooms[world.other_room_id]["clinician"] is None


def test_who_may_do_what(world: World) -> None:
    call_next = f"/rooms/{world.room_id}/call-next"
    assert world.post(call_next, role="clinician").status_code == 204
    assert world.post(call_next, role="receptionist").status_code == 403
    body = {"service": "gp"}
    assert world.post("/sites/here/entries", body, role="receptionist").status_code == 201
    assert world.post("/sites/here/entries", body, role="clinician").status_code == 403
    assert world.get("/sites/here/state", role="clinician").status_code == 200


def test_a_token_of_another_site_cannot_tell_what_exists(world: World) -> None:
    mine = world.ticket()
    for path in (
        f"/rooms/{world.room_id}/call-next",
        f"/entries/{mine['id']}/start",
        "/sites/here/entries",
    ):
        real = world.post(path, {"service": "gp"} if "sites" in path else None, role="stranger")
        made_up = world.post(
            path.replace("here", "nowhere").replace(f"/{world.room_id}/", "/999/")
            .replace(f"/{mine['id']}/", "/999/"),
            role="stranger",
        )  # fmt: skip
        assert real.status_code == made_up.status_code == 404
        assert real.get_json() == made_up.get_json()
    assert [s["slug"] for s in world.get("/sites", role="stranger").get_json()] == ["elsewhere"]


def test_without_a_token_only_the_description_is_answered(world: World) -> None:
    refused = world.client.get("/api/v1/sites")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.content_type == "application/problem+json"
    assert world.client.get("/api/v1/openapi.json").status_code == 200
    wrong = world.client.get("/api/v1/sites", headers={"Authorization": "Bearer no"})
    assert wrong.status_code == 401

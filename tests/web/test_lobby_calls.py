"""Many calls in one moment: six are painted, and none goes unheard."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import g

from queueapp.db.models import Site
from queueapp.realtime.content.lobby import facts, lobby
from tests.web.api_world import World
from tests.web.kept_worlds import KeptWorlds


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[World]:
    with kept_worlds.copy_of("api", World) as world:
        yield world


def test_calls_that_came_between_two_updates_are_all_told(world: World) -> None:
    called = []
    for _ in range(9):
        world.ticket()
        entry = world.post(f"/rooms/{world.room_id}/call-next").get_json()
        world.post(f"/entries/{entry['id']}/start")
        world.post(f"/entries/{entry['id']}/finish", {"resolution": "resolved"})
        called.append(entry["ticket"])
    with world.db.read() as session, world.app.test_request_context("/"):
        g.is_live = True
        site = session.get_one(Site, world.site_id)
        now = datetime.now(UTC)
        painted = [call["ticket"] for call in facts(session, site, now)["calls"]]
        told = [call["ticket"] for call in lobby(session, site, now, None)["calls"]]
    assert painted == called[:-7:-1]
    assert told == called[::-1]

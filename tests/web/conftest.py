"""The whole app, on a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from queueapp.db.session import Database
from tests.web.room_world import RoomWorld
from tests.web.web_world import SECRET, WebWorld


@pytest.fixture
def web_world(fresh_database: str) -> Iterator[WebWorld]:
    """Two clinics and everybody in them, to make requests as."""
    database = Database(fresh_database, secret=SECRET)
    yield WebWorld(database)
    database.dispose()


@pytest.fixture
def rooms(fresh_database: str, tmp_path: Path) -> Iterator[RoomWorld]:
    """Two doctors in two rooms, and the tablets at the doors."""
    world = RoomWorld(fresh_database, tmp_path)
    yield world
    world.db.dispose()

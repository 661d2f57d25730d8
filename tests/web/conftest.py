"""The whole app, on a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from queueapp.db.session import Database
from tests.web.admin_world import Office
from tests.web.desk_world import Desk
from tests.web.patient_world import PatientWorld, world_on
from tests.web.phone_words import join
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


@pytest.fixture
def world(fresh_database: str, tmp_path: Path) -> Iterator[PatientWorld]:
    """A clinic as its patients meet it; tests of the API have a `world` of their own."""
    world = world_on(fresh_database, tmp_path)
    yield world
    world.db.dispose()


@pytest.fixture
def phone(world: PatientWorld) -> FlaskClient:
    """A phone in the queue, here."""
    browser = world.phone()
    assert join(world, browser).status_code == 303
    return browser


@pytest.fixture
def office(web_world: WebWorld) -> Office:
    """A manager's browser on the pages of administration."""
    return Office(web_world)


@pytest.fixture
def desk(web_world: WebWorld) -> Desk:
    """Marta at the desk, with two people waiting."""
    return Desk(web_world)

"""The whole app, on a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from queueapp.db.session import Database
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.web.admin_world import Office
from tests.web.desk_world import Desk
from tests.web.kept_worlds import KeptWorlds
from tests.web.patient_world import PatientWorld, world_on
from tests.web.phone_words import join
from tests.web.room_world import RoomWorld
from tests.web.web_world import SECRET, WebWorld


@pytest.fixture(scope="session")
def kept_worlds(database_maker: SqliteMaker | PostgresqlMaker) -> Iterator[KeptWorlds]:
    """Worlds of one kind of database, to copy."""
    kept = KeptWorlds(database_maker)
    yield kept
    kept.drop()


@pytest.fixture
def web_world(kept_worlds: KeptWorlds) -> Iterator[WebWorld]:
    """Two clinics and everybody in them, to make requests as."""

    def furnish(url: str) -> WebWorld:
        return WebWorld(Database(url, secret=SECRET))

    with kept_worlds.copy_of("web", furnish) as world:
        yield world


@pytest.fixture
def rooms(kept_worlds: KeptWorlds, tmp_path: Path) -> Iterator[RoomWorld]:
    """Two doctors in two rooms, and the tablets at the doors."""
    with kept_worlds.copy_of("rooms", lambda url: RoomWorld(url, tmp_path)) as world:
        yield world


@pytest.fixture
def world(kept_worlds: KeptWorlds, tmp_path: Path) -> Iterator[PatientWorld]:
    """A clinic as its patients meet it; tests of the API have a `world` of their own."""
    with kept_worlds.copy_of("patients", lambda url: world_on(url, tmp_path)) as world:
        yield world


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

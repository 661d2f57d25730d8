"""One served clinic per database for all who look at it from outside."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from queueapp.db.session import Database
from tests import services
from tests.conftest import need
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.served import Served
from tests.system.house import SECRET, House

ENDS_WITHIN_S = 10.0


@pytest.fixture(autouse=True)
def nobody_stays_behind() -> Iterator[None]:
    """No screen or program that a test started goes on into other tests."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + ENDS_WITHIN_S
    for one in set(threading.enumerate()) - before:
        one.join(max(0.0, deadline - time.monotonic()))
    left = [one.name for one in set(threading.enumerate()) - before]
    assert left == []


@pytest.fixture(scope="package")
def house(
    database: str,
    database_maker: SqliteMaker | PostgresqlMaker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    url = database_maker.make()
    with contextlib.ExitStack() as stack:
        redis_url = None
        if database == "postgresql":
            need("redis-server")
            redis_url = stack.enter_context(services.redis())
        db = Database(url, secret=SECRET)
        stack.callback(db.dispose)
        log = tmp_path_factory.mktemp("served") / "log"
        served = Served(url, log, redis_url=redis_url, workers=2 if redis_url else 1)
        house = House(served, db, redis_url, stack)
        stack.callback(served.end)
        served.start()
        yield house
        for screen in house.screens:
            screen.close()
    database_maker.drop(url)


@pytest.fixture
def everyone_leaves(house: House) -> Iterator[None]:
    """Closes a test's screens after it."""
    yield
    for screen in house.screens:
        screen.close()
    house.screens.clear()

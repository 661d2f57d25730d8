"""The description of the API against the API itself: generated requests, as described and not."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.api_world import World

pytestmark = pytest.mark.both_databases


@pytest.fixture(scope="module")
def world(database_maker: Any) -> Iterator[World]:
    url = database_maker.make()
    world = World(url)
    world.entry_ids = [world.ticket()["id"] for _ in range(5)]  # type: ignore[attr-defined]
    yield world
    world.db.dispose()
    database_maker.drop(url)


@pytest.fixture(scope="module")
def api(world: World) -> Any:
    from tests.web.described_api import described

    return described(world, edge_cases=True)


@pytest.fixture(scope="module")
def api_of_what_exists(world: World) -> Any:
    from tests.web.described_api import described

    # Edge cases of form are sent by the first test; here the point is what meets rows that exist.
    return described(world, edge_cases=False)


# Its edge cases are of form, which is judged before the database is asked.
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("api")
def test_every_answer_is_as_described(request: pytest.FixtureRequest) -> None:
    from tests.web.described_api import every_call

    every_call(request=request)


@pytest.mark.usefixtures("api_of_what_exists")
def test_answers_about_what_exists_are_as_described(request: pytest.FixtureRequest) -> None:
    from tests.web.described_api import every_call_of_what_exists

    every_call_of_what_exists(request=request)

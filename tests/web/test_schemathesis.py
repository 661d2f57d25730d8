"""The description of the API against the API itself: generated requests, as described and not."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from queueapp.web.api import CALLS
from queueapp.web.api.openapi import document
from tests.web.api_world import World

pytestmark = pytest.mark.both_databases

load_all_checks()
# A few in the suite, on top of the edge cases; hundreds in `make soak`.
EXAMPLES = settings.default.max_examples // 10
# Whether a service of that name exists is no matter of form: 422 answers well-formed bodies too.
_ABOUT_FORM = ("positive_data_acceptance",)
_OF_ANY_ANSWER = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
_NOT_CHECKED = CHECKS.get_by_names(list(_ABOUT_FORM))


@pytest.fixture(scope="module")
def world(database_maker: Any) -> Iterator[World]:
    url = database_maker.make()
    world = World(url)
    world.entry_ids = [world.ticket()["id"] for _ in range(5)]  # type: ignore[attr-defined]
    yield world
    world.db.dispose()
    database_maker.drop(url)


def described(world: World, **config: Any) -> Any:
    """The description of the API, answered by the world's app."""
    schema = schemathesis.openapi.from_dict(
        document(CALLS), config=schemathesis.Config.from_dict(config)
    )
    schema.app = world.app
    return schema


@pytest.fixture(scope="module")
def api(world: World) -> Any:
    return described(world)


@pytest.fixture(scope="module")
def api_of_what_exists(world: World) -> Any:
    # Edge cases of form are sent by the first test; here the point is what meets rows that exist.
    return described(world, phases={"coverage": {"enabled": False}})


# By fixtures, so that only who runs these tests pays for making up their cases.
every_call = schemathesis.pytest.from_fixture("api").parametrize()
every_call_of_what_exists = schemathesis.pytest.from_fixture("api_of_what_exists").parametrize()


# Its edge cases are of form, which is judged before the database is asked.
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@every_call
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: schemathesis.Case, world: World) -> None:
    case.call_and_validate(headers=world.headers(), excluded_checks=_NOT_CHECKED)


@every_call_of_what_exists
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_answers_about_what_exists_are_as_described(case: schemathesis.Case, world: World) -> None:
    known = {"site": "here", "room_id": world.room_id, "entry_id": world.entry_ids[0]}
    case.path_parameters |= {k: v for k, v in known.items() if k in case.path_parameters}
    if isinstance(case.body, dict) and "service" in case.body:
        case.body["service"] = "gp"
    case.call_and_validate(headers=world.headers(), checks=_OF_ANY_ANSWER)

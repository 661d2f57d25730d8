"""Requests made up from the description of the API, asked of the API itself, one call by one.

In a module of its own, as what it stands on takes longer to load than all tests of the rules: only
the worker that runs these loads it.
"""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from queueapp.web.api import CALLS
from queueapp.web.api.openapi import document
from tests.web.api_world import World

load_all_checks()
# A few in the suite, on top of the edge cases; hundreds in `make soak`.
_ASKED = settings(
    max_examples=settings.default.max_examples // 10,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
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


def described(world: World, *, edge_cases: bool) -> Any:
    """The description of the API, answered by the world's app."""
    config = {} if edge_cases else {"phases": {"coverage": {"enabled": False}}}
    schema = schemathesis.openapi.from_dict(
        document(CALLS), config=schemathesis.Config.from_dict(config)
    )
    schema.app = world.app
    return schema


@schemathesis.pytest.from_fixture("api").parametrize()
@_ASKED
def every_call(case: schemathesis.Case, world: World) -> None:
    """With a pytest `request`: each call of its `api`, as a subtest, with and without its form."""
    case.call_and_validate(headers=world.headers(), excluded_checks=_NOT_CHECKED)


@schemathesis.pytest.from_fixture("api_of_what_exists").parametrize()
@_ASKED
def every_call_of_what_exists(case: schemathesis.Case, world: World) -> None:
    """As `every_call`, of a site, a room, a service and a patient who are there."""
    known = {"site": "here", "room_id": world.room_id, "entry_id": world.entry_ids[0]}
    case.path_parameters |= {k: v for k, v in known.items() if k in case.path_parameters}
    if isinstance(case.body, dict) and "service" in case.body:
        case.body["service"] = "gp"
    case.call_and_validate(headers=world.headers(), checks=_OF_ANY_ANSWER)

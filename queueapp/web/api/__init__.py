"""The HTTP API for programs: `/api/v1`, described by OpenAPI at `/api/v1/openapi.json`."""

from flask import Blueprint

from queueapp.web.api import appointments, entries, metrics, rooms, sites
from queueapp.web.api.openapi import describe
from queueapp.web.api.problems import answer_refusals
from queueapp.web.api.run import CONVERTERS, install

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
CALLS = (*sites.CALLS, *entries.CALLS, *rooms.CALLS, *appointments.CALLS, *metrics.CALLS)


@blueprint.record_once
def _know_parts_of_urls(state: object) -> None:
    state.app.url_map.converters |= CONVERTERS  # type: ignore[attr-defined]


answer_refusals(blueprint)
for _call in CALLS:
    install(blueprint, _call)
describe(blueprint, CALLS)

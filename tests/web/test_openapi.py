"""The description says all there is, in the formats' words, and anyone may read it."""

import re

from queueapp.web.api import CALLS
from queueapp.web.api.openapi import document

PROMISED = """
GET /sites
POST /sites/{site}/entries
GET /sites/{site}/slots
POST /sites/{site}/appointments
POST /appointments/{id}/check-in
POST /appointments/{id}/cancel
POST /appointments/{id}/move
POST /rooms/{room}/clinician
POST /rooms/{room}/pause
POST /rooms/{room}/resume
POST /rooms/{room}/call-next
POST /entries/{id}/recall
POST /entries/{id}/start
POST /entries/{id}/finish
POST /entries/{id}/did-not-answer
POST /entries/{id}/transfer
POST /entries/{id}/leave
POST /entries/{id}/step-out
POST /entries/{id}/return
POST /entries/{id}/set-aside
POST /entries/{id}/move
POST /entries/{id}/undo
GET /sites/{site}/state
GET /sites/{site}/metrics
"""


def bare(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


def operations() -> dict[str, dict]:
    paths = document(CALLS)["paths"]
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_every_call_of_the_formats_is_there() -> None:
    assert {bare(name) for name in operations()} >= {
        bare(line) for line in PROMISED.strip().splitlines()
    }


def test_every_call_says_what_it_does_and_what_it_refuses() -> None:
    ids = [operation["operationId"] for operation in operations().values()]
    assert len(set(ids)) == len(ids)
    for name, operation in operations().items():
        assert operation["summary"], name
        statuses = set(operation["responses"])
        assert {"401", "403"} <= statuses, name
        if name.startswith("POST"):
            assert {"400", "404", "409", "413", "415", "422"} <= statuses, name
            headers = [p["name"] for p in operation["parameters"] if p["in"] == "header"]
            assert headers == ["Idempotency-Key"], name


def test_every_reference_leads_somewhere() -> None:
    described = document(CALLS)
    known = described["components"]["schemas"]
    references = re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(described))
    assert references
    assert set(references) <= set(known)
    assert described["openapi"] == "3.1.0"

"""OpenAPI 3.1, made from the table of calls and the models that check and answer them."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from flask import Blueprint, Response, json
from pydantic import BaseModel, TypeAdapter

from queueapp.web import security
from queueapp.web.api.fields import LARGEST_ID
from queueapp.web.api.problems import Problem
from queueapp.web.api.table import Call
from queueapp.web.idempotency import LONGEST_KEY, REPLAY_HEADER

_REF = "#/components/schemas/{model}"
_PROBLEM = "application/problem+json"
_INTRODUCTION = """\
Every call but this description needs a bearer token (`python -m queueapp token add`). A manager's
token may use every call of its site; what belongs to another site is answered as not found.

Refusals are problems (RFC 9457): `code` is stable for programs, `errors` lists each field that is
wrong and what would be right. A refused request changed nothing.

Every POST takes an `Idempotency-Key`. A request repeated within 24 hours with the same key and the
same body has no second effect and gets the first answer, with `Idempotent-Replay: true`; another
body under the same key is refused (422, `key_reused`). Refusals and failures are not kept: their
retry is judged afresh.

Times are ISO 8601. What you send without an offset is local to the site; what you get is UTC.
"""


def describe(blueprint: Blueprint, calls: Iterable[Call]) -> None:
    """Serve the description of the calls."""
    listed = tuple(calls)

    @cache
    def text() -> str:
        return json.dumps(document(listed))

    @blueprint.get("/openapi.json")
    @security.allow("anyone")
    def openapi() -> Response:
        return Response(text(), content_type="application/json")


def document(calls: Iterable[Call]) -> dict[str, Any]:
    """The OpenAPI document of the calls."""
    schemas = _Collected()
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(f"/api/v1{call.path}", {})[call.method.lower()] = _operation(call, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "queueapp", "version": "1", "description": _INTRODUCTION},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted(schemas.found.items())),
        },
    }


class _Collected:
    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def of(self, model: Any, mode: Any) -> dict[str, Any]:
        schema = TypeAdapter(model).json_schema(mode=mode, ref_template=_REF)
        self.found |= schema.pop("$defs", {})
        if isinstance(model, type) and issubclass(model, BaseModel):
            self.found[model.__name__] = schema
            return {"$ref": _REF.format(model=model.__name__)}
        return schema


def _operation(call: Call, schemas: _Collected) -> dict[str, Any]:
    words = " ".join((call.view.__doc__ or call.name).split())
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": words.rstrip("."),
        "description": f"For: {', '.join((*call.parts, 'manager'))}.",
        "parameters": [*_path_parameters(call), *_query_parameters(call, schemas)],
        "responses": _responses(call, schemas),
    }
    if call.is_write:
        operation["parameters"].append(_key_parameter())
    if call.body is not None:
        needed = any(field.is_required() for field in call.body.model_fields.values())
        content = {"application/json": {"schema": schemas.of(call.body, "validation")}}
        operation["requestBody"] = {"required": needed, "content": content}
    return operation


def _path_parameters(call: Call) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
    slug = {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"}
    return [
        {"name": n, "in": "path", "required": True, "schema": slug if n == "site" else number}
        for n in re.findall(r"{(\w+)}", call.path)
    ]


def _query_parameters(call: Call, schemas: _Collected) -> list[dict[str, Any]]:
    if call.query is None:
        return []
    schema = TypeAdapter(call.query).json_schema(mode="validation", ref_template=_REF)
    schemas.found |= schema.pop("$defs", {})
    needed = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _not_null(one)}
        for name, one in schema["properties"].items()
    ]


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Without null, which a query string cannot say."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    plain = {k: v for k, v in schema.items() if k not in ("anyOf", "default")}
    return plain | ({"anyOf": kinds} if kinds else {})


def _key_parameter() -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A value of your own per request, kept for its retries.",
        "schema": schema,
    }


def _responses(call: Call, schemas: _Collected) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, model in call.answers.items():
        answer: dict[str, Any] = {"description": "Done." if model else "Nobody is eligible."}
        if model is not None:
            schema = schemas.of(model, "serialization")
            answer["content"] = {"application/json": {"schema": schema}}
        if call.is_write:
            answer["headers"] = {
                REPLAY_HEADER: {
                    "description": "`true` when this is the kept answer of a repeated request.",
                    "schema": {"type": "string", "enum": ["true"]},
                }
            }
        found[str(status)] = answer
    problem = {_PROBLEM: {"schema": schemas.of(Problem, "serialization")}}
    for status, words in _refusals(call).items():
        found[str(status)] = {"description": words, "content": problem}
    return found


def _refusals(call: Call) -> dict[int, str]:
    found = {401: "The token is missing, or not valid any more."}
    found[403] = "The token may not use this call."
    if "{" in call.path:
        found[404] = "Not found, or not at this token's site."
    if call.query is not None:
        found[422] = "A field needs a correction: `errors` says which."
    if call.is_write:
        found |= {
            400: "The request, or its body, is not well formed.",
            413: "The body is too large.",
            415: "The body is not JSON.",
            422: "A field needs a correction: `errors` says which.",
        }
    if call.conflicts:
        found[409] = call.conflicts
    found[503] = "The database does not answer; nothing was changed. Try again."
    return dict(sorted(found.items()))

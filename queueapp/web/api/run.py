"""Carries out a call: let in, check, do it once in one transaction, answer after the commit."""

import functools
import re
from typing import Any

from flask import Blueprint, g, request
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.routing import BaseConverter, IntegerConverter
from werkzeug.wrappers import Response

from queueapp.web import errors, idempotency, security
from queueapp.web.api.bodies import Nothing
from queueapp.web.api.fields import LARGEST_ID
from queueapp.web.api.links import LINK_FIELDS, add_link
from queueapp.web.api.problems import invalid_problem
from queueapp.web.api.table import Ask, Call

LARGEST_BODY = 16 * 1024


class _Slug(BaseConverter):
    regex = "[a-zA-Z0-9_-]{1,40}"


class _RowId(IntegerConverter):
    regex = "[0-9]{1,19}"

    def __init__(self, url_map: Any) -> None:
        super().__init__(url_map, min=1, max=LARGEST_ID)


CONVERTERS: dict[str, type[BaseConverter]] = {"slug": _Slug, "row": _RowId}


class _Answered(Exception):
    """The request is answered already: it is no request of this call."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


def install(blueprint: Blueprint, call: Call) -> None:
    """Make the call's route: `{site}` a slug, every other part of the path a row's number."""

    @security.allow(*call.parts)
    def view(**path: Any) -> Response:
        try:
            query, body = _query(call), _body(call)
        except _Answered as done:
            return done.answer
        return _write(call, body, path) if call.is_write else _read(call, query, path)

    rule = re.sub(r"{(\w+)}", lambda m: f"<{_kind(m[1])}:{m[1]}>", call.path)
    blueprint.add_url_rule(rule, call.name, view, methods=[call.method])


def _kind(name: str) -> str:
    return "slug" if name == "site" else "row"


def _read(call: Call, query: Any, path: dict[str, Any]) -> Response:
    with security.current_db().read() as session:
        status, content = call.view(_ask(session, query=query), **_arguments(path))
        answer = dumped(call, status, content)
    return _response(status, answer)


def _write(call: Call, body: Any, path: dict[str, Any]) -> Response:
    with security.current_db().write() as session:
        claim = idempotency.claim(
            session,
            security.now(),
            actor=security.current_actor().key,
            method=request.method,
            path=request.path,
            key=request.headers.get("Idempotency-Key"),
            body=body.model_dump_json(exclude_unset=True) if body is not None else b"",
        )
        if claim.kept is not None:
            status, answer = claim.kept.status, claim.kept.answer
        else:
            status, content = call.view(_ask(session, body=body), **_arguments(path))
            session.flush()
            answer = dumped(call, status, content)
            claim.keep(session, status, answer)
        if call.links and answer is not None:
            answer = add_link(session, answer)
    response = _response(status, answer)
    if claim.kept is not None:
        response.headers[idempotency.REPLAY_HEADER] = "true"
    return response


def _ask(session: Session, body: Any = None, query: Any = None) -> Ask:
    return Ask(session, security.current_actor(), security.now(), g.get("site"), body, query)


def _arguments(path: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in path.items() if name != "site"}


def dumped(call: Call, status: int, content: Any) -> Any:
    """The answer as JSON-ready values, without its phone link."""
    model = call.answers[status]
    if model is None:
        return None
    hidden = set(LINK_FIELDS) if call.links else None
    return _adapter(model).dump_python(content, mode="json", by_alias=True, exclude=hidden)


@functools.cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _response(status: int, answer: Any) -> Response:
    if answer is None:
        return Response(status=status)
    return Response(_adapter(Any).dump_json(answer), status=status, content_type="application/json")


def _query(call: Call) -> BaseModel | None:
    model = call.query
    if model is None:
        return None
    given: MultiDict[str, str] = request.args
    try:
        return model.model_validate(given.to_dict())
    except ValidationError as error:
        raise _Answered(invalid_problem(error, model)) from None


def _body(call: Call) -> BaseModel | None:
    model = call.body
    if not call.is_write:
        return None
    # Read before anything is decided, so that a body that is not wanted is not left on the wire.
    request.max_content_length = LARGEST_BODY
    raw = request.get_data(cache=False)
    if raw.strip() and request.mimetype != "application/json":
        detail = "Send the body as JSON, with Content-Type: application/json."
        raise _Answered(errors.problem(415, detail, code="not_json"))
    model = model or Nothing
    try:
        return model.model_validate_json(raw if raw.strip() else b"{}")
    except ValidationError as error:
        raise _Answered(invalid_problem(error, model)) from None

"""Refusals as RFC 9457 problems that name each wrong field and what would be right."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from pydantic import BaseModel, ValidationError
from werkzeug.wrappers import Response

from queueapp.domain.refusal import Refused
from queueapp.web import errors

_NUMBER = "a whole number from 1 on"
_TIME = "a time as ISO 8601, such as 2026-01-13T10:20:00+00:00"


class FieldError(BaseModel):
    """One input that is wrong; `message` is for people, `expected` what would be right."""

    field: str
    message: str
    expected: str


class Problem(BaseModel):
    """RFC 9457. `code` is stable for programs, `detail` a sentence for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str | None = None
    errors: list[FieldError] = []
    details: dict[str, Any] | None = None


# What is wrong, and what would be right, by pydantic's type of error; {} are its figures.
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("This is missing.", "a value"),
    "extra_forbidden": ("This is not known here.", "one of: {known}"),
    "string_type": ("This is no text.", "a text in quotes"),
    "string_too_long": ("This is too long.", "at most {max_length} characters"),
    "string_too_short": ("This is too short.", "at least {min_length} characters"),
    "string_pattern_mismatch": (
        "This is empty or holds characters that cannot be shown.",
        "letters, digits and signs, without control characters",
    ),
    "int_type": ("This is no whole number.", _NUMBER),
    "int_parsing": ("This is no whole number.", _NUMBER),
    "int_parsing_size": ("This number is too large.", "at most 9223372036854775807"),
    "greater_than_equal": ("This is too small.", "{ge} or more"),
    "less_than_equal": ("This is too large.", "at most {le}"),
    "bool_type": ("This is neither true nor false.", "true or false"),
    "enum": ("This word is not known here.", "{expected}"),
    "literal_error": ("This word is not known here.", "{expected}"),
    "list_type": ("This is no list.", "a list in square brackets"),
    "model_type": ("This is no object.", "a JSON object in braces"),
    "date_type": ("This is no date.", "a date such as 1980-05-31"),
    "date_parsing": ("This is no date.", "a date such as 1980-05-31"),
    "date_from_datetime_parsing": ("This is no date.", "a date such as 1980-05-31"),
    "datetime_type": ("This is no time.", _TIME),
    "datetime_parsing": ("This is no time.", _TIME),
    "datetime_from_date_parsing": ("This is no time.", _TIME),
    "value_error": ("This cannot be used.", "{error}"),
}


def refused_problem(refused: Refused) -> Response:
    """An action's refusal; nothing was changed."""
    more: dict[str, Any] = {"details": refused.details} if refused.details else {}
    if refused.field:
        more["errors"] = [
            {
                "field": refused.field,
                "message": refused.message,
                "expected": refused.details.get("expected", refused.message),
            }
        ]
    status = errors.STATUS[refused.kind]
    return errors.problem(status, refused.message, code=refused.code, **more)


def invalid_problem(error: ValidationError, model: type[BaseModel]) -> Response:
    """A body or query that is not as described: every wrong field at once."""
    found: dict[str, dict[str, str]] = {}
    for one in error.errors(include_url=False, include_input=False):
        if one["type"] == "json_invalid":
            return errors.problem(400, f"{one['msg']}. Give one JSON object.", code="invalid_json")
        field = str(one["loc"][0]) if one["loc"] else ""
        wrong, right = _words_for(one, model)
        if field in found:  # the other ways in which a value of several kinds could be right
            right = f"{found[field]['expected']}, or {right}"
        found[field] = {"field": field, "message": f"{wrong} Give {right}.", "expected": right}
    detail = " ".join(f"{f['field']}: {f['message']}" for f in found.values())
    return errors.problem(422, detail, code="invalid", errors=list(found.values()))


def known_fields(model: type[BaseModel]) -> list[str]:
    """The names under which a model takes its values."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _words_for(one: Any, model: type[BaseModel]) -> tuple[str, str]:
    wrong, right = _WORDS.get(one["type"], ("This cannot be used.", "what the description says"))
    figures = {**one.get("ctx", {}), "known": ", ".join(known_fields(model)) or "nothing"}
    return wrong, right.format_map(figures)


def answer_refusals(blueprint: Blueprint) -> None:
    """Answer every refusal of the blueprint's calls as a problem."""
    blueprint.register_error_handler(Refused, refused_problem)

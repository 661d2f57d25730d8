"""Bad input is answered with the field and what would be right, and nothing is half-done."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.api_world import API, World

NUL, LONG, HUGE, FAR = "a\x00b", "x" * 500, 2**63, "9999-12-31T23:59:59-12:00"


@pytest.fixture(scope="module")
def bad_world(database_maker: Any) -> Iterator[World]:
    """One clinic for all bad calls of a database: none of them changes it."""
    url = database_maker.make()
    world = World(url)
    world.waiting = world.ticket()["id"]  # type: ignore[attr-defined]
    yield world
    world.db.dispose()
    database_maker.drop(url)


TICKET = "/sites/here/entries"
CALLS: list[tuple[str, Any, int, str]] = [
    # path, body, status, field
    (TICKET, {}, 422, "service"),
    (TICKET, {"service": "dentist"}, 422, "service"),
    (TICKET, {"service": 5}, 422, "service"),
    (TICKET, {"service": NUL}, 422, "service"),
    (TICKET, {"service": "gp", "colour": "red"}, 422, "colour"),
    (TICKET, {"service": "gp", "class": "royal"}, 422, "class"),
    (TICKET, {"service": "gp", "class": "booked"}, 422, "class"),
    (TICKET, {"service": "gp", "name": NUL}, 422, "name"),
    (TICKET, {"service": "gp", "name": LONG}, 422, "name"),
    (TICKET, {"service": "gp", "name": None}, 422, "name"),
    (TICKET, {"service": "gp", "phone": "call me"}, 422, "phone"),
    (TICKET, {"service": "gp", "presence": "out"}, 422, "presence"),
    (TICKET, {"service": "gp", "presence": "asleep"}, 422, "presence"),
    (TICKET, {"service": "gp", "only_preferred": True}, 422, "preferred_clinician"),
    (TICKET, {"service": "gp", "only_preferred": "yes"}, 422, "only_preferred"),
    (TICKET, {"service": "gp", "preferred_clinician": "Dr No"}, 422, "preferred_clinician"),
    (TICKET, {"service": "gp", "preferred_clinician": HUGE}, 422, "preferred_clinician"),
    (TICKET, {"service": "gp", "preferred_clinician": True}, 422, "preferred_clinician"),
    (TICKET, {"service": "gp", "occurred_at": FAR}, 422, "occurred_at"),
    (TICKET, {"service": "gp", "occurred_at": "2099-01-01T10:00:00Z"}, 422, "occurred_at"),
    (TICKET, {"service": "gp", "come_by": "soon"}, 422, "come_by"),
    ("/sites/nowhere/entries", {"service": "gp"}, 404, ""),
    ("/sites/%00/entries", {"service": "gp"}, 404, ""),
    ("/entries/999999/start", None, 404, ""),
    ("/entries/0/start", None, 404, ""),
    (f"/entries/{HUGE}/start", None, 404, ""),
    ("/entries/{entry}/start", None, 409, ""),
    ("/entries/{entry}/finish", {"resolution": "cured"}, 422, "resolution"),
    ("/entries/{entry}/finish", {"resolution": "resolved"}, 409, ""),
    ("/entries/{entry}/recall", None, 409, ""),
    ("/entries/{entry}/did-not-answer", None, 409, ""),
    ("/entries/{entry}/transfer", None, 422, "service"),
    ("/entries/{entry}/transfer", {"service": "gp", "note": LONG}, 422, "note"),
    ("/entries/{entry}/transfer", {"service": "gp", "booked_for": FAR}, 422, "booked_for"),
    ("/entries/{entry}/set-aside", {"then_service": "no"}, 422, "then_service"),
    ("/entries/{entry}/set-aside", {"ready_at": "2001-01-01T00:00:00Z"}, 422, "ready_at"),
    ("/entries/{entry}/step-out", None, 422, "back_by"),
    ("/entries/{entry}/step-out", {"back_by": "2001-01-01T10:00"}, 422, "back_by"),
    ("/entries/{entry}/return", None, 409, ""),
    ("/entries/{entry}/leave", {"reason": LONG}, 422, "reason"),
    ("/entries/{entry}/leave", {"reason": "x\ny"}, 422, "reason"),
    ("/entries/{entry}/move", {"before": 1}, 422, "reason"),
    ("/entries/{entry}/move", {"reason": " "}, 422, "reason"),
    ("/entries/{entry}/move", {"reason": "x", "before": HUGE}, 422, "before"),
    ("/entries/{entry}/move", {"reason": "x", "before": 999999}, 404, ""),
    ("/entries/{entry}/move", {"reason": "x"}, 409, ""),
    ("/entries/{entry}/undo", None, 409, ""),
    ("/entries/{entry}/undo", {"event": 5}, 422, "event"),
    ("/rooms/999999/call-next", None, 404, ""),
    ("/rooms/{room}/call-next", {"clinician": "Dr No"}, 422, "clinician"),
    ("/rooms/{room}/call-next", {"clinician": HUGE}, 422, "clinician"),
    ("/rooms/{room}/clinician", None, 422, "clinician"),
    ("/rooms/{room}/clinician", {"clinician": "Dr Nobody"}, 422, "clinician"),
    ("/rooms/{room}/pause", None, 422, "reason"),
    ("/rooms/{room}/pause", {"reason": ""}, 422, "reason"),
    ("/rooms/{room}/pause", {"reason": "x", "until": "2001-01-01T00:00"}, 422, "until"),
    ("/rooms/{room}/resume", None, 409, ""),
    ("/sites/here/appointments", {"service": "gp"}, 422, "starts_at"),
    ("/sites/here/appointments", {"service": "gp", "starts_at": FAR}, 422, "starts_at"),
    (
        "/sites/here/appointments",
        {"service": "gp", "starts_at": "2001-01-01T10:00"},
        422,
        "starts_at",
    ),
    (
        "/sites/here/appointments",
        {"service": "gp", "starts_at": "2099-01-01T10:00", "birth_date": "31.5.1980"},
        422,
        "birth_date",
    ),
    ("/appointments/999999/check-in", None, 404, ""),
    ("/appointments/999999/cancel", None, 404, ""),
    ("/appointments/999999/move", {"starts_at": "2099-01-01T10:00"}, 404, ""),
]


@pytest.mark.parametrize(("path", "body", "status", "field"), CALLS)
def test_it_says_what_would_be_right_and_changes_nothing(
    bad_world: World, path: str, body: Any, status: int, field: str
) -> None:
    path = path.replace("{entry}", str(bad_world.waiting))  # type: ignore[attr-defined]
    path = path.replace("{room}", str(bad_world.room_id))
    before = bad_world.counts()
    answer = bad_world.post(path, body, key="bad")
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert problem["status"] == status
    assert problem["detail"].endswith(".")
    assert [e["field"] for e in problem["errors"]] == ([field] if field else [])
    for error in problem["errors"]:
        assert error["message"].endswith(".")
        assert error["expected"]
    assert bad_world.counts() == before


def test_all_wrong_fields_are_named_at_once(bad_world: World) -> None:
    answer = bad_world.post(TICKET, {"class": 5, "presence": "x", "phone": []})
    fields = {e["field"]: e["message"] for e in answer.get_json()["errors"]}
    assert set(fields) == {"service", "class", "presence", "phone"}
    assert "'here'" in fields["presence"]


def test_a_refusal_names_what_there_is(bad_world: World) -> None:
    error = bad_world.post(TICKET, {"service": "dentist"}).get_json()["errors"][0]
    assert error["expected"] == "one of: gp, blood"


@pytest.mark.parametrize(
    ("sent", "content_type", "status"),
    [
        (b"", "application/json", 422),
        (b"{", "application/json", 400),
        (b"[" * 9000, "application/json", 400),
        (b'{"service": "\\ud800"}', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'"gp"', "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"service": NaN}', "application/json", 422),
        (b'{"service": "gp"}', "text/plain", 415),
        (b"service=gp", "application/x-www-form-urlencoded", 415),
        (b'{"service": "gp", "name": "' + b"x" * 20_000 + b'"}', "application/json", 413),
    ],
)
def test_what_is_no_json_object_is_refused(
    bad_world: World, sent: bytes, content_type: str, status: int
) -> None:
    before = bad_world.counts()
    answer = bad_world.client.post(
        API + TICKET, headers=bad_world.headers(), data=sent, content_type=content_type
    )
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert bad_world.counts() == before


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "service"),
        ({"service": "dentist"}, "service"),
        ({"service": "gp", "from": "yesterday"}, "from"),
        ({"service": "gp", "from": "9999-12-31"}, "from"),
        ({"service": "gp", "to": "9999-12-31"}, "to"),
        ({"service": "gp", "from": "2026-05-02", "to": "2026-05-01"}, "to"),
        ({"service": "gp", "clinician": "Dr No"}, "clinician"),
        ({"service": "gp", "clinician": str(HUGE)}, "clinician"),
        ({"service": "gp", "clinician": NUL}, "clinician"),
        ({"service": "gp", "colour": "red"}, "colour"),
    ],
)
def test_a_bad_query_is_named_too(bad_world: World, query: dict[str, str], field: str) -> None:
    answer = bad_world.get("/sites/here/slots", **query)
    assert answer.status_code == 422, answer.text
    assert [e["field"] for e in answer.get_json()["errors"]] == [field]


def test_an_unknown_call_and_a_wrong_method_are_problems_too(bad_world: World) -> None:
    for answer, status in (
        (bad_world.get("/nothing"), 404),
        (bad_world.get(TICKET), 405),
    ):
        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"

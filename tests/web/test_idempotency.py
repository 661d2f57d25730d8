"""A retried request has one effect: one after another, at once, and not when the guard is off."""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from queueapp.db.models import IdempotencyKey, Visit
from queueapp.web import idempotency
from tests.web.api_world import World
from tests.web.kept_worlds import KeptWorlds

pytestmark = pytest.mark.both_databases

TICKET = "/sites/here/entries"
KEYS, TWINS = 50, 3


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[World]:
    with kept_worlds.copy_of("api", World) as world:
        yield world


def visits(world: World) -> int:
    return world.counts()["visit"]


def test_a_repeated_request_gets_the_first_answer(world: World) -> None:
    first = world.post(TICKET, {"service": "gp"}, key="a")
    again = world.post(TICKET, {"service": "gp"}, key="a")
    assert first.status_code == again.status_code == 201
    assert again.get_json() == first.get_json()
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert visits(world) == 1
    assert world.post(TICKET, {"service": "gp"}, key="b").get_json() != first.get_json()
    assert world.post(TICKET, {"service": "gp"}).status_code == 201
    assert visits(world) == 3


def test_the_same_key_for_another_body_is_refused(world: World) -> None:
    world.post(TICKET, {"service": "gp"}, key="a")
    answer = world.post(TICKET, {"service": "blood"}, key="a")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "key_reused")
    assert answer.get_json()["errors"][0]["field"] == "Idempotency-Key"
    assert visits(world) == 1


def test_the_body_counts_by_what_it_says_not_how_it_is_written(world: World) -> None:
    first = world.post(TICKET, {"service": "gp", "name": "Ana"}, key="a")
    again = world.client.post(
        f"/api/v1{TICKET}",
        headers=world.headers(**{"Idempotency-Key": "a"}),
        data=' {"name":"Ana",\n "service":"gp"}',
        content_type="application/json",
    )
    assert again.get_json() == first.get_json()


@pytest.mark.parametrize("key", ["", "x" * 201, "caf\u00e9", "tab\there"])
def test_a_key_that_cannot_be_kept_is_refused(world: World, key: str) -> None:
    answer = world.post(TICKET, {"service": "gp"}, key=key)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "Idempotency-Key"
    assert visits(world) == 0


def test_keys_belong_to_who_used_them_and_what_for(world: World) -> None:
    mine = world.post(TICKET, {"service": "gp"}, key="a").get_json()
    other = world.post(TICKET, {"service": "gp"}, key="a", role="receptionist").get_json()
    assert other["id"] != mine["id"]
    called = world.post(f"/rooms/{world.room_id}/call-next", key="a").get_json()
    assert called["id"] == mine["id"]
    again = world.post(f"/rooms/{world.room_id}/call-next", key="a")
    assert (again.status_code, again.get_json()) == (200, called)


def test_nobody_to_call_is_an_answer_too(world: World) -> None:
    call_next = f"/rooms/{world.room_id}/call-next"
    assert world.post(call_next, key="a").status_code == 204
    world.ticket()
    again = world.post(call_next, key="a")
    assert (again.status_code, again.data) == (204, b"")
    assert again.headers["Idempotent-Replay"] == "true"
    assert world.post(call_next, key="b").status_code == 200


def test_a_refusal_is_not_kept_so_its_retry_is_judged_afresh(world: World) -> None:
    world.called()
    call_next = f"/rooms/{world.room_id}/call-next"
    assert world.post(call_next, key="a").status_code == 409
    assert world.counts()["idempotency_key"] == 0
    state = world.get("/sites/here/state").get_json()
    entry_id = state["entries"][0]["id"]
    world.post(f"/entries/{entry_id}/start")
    world.post(f"/entries/{entry_id}/finish")
    later = world.post(call_next, key="a")
    assert (later.status_code, "Idempotent-Replay" in later.headers) == (204, False)


def test_no_link_and_no_token_is_kept(world: World) -> None:
    answer = world.post(TICKET, {"service": "gp", "name": "Ana"}, key="a").get_json()
    with world.db.read() as session:
        kept = session.scalars(sa.select(IdempotencyKey.answer)).one()
        nonce = session.scalars(sa.select(Visit.nonce)).one()
    assert kept is not None
    assert answer["visit_token"] not in str(kept)
    assert nonce not in str(kept)
    assert "phone_url" not in kept
    assert "Ana" not in str(kept)


def test_a_key_lives_a_day(world: World) -> None:
    first = world.post(TICKET, {"service": "gp"}, key="a").get_json()
    world.post(TICKET, {"service": "gp"}, key="b")
    long_ago = datetime.now(UTC) - idempotency.LIVES - timedelta(seconds=1)
    with world.db.write() as session:
        session.execute(sa.update(IdempotencyKey).values(created_at=long_ago))
    again = world.post(TICKET, {"service": "gp"}, key="a").get_json()
    assert again["id"] != first["id"]
    assert world.post(TICKET, {"service": "gp"}, key="a").get_json() == again
    with world.db.write() as session:
        assert idempotency.sweep(session, datetime.now(UTC)) == 1
    assert world.counts()["idempotency_key"] == 1


def effects_of_twins(world: World, keys_used: int) -> tuple[Counter[int], list[tuple[str, int]]]:
    """Send each key's requests at once; the statuses, and what ticket each key was given."""
    at_once = threading.Barrier(TWINS)

    def send(key: str) -> tuple[int, str, int]:
        at_once.wait()
        answer = world.post(TICKET, {"service": "gp"}, key=key, client=world.app.test_client())
        return answer.status_code, key, answer.get_json()["id"]

    keys = itertools.chain.from_iterable([f"key-{n}"] * TWINS for n in range(keys_used))
    with ThreadPoolExecutor(TWINS) as pool:
        answers = list(pool.map(send, keys))
    return Counter(status for status, _, _ in answers), [(key, n) for _, key, n in answers]


def test_twins_at_once_have_one_effect(world: World) -> None:
    statuses, tickets = effects_of_twins(world, KEYS)
    assert statuses == {201: KEYS * TWINS}
    assert len(set(tickets)) == KEYS
    assert visits(world) == KEYS


def test_without_the_guard_twins_have_as_many_effects(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "claim", lambda *_args, **_more: idempotency.UNCLAIMED)
    effects_of_twins(world, 10)
    assert visits(world) == 10 * TWINS

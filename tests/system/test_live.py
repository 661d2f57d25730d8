"""Live channels of a served app: SQLite with one worker, PostgreSQL and Redis with two."""

import contextlib
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psutil
import pytest
import redis
import sqlalchemy as sa

from queueapp.actions.base import note
from queueapp.db.models import ApiToken, QueueEntry, Site, StoredForecast
from queueapp.domain.actor import SYSTEM, Role
from queueapp.domain.events import Kind
from queueapp.realtime.pokes import CHANNEL
from tests import factories
from tests.system.house import House
from tests.system.listeners import Screen, within

pytestmark = pytest.mark.usefixtures("everyone_leaves")

# Generous, as the machine that runs this may be busy; a screen is meant to follow within 1 s.
SOON_S = 20.0


def screens_on_every_process(house: House, token: str) -> list[Screen]:
    """Screens of one phone link, as many as it takes for each web process to have one."""
    screens = []
    for _ in range(60):
        screens.append(house.screen(token))
        if len(screens) >= 6 and all(p.net_connections("tcp") for p in house.web_processes()):
            busy = [
                [c for c in p.net_connections("tcp") if c.status == psutil.CONN_ESTABLISHED
                 and c.laddr.port == house.served.port]
                for p in house.web_processes()
            ]  # fmt: skip
            if all(busy):
                return screens
    pytest.fail("all connections went to one web process")


def test_a_command_to_one_process_reaches_the_screens_of_all(house: House) -> None:
    mine = house.take_ticket()
    screens = screens_on_every_process(house, mine["visit_token"])
    assert within(SOON_S, lambda: all(s.seqs("line:here") for s in screens))
    seq_before = house.seq()
    house.take_ticket()
    assert within(SOON_S, lambda: all(s.has("line:here", seq_before + 1) for s in screens))


def test_a_screen_never_goes_back_and_ends_equal_to_the_database(house: House) -> None:
    mine = house.take_ticket()
    screens = [house.screen(mine["visit_token"]) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        tickets = {t["ticket"] for t in pool.map(lambda _: house.take_ticket(), range(24))}
    assert len(tickets) == 24
    with house.database.read() as session:
        here = QueueEntry.site_id == house.site_id
        waiting = session.scalar(sa.select(sa.func.count(QueueEntry.id)).where(here))

    def is_whole(screen: Screen) -> bool:
        last = [u for u in screen.updates if u["channel"] == "line:here"][-1]
        return (
            tickets <= set(str(last["rows"]).replace("'", " ").split())
            and len(last["rows"]) == waiting
        )

    assert within(SOON_S, lambda: all(is_whole(s) for s in screens))
    for screen in screens:
        seqs = screen.seqs("line:here")
        assert seqs == sorted(seqs)


def test_changes_that_come_together_are_one_update(house: House) -> None:
    mine = house.take_ticket()
    screen = house.screen(mine["visit_token"])
    assert within(SOON_S, lambda: bool(screen.seqs("line:here")))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: house.take_ticket(), range(30)))
    seq = house.seq()
    before = len(screen.updates)
    assert within(SOON_S, lambda: screen.has("line:here", seq - 1))
    assert before < 30


def test_a_commit_nobody_tells_of_is_seen_all_the_same(house: House) -> None:
    """As the worker's and a command line's are: found within a second by looking."""
    mine = house.take_ticket()
    screen = house.screen(mine["visit_token"], want=["line:here"])
    assert within(SOON_S, lambda: bool(screen.seqs("line:here")))
    now = datetime.now(UTC)
    with house.database.write() as session:
        site = session.get_one(Site, house.site_id)
        visit = factories.make_visit(session, site, now=now, ticket="Z99")
        factories.make_entry(session, site.services[0], visit, now=now)
        note(session, SYSTEM, now, Kind.TICKET_TAKEN, site_id=site.id)
    seq = house.seq()
    assert within(SOON_S, lambda: screen.has("line:here", seq))


@pytest.mark.one_database
def test_heartbeats_come_every_second_while_the_server_runs_and_not_while_it_is_frozen(
    house: House,
) -> None:
    screen = house.screen(want=["desk:here", "lobby:here", "line:here"])
    assert within(SOON_S, lambda: len(screen.beats) >= 3)
    assert screen.beats[-1]["site"] == "here"
    house.served.signal(signal.SIGSTOP)
    try:
        within(2.0, lambda: False)
        heard = len(screen.beats)
        assert not within(3.0, lambda: len(screen.beats) > heard)
    finally:
        house.served.signal(signal.SIGCONT)
    # The one that heard nothing for so long may have been given up on, as a page comes back then.
    again = house.screen(want=["desk:here"])
    assert within(SOON_S, lambda: len(again.beats) >= 2)


def test_a_revoked_token_is_parted_with(house: House) -> None:
    with house.database.write() as session:
        site = session.get_one(Site, house.site_id)
        row, token = factories.make_api_token(session, site, Role.MANAGER)
    screen = house.screen(token, want=["lobby:here"])
    other = house.screen(want=["lobby:here"])
    with house.database.write() as session:
        session.get_one(ApiToken, row.id).revoked_at = datetime.now(UTC)
    assert screen.ended.wait(SOON_S + 5)
    assert not other.ended.is_set()
    with pytest.raises(Exception, match="failed to connect"):
        house.screen(token)


@pytest.mark.one_database
def test_what_a_client_sends_has_no_effect_and_too_much_ends_it(house: House) -> None:
    screen = house.screen(want=["lobby:here"])
    before = house.seq()
    for event in ("join", "update", "call_next"):
        screen.client.emit(event, {"channel": "desk:elsewhere"})
    assert within(SOON_S, lambda: len(screen.beats) >= 2)
    assert not screen.ended.is_set()
    screen.client.emit("x", "y" * 20_000)
    assert screen.ended.wait(SOON_S)
    assert house.seq() >= before


def is_settled(house: House) -> bool:
    """Whether the newest change but its own is in the stored forecast."""
    with house.database.read() as session:
        here = StoredForecast.site_id == house.site_id
        made = session.scalars(sa.select(StoredForecast).where(here)).one_or_none()
        site = session.get_one(Site, house.site_id)
        return bool(made and made.seq == site.seq == made.for_seq + 1)


def test_the_worker_forecasts_what_changed_and_then_rests(house: House) -> None:
    house.take_ticket()
    assert within(30, lambda: is_settled(house))
    seqs = {house.seq()}
    within(3.0, lambda: bool(seqs.add(house.seq())))
    # One more at most, when the forecast just then goes stale.
    assert len(seqs) <= 2


@pytest.mark.one_database
def test_a_worker_that_dies_is_started_again(house: House) -> None:
    killed = house.worker_process()
    killed.kill()
    assert within(30, lambda: any(p.pid != killed.pid for p in workers(house)))
    house.take_ticket()
    assert within(30, lambda: is_settled(house))


def workers(house: House) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error, ValueError):
        return [house.worker_process()]
    return []


def test_with_redis_dead_screens_still_follow(house: House) -> None:
    if house.redis_url is None:
        assert len(house.web_processes()) == 1
        return
    mine = house.take_ticket()
    screens = screens_on_every_process(house, mine["visit_token"])
    with redis.Redis.from_url(house.redis_url) as client, client.pubsub() as words:
        words.subscribe(CHANNEL)
        house.take_ticket()
        said = threading.Event()
        assert within(SOON_S, lambda: said.is_set() or _heard(words, house, said))
        client.shutdown(nosave=True)
    try:
        seq = house.seq()
        house.take_ticket()
        assert within(SOON_S, lambda: all(s.has("line:here", seq + 1) for s in screens))
    finally:
        house.start_redis()


def _heard(words: redis.client.PubSub, house: House, said: threading.Event) -> bool:
    message = words.get_message(ignore_subscribe_messages=True, timeout=0.1)
    if message and message["data"].startswith(f"{house.site_id}:".encode()):
        said.set()
    return said.is_set()

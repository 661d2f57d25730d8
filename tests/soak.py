"""The races at their full counts, on both databases: `make soak`. Ends with a line per contest."""

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import requests
import sqlalchemy as sa

from queueapp.db.models import QueueEntry
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from tests import services
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.factories import make_api_token, make_service, make_site
from tests.faults import full
from tests.races import contests
from tests.races.contests import Result
from tests.served import Served
from tests.soak_restore import ENTRIES, restored
from tests.system.endings import ENDINGS, seconds_to_end
from tests.system.floods import heard_during

TICKETS, CALLERS = 5_000, 16
ATTEMPTS, CODES, PROCESSES = 10_000, 10_000, 8
KEYS, TIMES = 1_000, 3
PEOPLE, SOON_S = 100, 2.0
FLOOD_S = 20.0


@contextmanager
def repeated(url: str, directory: Path) -> Iterator[tuple[Served, str]]:
    """A served clinic and a manager's token."""
    database = Database(url)
    with database.write() as session:
        site = make_site(session, "soak", timezone="UTC")
        make_service(session, site, "GP")
        _, token = make_api_token(session, site, Role.MANAGER)
    database.dispose()
    served = Served(url, directory / f"{secrets.token_hex(4)}.log")
    served.start()
    try:
        yield served, token
    finally:
        served.end()


def keys(url: str, directory: Path) -> Result:
    """1,000 requests, each sent three times at once with one key: how many effects?"""
    began = time.perf_counter()
    with repeated(url, directory) as (served, token), ThreadPoolExecutor(12) as pool:
        address = f"{served.url}/api/v1/sites/soak/entries"

        def send(key: str) -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
            while True:
                answer = requests.post(address, json={"service": "gp"}, headers=headers, timeout=60)
                if answer.status_code != 503:  # busy: nothing was done, so the same key again
                    return answer.status_code, answer.text

        wanted = [f"soak-{n}" for n in range(KEYS)]
        answers = list(pool.map(send, [key for key in wanted for _ in range(TIMES)]))
    database = Database(url)
    with database.read() as session:
        effects = session.scalar(sa.select(sa.func.count()).select_from(QueueEntry)) or 0
    database.dispose()
    differing = sum(
        len(set(answers[n : n + TIMES])) > 1 or answers[n][0] != 201
        for n in range(0, len(answers), TIMES)
    )
    return Result(KEYS, effects - KEYS, differing, time.perf_counter() - began)


def endings(url: str, directory: Path) -> Result:
    """100 people signed in with a live page, then disabled: who opens what 2 s later?"""
    began = time.perf_counter()
    database = Database(url, secret="tests" * 8)
    with repeated(url, directory) as (served, _):
        seconds, still = seconds_to_end(served, database, "soak", PEOPLE, ENDINGS[:1])
    database.dispose()
    late = sum(one > SOON_S for one in seconds)
    return Result(PEOPLE, len(still), late, time.perf_counter() - began)


def flood(url: str, _directory: Path) -> Result:
    """100 phones while one client floods, and is cut off each time: how much later do they hear?

    Lost is a flood that was not cut off, that cost another's connection, or that made the 99th
    percentile of the others' delay twice as long.
    """
    began = time.perf_counter()
    kinds = ["messages", "frames"]
    with mock.patch.dict(os.environ, DATABASE_URL=url):
        found = heard_during(kinds, FLOOD_S)
    before = found[""]["p99_ms"]
    for kind, one in found.items():
        told = f", let in {one['let_in']} times, sent {one['sent']}" if kind else ""
        print(f"  {kind or 'peace'}: p50 {one['p50_ms']:.0f} ms, p99 {one['p99_ms']:.0f} ms{told}")
    lost = sum(
        found[kind]["p99_ms"] >= 2 * before
        or found[kind]["let_in"] < 2
        or found[kind]["others_ended"] > 0
        for kind in kinds
    )
    return Result(len(kinds), 0, lost, time.perf_counter() - began)


CONTESTS: dict[str, Callable[[str, Path], Result]] = {
    f"{CALLERS} callers drain {TICKETS} tickets": lambda url, _: contests.drain(
        url, TICKETS, CALLERS
    ),
    f"{CODES} ticket codes from {PROCESSES} processes": lambda url, _: contests.number(
        url, CODES, PROCESSES
    ),
    f"{ATTEMPTS} overlapping bookings, {PROCESSES} processes": lambda url, _: contests.book(
        url, ATTEMPTS, PROCESSES
    ),
    f"{KEYS} requests, {TIMES} times each at once": keys,
    "a flood of messages, then of frames of 16 MB": flood,
    f"{PEOPLE} disabled people out of page and socket within {SOON_S:g} s": endings,
    **full.CONTESTS,
    f"{ENTRIES:,} entries backed up and restored": restored,
}


def main() -> int:
    """Run all contests, or those whose name contains a word of the command line."""
    words, failed = sys.argv[1:], 0
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        server = services.shared_postgresql(directory, os.getpid())
        for maker in (SqliteMaker(directory), PostgresqlMaker(directory, server)):
            kind = "SQLite" if isinstance(maker, SqliteMaker) else "PostgreSQL"
            for title, contest in CONTESTS.items():
                if words and not any(word in f"{kind} {title}" for word in words):
                    continue
                result = contest(maker.make(), directory)
                failed += not result.is_clean
                print(
                    f"{kind:<10} {title}: {result.wanted} done, {result.twice} twice, "
                    f"{result.lost} lost, {result.seconds:.0f} s",
                    flush=True,
                )
            if isinstance(maker, PostgresqlMaker):
                maker.dispose()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

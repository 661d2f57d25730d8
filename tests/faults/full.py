"""Kills and screens at their full counts, for `make soak`."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from queueapp.db.session import Database
from tests import services
from tests.faults.clinic import Clinic
from tests.faults.kills import kill_at_random
from tests.faults.viewers import watch
from tests.races.contests import Result
from tests.served import Served

KILLS, ROOMS, BOOKED = 100, 4, 900
VIEWERS, EVENTS, BACK_WITHIN_S = 50, 10_000, 2.0
SECRET = "tests" * 8


@contextmanager
def _clinic(url: str, directory: Path) -> Iterator[tuple[Clinic, Served]]:
    """A busy clinic; on PostgreSQL served by two web processes."""
    with ExitStack() as stack:
        database = Database(url, secret=SECRET)
        stack.callback(database.dispose)
        redis = None if database.is_sqlite else stack.enter_context(services.redis())
        log = directory / f"{secrets.token_hex(4)}.log"
        served = Served(url, log, redis_url=redis, workers=2 if redis else 1)
        stack.callback(served.end)
        served.start()
        yield Clinic(served.url, database, rooms=ROOMS, booked=BOOKED), served


def kills(url: str, directory: Path, count: int = KILLS) -> Result:
    """Random kills of web processes, worker or all: what was acknowledged and is not there?"""
    began = time.perf_counter()
    with _clinic(url, directory) as (clinic, served):
        verdict = kill_at_random(clinic, served, count, seed=secrets.randbits(32))
    _say([*verdict.missing, *verdict.doubled])
    return Result(
        verdict.acknowledged,
        len(verdict.doubled),
        len(verdict.missing),
        time.perf_counter() - began,
    )


def screens(url: str, directory: Path, viewers: int = VIEWERS, events: int = EVENTS) -> Result:
    """Viewers that come and go: `twice` those that went back in time, `lost` what one never saw.

    Lost is also a 99th percentile of more than 2 s from being back to being right.
    """
    began = time.perf_counter()
    with _clinic(url, directory) as (clinic, served):
        seen = watch(clinic, served, viewers, events)
    p99 = seen.back_s[int(len(seen.back_s) * 0.99)] if seen.back_s else 0.0
    _say([*seen.unshown, *seen.wrong_at_the_end])
    _say([f"{seen.returns} returns, right again after {p99:.2f} s (99th percentile)"])
    lost = len(seen.unshown) + len(seen.wrong_at_the_end) + (p99 > BACK_WITHIN_S)
    return Result(seen.events, seen.went_back, lost, time.perf_counter() - began)


def _say(lines: list[str]) -> None:
    for line in lines[:10]:
        print(f"           {line}", flush=True)


CONTESTS: dict[str, Callable[[str, Path], Result]] = {
    f"{KILLS} kills of web, worker or all under load": kills,
    f"{VIEWERS} screens, a fifth cut off each second, {EVENTS} changes": screens,
}

"""How much later a change made at one process is seen at the other, and what it costs there.

`.venv/bin/python -m tests.soak_topology [EVENTS]`: two processes of queueapp, PostgreSQL, Redis;
while 60 wait, each event is a ticket taken at one of them in turn, heard by a desk at each. Then
the processor time of each web process per event, when somebody comes or leaves at the first: with
no screen, with a desk at each, and with a desk, a lobby and a board.
"""

import sys
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from tests import services
from tests.databases import PostgresqlMaker
from tests.system.deployed import Behind, Follower, behind_nginx, web_of

EVENTS, GAP_S, WAITING, PATIENCE_S = 200, 0.25, 60, 5
SPAWN = get_context("spawn")
DESK = ("desk:here",)
ALL = ("lobby:here", "desk:here", "board:here")


def watch(told: Connection, url: str, token: str, origin: str) -> None:
    """A desk's screen: tells of each update its seq and when it came, until it is told to end."""
    screen = Follower(url, token, origin, DESK)
    screen.client.on("update", lambda content: told.send((content["seq"], time.monotonic())))
    screen.open()
    told.recv()
    screen.close()


class Watched:
    """A screen in a process of its own, so that no other keeps it from hearing."""

    def __init__(self, behind: Behind, url: str) -> None:
        self._told, theirs = SPAWN.Pipe()
        words = (theirs, url, behind.token, behind.url)
        self._process = SPAWN.Process(target=watch, args=words, daemon=True)
        self._process.start()
        self.heard(0)

    def heard(self, seq: int) -> float:
        """When, in monotonic seconds, it knew of `seq` or later for the first time."""
        while self._told.poll(PATIENCE_S):
            known, at = self._told.recv()
            if known >= seq:
                return float(at)
        raise AssertionError(f"a screen never heard of {seq}")

    def close(self) -> None:
        """It leaves."""
        self._told.send(None)
        self._process.join()


def added(behind: Behind, events: int) -> list[float]:
    """Milliseconds from the making process's screen hearing of an event to the other's."""
    screens = [Watched(behind, app.url) for app in behind.apps]
    for _ in range(WAITING):
        behind.take_ticket()
    found = []
    for n in range(events):
        at = behind.apps[n % 2].url
        entry = behind.post("/sites/here/entries", at, service="gp").json()["id"]
        seq = behind.seq()
        here, there = (screens[k].heard(seq) for k in (n % 2, 1 - n % 2))
        found.append((there - here) * 1000)
        time.sleep(GAP_S)
        assert behind.post(f"/entries/{entry}/leave", at).status_code == 200
        time.sleep(GAP_S)
    for one in screens:
        one.close()
    return found


def cost(behind: Behind, want: tuple[str, ...], events: int) -> list[float]:
    """Milliseconds of processor of each web process per event at the first."""
    at = behind.apps[0].url
    screens = [
        Follower(app.url, behind.token, behind.url, want).open() for app in behind.apps if want
    ]
    time.sleep(2)
    webs = [web_of(app) for app in behind.apps]
    before = [sum(web.cpu_times()[:2]) for web in webs]
    for _ in range(events // 2):
        entry = behind.post("/sites/here/entries", at, service="gp").json()["id"]
        time.sleep(GAP_S)
        assert behind.post(f"/entries/{entry}/leave", at).status_code == 200
        time.sleep(GAP_S)
    spent = [sum(web.cpu_times()[:2]) - had for web, had in zip(webs, before, strict=True)]
    for one in screens:
        one.close()
    return [seconds / events * 1000 for seconds in spent]


def main() -> None:
    """Print the percentiles."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with tempfile.TemporaryDirectory() as name, services.postgresql() as server:
        directory = Path(name)
        directory.chmod(0o755)
        maker = PostgresqlMaker(directory, server)
        with behind_nginx(maker.make(), directory) as behind:
            p50, p90, p99 = np.percentile(added(behind, events), [50, 90, 99])
            print(f"{events} events, at the other process later by: p50 {p50:.1f}, "
                  f"p90 {p90:.1f}, p99 {p99:.1f} ms")  # fmt: skip
            for want in ((), DESK, ALL):
                here, there = cost(behind, want, events)
                print(f"processor per event, {len(want)} channels: {here:.1f} ms where it is made, "
                      f"{there:.1f} ms at the other")  # fmt: skip
        maker.dispose()


if __name__ == "__main__":
    main()

"""How much later a change made at one process is seen at the other, and what it costs there.

`.venv/bin/python -m tests.soak_topology [EVENTS]`: two processes of queueapp, PostgreSQL, Redis;
while 60 wait, each event is a ticket taken at one of them in turn, heard by a desk at each. Then
the processor time of each web process per event, when somebody comes or leaves at the first: with
no screen, with a desk at each, and with a desk, a lobby and a board.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests import services
from tests.databases import PostgresqlMaker
from tests.system.deployed import Behind, Follower, behind_nginx, web_of
from tests.system.listeners import within

EVENTS, GAP_S, WAITING = 200, 0.25, 60
DESK = ("desk:here",)
ALL = ("lobby:here", "desk:here", "board:here")


class Timed(Follower):
    """Notes when it first heard of each seq or a later one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at: list[tuple[int, float]] = []
        self.client.on("update", self._hear)

    def _hear(self, content: dict[str, Any]) -> None:
        self.at.append((content["seq"], time.perf_counter()))
        self.updates.append(content)

    def heard(self, seq: int) -> float:
        """When it first knew of `seq`."""
        return next(at for known, at in self.at if known >= seq)


def added(behind: Behind, events: int) -> list[float]:
    """Milliseconds from the making process's screen hearing of an event to the other's."""
    screens = [behind.screen(Timed, app.url) for app in behind.apps]
    for _ in range(WAITING):
        behind.take_ticket()
    found = []
    for n in range(events):
        at = behind.apps[n % 2].url
        entry = behind.post("/sites/here/entries", at, service="gp").json()["id"]
        seq = behind.seq()
        assert within(5, lambda seq=seq: all(one.has(seq) for one in screens))
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

"""What deploy/ stands up, as plain processes: it is one queueapp to whoever uses it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need
from tests.databases import PostgresqlMaker
from tests.system.deployed import Behind, behind_nginx, screens_of, worker_of
from tests.system.listeners import within

SCREENS = 6
# Of whom a process is killed, the clients are right again at the other within so long.
BACK_WITHIN_S = 5.0
# It takes a second; the machine may be busy.
SOON_S = 15.0
TAKES_OVER_WITHIN_S = 60.0


@pytest.fixture
def behind(run_directory: Path, postgresql_url: str, tmp_path: Path) -> Iterator[Behind]:
    need("redis-server")
    need("nginx")
    maker = PostgresqlMaker(run_directory, postgresql_url)
    url = maker.make()
    with behind_nginx(url, tmp_path) as all_of_it:
        yield all_of_it
    maker.drop(url)
    maker.dispose()


def test_two_processes_behind_nginx_are_one_to_whoever_watches(behind: Behind) -> None:
    screens = [behind.screen() for _ in range(SCREENS)]
    first, second = behind.apps
    # Half at each, or it would not be the other's clients that hear of an event.
    assert within(SOON_S, lambda: min(screens_of(app) for app in behind.apps) >= SCREENS // 2)
    for app in behind.apps:
        seq = behind.take_ticket(app.url)
        assert within(SOON_S, lambda seq=seq: all(one.has(seq) for one in screens))

    # Of the two workers one works, and it goes on while the other stands still.
    holder = behind.holder()
    by_pid = {worker_of(app).pid: app for app in behind.apps}
    working = by_pid[int(holder.split(":")[1])]
    other = second if working is first else first
    standing_by = worker_of(other)

    # What one of them has rendered the other passes on: without its database it could not itself.
    watcher, beats = behind.screen(url=other.url), list[Any]()
    watcher.client.on("heartbeat", beats.append)
    assert within(SOON_S, lambda: bool(beats))
    with behind.stuck_database(other):
        within(1.5, lambda: False)
        heard = len(beats)
        taken = [behind.take_ticket(working.url) for _ in range(2)]
        assert within(SOON_S, lambda: watcher.has(taken[-1]))
        # The control: it does not say that this is all.
        assert not within(2, lambda: len(beats) > heard)
    assert within(SOON_S, lambda: len(beats) > heard)

    behind.freeze(standing_by, other)
    seq = behind.take_ticket()
    assert within(TAKES_OVER_WITHIN_S, lambda: behind.forecast_for() >= seq)
    assert behind.holder() == holder
    standing_by.resume()

    # The one that works is killed, with all its processes: its screens are right at the other.
    gone_at = time.monotonic()
    working.kill()
    seq = behind.take_ticket()
    assert within(
        BACK_WITHIN_S - (time.monotonic() - gone_at),
        lambda: all(one.has(seq) for one in screens),
    )
    assert screens_of(other) >= SCREENS
    # Through nginx nobody notices which one is gone, time after time.
    for _ in range(5):
        seq = behind.take_ticket()
    assert within(SOON_S, lambda: all(one.has(seq) for one in screens))
    assert all(one.never_went_back() for one in screens)
    # And forecasts come from the one that stood by, once the lease of the dead one has run out.
    assert within(TAKES_OVER_WITHIN_S, lambda: behind.forecast_for() >= seq)
    assert int(behind.holder().split(":")[1]) == standing_by.pid

    other.kill()
    answer = behind.post("/sites/here/entries", service="gp")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "cannot be reached" in answer.text

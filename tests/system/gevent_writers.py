"""Greenlets that write to one SQLite file, in a process of their own, which gevent patches:
`python -m tests.system.gevent_writers URL LOCK:WRITERS:BUSY_MS…`.

Prints a line of JSON for each: how many wrote, how many could not, and the longest time (s) for
which nothing else in the process could run. `LOCK` is `lock`, or `none` for the control.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import json
import sys
import time
from contextlib import nullcontext

import gevent
from sqlalchemy.exc import OperationalError

from queueapp.db import engine as engines
from queueapp.db.models import Site
from queueapp.db.session import Database


def main(url: str, lock: str, writers: int, busy_ms: int) -> None:
    """Let them write; one that finds the file taken waits `busy_ms`, and all others with it."""
    engines._BUSY_TIMEOUT_MS = busy_ms
    database = Database(url, write_lock=None if lock == "lock" else nullcontext())
    done: list[int] = []
    failed: list[int] = []
    longest = 0.0

    def write(n: int) -> None:
        try:
            with database.write() as session:
                session.add(Site(slug=f"{lock}-{n}", name="x", timezone="UTC", settings={}))
                session.flush()
                # As a lookup, a log line or another driver might do inside a transaction.
                gevent.sleep(0.002)
            done.append(n)
        except OperationalError:
            failed.append(n)

    def watch() -> None:
        nonlocal longest
        last = time.monotonic()
        while True:
            gevent.sleep(0.005)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    watcher = gevent.spawn(watch)
    gevent.joinall([gevent.spawn(write, n) for n in range(writers)])
    watcher.kill()
    database.dispose()
    print(json.dumps({"done": len(done), "failed": len(failed), "longest_s": longest}))


if __name__ == "__main__":
    for said in sys.argv[2:]:
        kind, writers, busy_ms = said.split(":")
        main(sys.argv[1], kind, int(writers), int(busy_ms))

"""One greenlet that asks PostgreSQL a lot, beside another, in a process of its own, which gevent
patches: `python -m tests.system.gevent_reader URL`.

Prints a line of JSON: after how many of the answers the other one had its turn, `guarded` as the
product is and `unguarded` without its look at the loop.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import json
import math
import sys
import time

import gevent
import sqlalchemy as sa

from queueapp.db import postgresql
from queueapp.db.engine import make_engine

STATEMENTS, WORK_S = 60, 0.002


def main(url: str, turn_s: float) -> int:
    """Ask, and reckon after each answer."""
    # Each answer is waited for where it is asked, however busy the machine is.
    postgresql._SOON_MS, postgresql._TURN_S = 10_000, turn_s
    engine, answered, seen = make_engine(url), 0, set[int]()

    def look() -> None:
        while True:
            gevent.sleep(0)
            seen.add(answered)

    with engine.connect() as connection:
        other = gevent.spawn(look)
        for _ in range(STATEMENTS):
            connection.execute(sa.text("SELECT 1")).all()
            answered += 1
            until = time.perf_counter() + WORK_S
            while time.perf_counter() < until:
                pass
        other.kill(block=False)
    engine.dispose()
    return len(seen - {0})


if __name__ == "__main__":
    turns = {"guarded": postgresql._TURN_S, "unguarded": math.inf}
    print(json.dumps({name: main(sys.argv[1], turn_s) for name, turn_s in turns.items()}))

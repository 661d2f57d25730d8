"""Under gevent nobody stops the process: writers take turns, and who asks much lets others in."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.databases import SqliteMaker

ROOT = Path(__file__).parents[2]
WRITERS = 50
# Far below the product's own, so that the control is quick.
BUSY_MS = 1500
BUSY_FOR_THE_CONTROL_MS = 500


@pytest.fixture(scope="module")
def found(run_directory: Path) -> list[dict[str, Any]]:
    """With the lock, and then without it: the same process, as one takes long to start."""
    # A file of its own: PostgreSQL's writers wait for rows, not for the process. Of the control's
    # a few are enough: each that finds the file taken stops all for the whole busy timeout.
    told = [f"lock:{WRITERS}:{BUSY_MS}", f"none:4:{BUSY_FOR_THE_CONTROL_MS}"]
    program = [sys.executable, "-m", "tests.system.gevent_writers"]
    done = subprocess.run(
        [*program, SqliteMaker(run_directory).make(), *told],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_fifty_writers_all_write_and_nothing_stands_still(found: list[dict[str, Any]]) -> None:
    locked, _ = found
    assert (locked["done"], locked["failed"]) == (WRITERS, 0)
    assert locked["longest_s"] < BUSY_MS / 1000


def test_without_the_lock_the_whole_process_stands_still(found: list[dict[str, Any]]) -> None:
    _, control = found
    assert control["longest_s"] >= BUSY_FOR_THE_CONTROL_MS / 1000
    assert control["failed"] > 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_who_asks_much_lets_others_in_between_the_answers(fresh_database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.gevent_reader", fresh_database],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    turns = json.loads(done.stdout)
    # Some 120 ms of work, in each 5 ms of which there is a turn.
    assert turns["guarded"] > 10
    assert turns["unguarded"] <= 1

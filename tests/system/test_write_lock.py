"""Writers under gevent take turns without stopping the process; without the lock they stop it."""

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


@pytest.fixture
def sqlite_url(run_directory: Path) -> str:
    """A file of its own: PostgreSQL's writers wait for rows, not for the process."""
    return SqliteMaker(run_directory).make()


def write(url: str, lock: str, writers: int, busy_ms: int) -> dict[str, Any]:
    program = [sys.executable, "-m", "tests.system.gevent_writers"]
    done = subprocess.run(
        [*program, url, lock, str(writers), str(busy_ms)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_fifty_writers_all_write_and_nothing_stands_still(sqlite_url: str) -> None:
    found = write(sqlite_url, "lock", WRITERS, BUSY_MS)
    assert (found["done"], found["failed"]) == (WRITERS, 0)
    assert found["longest_s"] < BUSY_MS / 1000


def test_without_the_lock_the_whole_process_stands_still(sqlite_url: str) -> None:
    # A few are enough: each that finds the file taken stops all for the whole busy timeout.
    found = write(sqlite_url, "none", 4, BUSY_FOR_THE_CONTROL_MS)
    assert found["longest_s"] >= BUSY_FOR_THE_CONTROL_MS / 1000
    assert found["failed"] > 0

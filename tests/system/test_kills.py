"""Nothing that was acknowledged is lost, whatever is killed; and screens follow all the same."""

import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from queueapp.db.session import Database
from tests import binaries
from tests.conftest import need
from tests.databases import SqliteMaker
from tests.faults.careless import CarelesslyServed
from tests.faults.clinic import Clinic
from tests.faults.kills import kill_at_random
from tests.faults.viewers import watch
from tests.served import ROOT
from tests.system.house import SECRET, House

COMMITS = 20


def test_what_was_acknowledged_outlives_kills_of_web_and_worker(house: House) -> None:
    clinic = Clinic(house.served.url, house.database)
    verdict = kill_at_random(clinic, house.served, 2)
    assert verdict.is_clean, verdict
    assert verdict.acknowledged > 20
    assert clinic.calls
    assert len(clinic.bookings) > clinic.booked


def test_screens_that_come_and_go_show_every_call_and_end_right(house: House) -> None:
    clinic = Clinic(house.served.url, house.database)
    seen = watch(clinic, house.served, viewers=6, events=50)
    assert seen.is_clean, seen
    assert seen.returns > 0
    assert seen.back_s


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_without_the_guards_both_are_found_out(fresh_database: str, tmp_path: Path) -> None:
    """It answers before it commits; screens hear of the first changes, of some after the next."""
    db = Database(fresh_database, secret=SECRET)
    served = CarelesslyServed(fresh_database, tmp_path / "log")
    served.start()
    try:
        seen = watch(Clinic(served.url, db), None, viewers=4, events=8, settles_within_s=2)
        assert seen.went_back > 0
        assert seen.wrong_at_the_end
        clinic = Clinic(served.url, db)
        with clinic.at_work():
            while clinic.acknowledged < 5:
                time.sleep(0.02)
            served.web_processes()[0].kill()
            # Until it answers again, and more was done on top of what is gone.
            known = clinic.acknowledged
            while clinic.acknowledged < known + 3:
                time.sleep(0.02)
        assert clinic.judge().missing
    finally:
        served.end()
        db.dispose()


def test_every_pooled_connection_waits_for_the_disk(fresh_database: str) -> None:
    database = Database(fresh_database)
    if not database.is_sqlite:
        # PostgreSQL waits unless whoever runs it says otherwise; `db check` looks.
        database.dispose()
        return
    with_guard = _synchronous(database)
    sa.event.listen(database.engine, "checkout", lambda c, *_: c.execute("PRAGMA synchronous=1"))
    without = _synchronous(database)
    database.dispose()
    assert with_guard == {(2, "wal", 0, 1): 12}
    assert without == {(1, "wal", 0, 1): 12}


def _synchronous(database: Database) -> Counter[tuple[object, ...]]:
    """What twelve connections at once are set to: synchronous, journal, mmap, foreign keys."""
    asked = ("synchronous", "journal_mode", "mmap_size", "foreign_keys")
    connections = [database.engine.connect() for _ in range(12)]
    found = Counter(
        tuple(c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked) for c in connections
    )
    for connection in connections:
        connection.close()
    return found


def test_each_commit_reaches_the_disk(run_directory: Path, tmp_path: Path) -> None:
    need("strace")
    maker = SqliteMaker(run_directory)
    files = [maker.make().removeprefix("sqlite:///") for _ in range(2)]
    trace = tmp_path / "trace"
    subprocess.run(
        [str(binaries.find("strace")), "--seccomp-bpf", "-f", "-y", "-e", "trace=fsync,fdatasync",
         "-o", str(trace), sys.executable, "-m", "tests.faults.committing", str(COMMITS), *files],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    synced = Counter(re.findall(r"f(?:data)?sync\(\d+<([^>]+)-wal>\)\s+= 0", trace.read_text()))
    assert synced[files[0]] >= COMMITS
    assert synced[files[1]] == 0

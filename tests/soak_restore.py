"""A million entries backed up and restored: `.venv/bin/python -m tests.soak_restore [ENTRIES]`."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from queueapp.db.models import QueueEntry
from queueapp.db.session import Database
from tests import services
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.million import fill
from tests.races.contests import Result
from tests.served import ROOT

ENTRIES = 1_000_000


def restored(url: str, directory: Path, entries: int = ENTRIES) -> Result:
    """So many entries and all that belongs to them: backed up, then put back in their own place.

    `lost` are entries that are missing afterwards; `seconds` is what the restore took.
    """
    database = Database(url)
    fill(database, entries)
    database.dispose()
    file = directory / "million.backup"
    took = _told(url, directory, "backup", str(file))
    print(f"backup of {entries:,} entries: {took:.1f} s, {file.stat().st_size / 1e6:.0f} MB")
    took = _told(url, directory, "restore", "--replace", str(file))
    with database.read() as session:
        found = session.scalar(sa.select(sa.func.count()).select_from(QueueEntry)) or 0
    database.dispose()
    return Result(entries, 0, entries - found, took)


def _told(url: str, directory: Path, *command: str) -> float:
    environment = {**os.environ, "DATABASE_URL": url, "QUEUEAPP_VAR": str(directory)}
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "queueapp", *command], cwd=ROOT, env=environment, check=True
    )
    return time.perf_counter() - began


def main() -> None:
    """On both databases."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        with services.postgresql(durable=True) as server:
            for maker in (SqliteMaker(directory), PostgresqlMaker(directory, server)):
                result = restored(maker.make(), directory, entries)
                kind = type(maker).__name__.removesuffix("Maker")
                print(f"{kind}: {result.lost} of {result.wanted} lost, {result.seconds:.1f} s")
                if isinstance(maker, PostgresqlMaker):
                    maker.dispose()
                assert result.is_clean


if __name__ == "__main__":
    main()

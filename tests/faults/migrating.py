"""A migration that dies half-way."""

import multiprocessing
import os
import signal
from multiprocessing.context import ForkServerProcess
from typing import Any

import sqlalchemy as sa

from queueapp.db import migrate
from queueapp.db.engine import make_engine, sqlite_driver


def upgrade_and_die(url: str, statements: int, *, guarded: bool = True) -> int | None:
    """Upgrade in a process of its own that is killed after so many changes of the schema.

    Without the guard each statement stands by itself. Returns how the process ended.
    """
    process = upgrading(url, statements, guarded=guarded)
    process.join(120)
    return process.exitcode


def upgrading(url: str, statements: int = 10**6, *, guarded: bool = True) -> ForkServerProcess:
    """The process of `upgrade_and_die`, begun."""
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_upgrade, args=(url, statements, guarded))
    process.start()
    return process


def _upgrade(url: str, statements: int, guarded: bool) -> None:
    engine = make_engine(url) if guarded else _without_transactions(url)
    left = statements

    @sa.event.listens_for(engine, "after_cursor_execute")
    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal left
        left -= statement.lstrip().startswith(("CREATE", "ALTER", "INSERT", "DROP"))
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    migrate.upgrade(engine)


def _without_transactions(url: str) -> sa.Engine:
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
    if url.startswith("sqlite"):
        options["module"] = sqlite_driver
    return sa.create_engine(url, **options)

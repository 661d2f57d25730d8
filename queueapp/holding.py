"""One server per SQLite file: whoever serves it holds a lock beside it.

Of the standard library alone, as `serve`'s watching process loads no database.
"""

import fcntl
import logging
import os
import time
from pathlib import Path

log = logging.getLogger(__name__)

# The last processes of a server that was killed may take a moment to be gone.
WAITS_S = 3.0


class Held(Exception):
    """Another serves this file; the message says which process, and what to do."""


def hold(database_url: str, where: str) -> int | None:
    """Hold the SQLite file of `database_url` until this process and all it started have ended.

    `where` is what another is told about this one: its address. Returns the descriptor that the
    processes of this one inherit; None with PostgreSQL, which several may serve, or where the
    file system has no locks. Raises Held.
    """
    scheme, _, rest = database_url.partition("://")
    if scheme.partition("+")[0] != "sqlite":
        return None
    # sqlite:///relative, sqlite:////absolute
    file = Path(rest.partition("?")[0][1:])
    lock = file.with_name(f"{file.name}.serving")
    try:
        held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        # That it cannot be written is said in better words when the database is opened.
        return None
    try:
        _lock(held, time.monotonic() + WAITS_S)
    except BlockingIOError:
        other = os.pread(held, 500, 0).decode(errors="replace").strip() or "another process"
        os.close(held)
        raise Held(
            f"{file} is being served already, by {other}. Stop that first, or give this one a "
            "DATABASE_URL of its own."
        ) from None
    except OSError as error:
        log.warning("%s cannot be locked (%s): start only one server on it", lock, error.strerror)
        os.close(held)
        return None
    os.ftruncate(held, 0)
    os.pwrite(held, f"process {os.getpid()} ({where})".encode(), 0)
    return held


def _lock(held: int, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)

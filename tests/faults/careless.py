"""The app without its guards, served by gunicorn alone: `tests.faults.careless:create_app()`.

It answers before it commits, tells its screens of the first changes only, and of every other one
after the next. What is judged by must find all of that.
"""

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

import queueapp
from queueapp.db.session import Database
from queueapp.db.unit import finalise
from tests.served import Served

COMMITS_AFTER_S = 0.25
# So many updates are told in all, beside what who opens a screen is told.
ENOUGH = 12


class CarelesslyServed(Served):
    """One web process of the careless app, and no worker."""

    def command(self) -> list[str]:
        return [
            sys.executable, "-m", "gunicorn", "--worker-class", "gevent", "--log-level", "warning",
            "--bind", f"127.0.0.1:{self.port}", "tests.faults.careless:create_app()",
        ]  # fmt: skip

    def web_processes(self) -> list[Any]:
        import psutil

        assert self.process
        return psutil.Process(self.process.pid).children()


@contextmanager
def _write(self: Database) -> Iterator[Session]:
    """As the real one, but that the commit comes after the answer."""
    self._write_lock.__enter__()
    session = self._writers()
    try:
        yield session
        committed = finalise(session)
    except BaseException:
        session.close()
        self._write_lock.__exit__(None, None, None)
        raise

    def commit() -> None:
        time.sleep(COMMITS_AFTER_S)
        session.commit()
        session.close()
        self._write_lock.__exit__(None, None, None)
        for one in committed:
            for listener in self._listeners:
                listener(one)

    threading.Thread(target=commit).start()


def create_app() -> Flask:
    """The app, with its guards taken away."""
    app = queueapp.create_app()
    from queueapp.realtime.told import Told

    Database.write = _write  # type: ignore[method-assign]
    told = app.extensions["queueapp.live"].publisher._told
    count, kept = itertools.count(), dict[str, Any]()
    send = told._send

    def send_some(name: str, said: Any, room: str | list[str]) -> None:
        if room != name:
            send(name, said, room)
        elif next(count) >= ENOUGH:
            return
        elif name in kept:
            send(name, said, room)
            send(name, kept.pop(name), room)
        else:
            kept[name] = said

    told._send = send_some
    assert isinstance(told, Told)
    return app

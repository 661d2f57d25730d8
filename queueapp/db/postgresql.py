"""What the PostgreSQL driver is told, so that a short statement costs little."""

import select
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.waiting import Ready, Wait
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL

_Waits = Generator[Wait, Ready | int, Any]
# Most answers are there within this; a row lock of another is not.
_SOON_MS = 1
# Whoever asks much lets gevent's loop come round this often.
_TURN_S = 0.005
# A pooled connection that rested longer is asked whether it still stands.
_RESTED_S = 1.0
# Of a network that was cut nothing is heard: without these one waits for it for hours.
_CUT_OFF = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
# A process that was frozen in the midst of a transaction would keep others from its rows for ever.
# A backup's may rest for as long as the dump of its snapshot takes.
_LEFT_ALONE = {"options": "-c idle_in_transaction_session_timeout=60s"}


def postgresql_engine(url: URL, patience_s: float | None = None) -> Engine:
    """An engine for `postgresql+psycopg://…` whose connections survive the server's restart.

    `patience_s` is how long a statement is waited for; None: as long as it takes. With patience, a
    transaction in which nothing happens for a minute is rolled back, and its connection closed.
    """
    usual = _CUT_OFF | (_LEFT_ALONE if patience_s is not None else {})
    asked_for = {name: value for name, value in usual.items() if name not in url.query}
    engine = sa.create_engine(url, pool_size=10, max_overflow=20, connect_args=asked_for)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        kind = CooperativeConnection if _cooperative_poll() else PatientConnection
        connection = kind.connect(*arguments, **options)
        connection.patience_s = patience_s
        return connection

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def wake(connection: Any, record: Any, _proxy: Any) -> None:
        rested = time.monotonic() - record.info.get("rests_since", time.monotonic())
        if rested < _RESTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.OperationalError as error:
            raise sa.exc.DisconnectionError from error

    return engine


class PatientConnection(psycopg.Connection[Any]):
    """Gives a statement up that is not answered in time, so that nobody waits for ever.

    A server that is frozen, or cut off behind a proxy, still seems to be there.
    """

    patience_s: float | None = None

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """As psycopg's, but for so long; raises psycopg.OperationalError, the connection closed."""
        if self.patience_s is not None:
            gen = self._in_time(gen, time.monotonic() + self.patience_s)
        return super().wait(gen, *arguments, **options)

    def _in_time(self, gen: _Waits, deadline: float) -> _Waits:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready == Ready.NONE and time.monotonic() > deadline:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"no answer within {self.patience_s:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value


class CooperativeConnection(PatientConnection):
    """Under gevent: takes an answer that comes at once without going round by gevent's loop.

    Going round it costs as much as a short statement does; what takes longer still waits there,
    so that nobody who waits for another's lock stops the process. So does every answer once the
    loop has stood still for a while: whatever else has come is dealt with meanwhile.
    """

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """As psycopg's, for one that may be answered soon."""
        return super().wait(_soon(gen, self.pgconn.socket), *arguments, **options)


def _soon(gen: _Waits, fileno: int) -> _Waits:
    make_poll = _cooperative_poll()
    assert make_poll
    try:
        wanted = next(gen)
        while True:
            ready = None
            if not _has_stood_still():
                poll = make_poll()
                poll.register(fileno, _EVENTS[wanted])
                ready = _ready(poll.poll(_SOON_MS))
            wanted = gen.send((yield wanted) if ready is None else ready)
    except StopIteration as end:
        return end.value


def _has_stood_still() -> bool:
    """Whether gevent's loop has not come round for longer than it should."""
    since: float = sys.modules["gevent"].get_hub().loop.now()
    return time.time() - since > _TURN_S


_EVENTS = {
    Wait.R: select.POLLIN,
    Wait.W: select.POLLOUT,
    Wait.RW: select.POLLIN | select.POLLOUT,
}


def _ready(found: list[tuple[int, int]]) -> Ready | None:
    events = found[0][1] if found else 0
    # Errors and hang-ups are left to the driver's own wait.
    is_r, is_w = bool(events & select.POLLIN), bool(events & select.POLLOUT)
    if is_r and is_w:
        return Ready.RW
    return Ready.R if is_r else Ready.W if is_w else None


def _cooperative_poll() -> Callable[[], Any] | None:
    """The system's own `poll` where gevent has put another in its place, else None."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("select"):
        return None
    original: Callable[[], Any] = monkey.get_original("select", "poll")
    return original

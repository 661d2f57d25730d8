"""Reading and writing sessions: separate factories, one writer at a time per SQLite process."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from queueapp.db.core import CORE
from queueapp.db.engine import make_engine
from queueapp.db.faults import InDoubt
from queueapp.db.known import KEPT, KNOWN, forget_changed, forget_undone
from queueapp.db.unit import ACCESS, Committed, finalise, note_access, note_settings

Listener = Callable[[Committed], None]

# Where a reading session keeps what it has loaded of its snapshot.
SNAPSHOT = "queueapp.snapshot"
# Where all sessions of one database keep, until it changes, what is dear to parse.
_PARSED = "queueapp.parsed"
# Where they keep what they made of rows that are read again and again: see `open_entries`.
KEPT_ROWS = "queueapp.kept_rows"
Parsed = TypeVar("Parsed")


class Database:
    """The one way to a session.

    Under gevent a second greenlet's BEGIN IMMEDIATE would freeze the whole process for the busy
    timeout, so on SQLite all write transactions of a process run under one cooperative lock that
    is taken before BEGIN; nothing inside a write transaction may yield. `write_lock` is there for
    the test that shows what happens without it. `patience_s` is as in `make_engine`.
    Sessions carry `secret` in `info`: phone links are derived from it.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        secret: str = "",
        engine: Engine | None = None,
        write_lock: AbstractContextManager[object] | None = None,
        patience_s: float | None = None,
    ) -> None:
        self.engine = engine or make_engine(url, patience_s=patience_s)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        default: AbstractContextManager[object] = (
            threading.Lock() if self.is_sqlite else nullcontext()
        )
        self._write_lock = write_lock or default
        reads, writes = self.engine, self.engine.execution_options(writes=True)
        if not self.is_sqlite:
            reads = reads.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            writes = writes.execution_options(isolation_level="READ COMMITTED")
        info: dict[str, Any] = {"secret": secret, _PARSED: {}, KEPT: {}, KEPT_ROWS: {}}
        self._readers = sessionmaker(reads, autoflush=False, info=info)
        self._writers = sessionmaker(writes, expire_on_commit=False, info=info)
        event.listen(self._writers, "after_flush", note_access)
        event.listen(self._writers, "after_flush", note_settings)
        event.listen(self._writers, "after_soft_rollback", forget_undone)
        event.listen(self._writers, "do_orm_execute", forget_changed)
        self._listeners: list[Listener] = []
        self._access_listeners: list[Callable[[], None]] = []

    def on_commit(self, listener: Listener) -> None:
        """Call `listener` after each commit that changed something a screen can show."""
        self._listeners.append(listener)

    def on_access(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each commit that changed or ended what somebody may do.

        A statement that changes rows without loading them is not heard of.
        """
        self._access_listeners.append(listener)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one snapshot of the database and changes nothing."""
        # Closed, which lets go of the rows and ends the transaction: a rollback would first go
        # through all columns of all rows to forget what they say.
        with self._readers() as session:
            session.info[SNAPSHOT], session.info[KNOWN], session.info[CORE] = {}, {}, None
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose work is all committed at the end of the block, or none of it.

        Listeners hear of the commit after the lock is released. Raises InDoubt when the database
        went away while it committed.
        """
        with self._write_lock, self._writers() as session:
            session.info[KNOWN], session.info[CORE] = {}, session.connection()
            yield session
            committed = finalise(session)
            try:
                session.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise InDoubt("the database went away during a commit") from error
                raise
        for one in committed:
            for listener in self._listeners:
                listener(one)
        if session.info.get(ACCESS):
            for tell in self._access_listeners:
                tell()

    @contextmanager
    def rehearse(self) -> Iterator[Session]:
        """A writing session of which nothing stays: no row, no `seq`, and nobody is told.

        It holds what a write holds, so it should be over as soon.
        """
        with self._write_lock, self._writers() as session:
            session.info[KNOWN] = {}
            try:
                yield session
            finally:
                session.rollback()

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def once(session: Session, what: Hashable, load: Callable[[], Parsed]) -> Parsed:
    """What `load` brings, loaded once in a reading session, which sees one snapshot."""
    seen: dict[Hashable, Any] | None = session.info.get(SNAPSHOT)
    if seen is None:
        return load()
    if what not in seen:
        seen[what] = load()
    found: Parsed = seen[what]
    return found


def parsed_once(
    session: Session, what: tuple[str, int], stamp: Hashable, parse: Callable[[], Parsed]
) -> Parsed:
    """What `parse` makes of a stored row, made again only when the row's `stamp` is another.

    `what` names the row; it is held for all sessions of the same database.
    """
    kept: dict[tuple[str, int], tuple[Hashable, Any]] = session.info.setdefault(_PARSED, {})
    held = kept.get(what)
    if held is None or held[0] != stamp:
        held = kept[what] = (stamp, parse())
    found: Parsed = held[1]
    return found

"""A session's connection, for statements by the Core: without the ORM each costs half as much."""

from sqlalchemy import Connection
from sqlalchemy.orm import Session

# Where a session of `Database` keeps it for the length of its transaction.
CORE = "queueapp.connection"


def core(session: Session) -> Connection:
    """The connection of the session's transaction; what is to be written first must be flushed."""
    held: Connection | None = session.info.get(CORE)
    if held is None:
        held = session.connection()
        if CORE in session.info:
            session.info[CORE] = held
    return held

"""What ails the database, told from what its driver raises."""

from enum import StrEnum
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# SQLite's result codes, without what extends them.
_SQLITE = {5: "busy", 6: "busy", 8: "read_only", 10: "disk", 11: "damaged", 13: "disk",
           14: "cannot_open", 26: "damaged"}  # fmt: skip
# PostgreSQL's: disk full, too many connections, another waits for us, read-only, damaged.
_SQLSTATE = {"53100": "disk", "53300": "busy", "53400": "busy", "40P01": "busy", "55P03": "busy",
             "57014": "busy", "25006": "read_only", "XX001": "damaged", "XX002": "damaged",
             "3D000": "cannot_open", "28000": "cannot_open", "28P01": "cannot_open"}  # fmt: skip


class Fault(StrEnum):
    """What whoever runs queueapp has to see to, or what passes by itself (`busy`, `gone`)."""

    BUSY = "busy"
    CANNOT_OPEN = "cannot_open"
    DAMAGED = "damaged"
    DISK = "disk"
    GONE = "gone"
    IN_DOUBT = "in_doubt"
    READ_ONLY = "read_only"


_FOR_OPERATORS = {
    Fault.BUSY: "The database was busy for too long. Wait for what else uses it, then try again.",
    Fault.CANNOT_OPEN: "The database cannot be opened. Is DATABASE_URL right, is what it names "
    "there, and may this user read and write it?",
    Fault.DAMAGED: "The database is damaged, or is no database. Look whether DATABASE_URL is "
    "right; if it is, restore the last backup.",
    Fault.DISK: "The database cannot write to its disk, most likely because it is full. Free some "
    "space and try again; nothing was half-done.",
    Fault.GONE: "The database does not answer. Is it running, and is DATABASE_URL right?",
    Fault.IN_DOUBT: "The database went away while this was being saved. Look whether it is there "
    "before you do it again.",
    Fault.READ_ONLY: "The database takes no changes. May this user write its file and directory, "
    "or is it a copy that only follows another?",
}  # fmt: skip


class InDoubt(Exception):
    """The database went away during a commit, so nobody knows whether it was done."""


def fault_of(error: BaseException) -> Fault | None:
    """What ails the database; None where the error is a mistake of ours."""
    if isinstance(error, InDoubt):
        return Fault.IN_DOUBT
    if isinstance(error, PoolTimeout):
        return Fault.BUSY
    if not isinstance(error, DBAPIError):
        return None
    raised: Any = error.orig
    code = getattr(raised, "sqlite_errorcode", None)
    if code is not None:
        found = _SQLITE.get(code & 0xFF)
    else:
        found = _SQLSTATE.get(getattr(raised, "sqlstate", None) or "")
    if found:
        return Fault(found)
    is_gone = error.connection_invalidated or type(raised).__name__ in _GONE
    return Fault.GONE if is_gone else None


# Of the driver's own classes: no connection at all, or one that the server ended.
_GONE = frozenset(
    {"OperationalError", "InterfaceError", "AdminShutdown", "CannotConnectNow", "ConnectionTimeout"}
)


def in_words(error: BaseException) -> str | None:
    """What is wrong and what to do, for whoever runs queueapp; None as in `fault_of`."""
    fault = fault_of(error)
    if fault is None:
        return None
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return f"{_FOR_OPERATORS[fault]} (It said: {said})"

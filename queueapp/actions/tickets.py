"""Ticket codes and phone links."""

import base64
import hashlib
import hmac
import secrets
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from queueapp.db.core import core
from queueapp.db.models import TicketCounter, Visit
from queueapp.db.statement import Statement

# No I, O, Q, S, Z: they read as digits. A letter stands for nothing: tickets go round the letters.
LETTERS = "ABCDEFGHJKLMNPRTUVWXY"
_SPREAD = 31


def _counting(insert: Any) -> Statement:
    counters = TicketCounter.__table__
    return Statement(
        insert(counters)
        .values(given=1)
        .on_conflict_do_update(
            index_elements=["site_id", "day"], set_={"given": counters.c.given + 1}
        )
        .returning(counters.c.given)
    )


_COUNT = {"sqlite": _counting(sqlite.insert), "postgresql": _counting(postgresql.insert)}
_IN_USE = Statement(
    sa.select(Visit.__table__.c.id).where(
        Visit.__table__.c.site_id == sa.bindparam("site"),
        Visit.__table__.c.ticket == sa.bindparam("code"),
        Visit.__table__.c.departed_at.is_(None),
    )
)


def code_of(n: int) -> str:
    """The n-th ticket of a day, from 0: letters in turn, digits apart, 01-99 before 100-999."""
    letters = len(LETTERS)
    row, letter = divmod(n, letters)
    if row < 99:
        return f"{LETTERS[letter]}{1 + (row + _SPREAD * letter) % 99:02d}"
    return f"{LETTERS[letter]}{100 + (row - 99):d}"


def next_ticket(session: Session, site_id: int, day: date) -> str:
    """A code no visit of the day and no open visit of the site has; settled by the counter row."""
    count = _COUNT[core(session).dialect.name]
    while True:
        given: int = count.scalar(session, {"site_id": site_id, "day": day})
        code = code_of(given - 1)
        if _IN_USE.scalar(session, {"site": site_id, "code": code}) is None:
            return code


def new_nonce() -> str:
    """What makes one visit's token differ from every other."""
    return secrets.token_hex(16)


def visit_token(secret: str, visit_key: str, nonce: str) -> str:
    """The phone link's token: 128 bits of HMAC-SHA256(secret, visit, nonce), URL-safe.

    It can be derived again for a repeated request; only its hash is stored.
    """
    mac = hmac.new(secret.encode(), f"visit|{visit_key}|{nonce}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()[:16]).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What is stored of a token: its SHA-256, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()

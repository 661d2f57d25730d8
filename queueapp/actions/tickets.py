"""Ticket codes and phone links."""

import base64
import hashlib
import hmac
import secrets
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from queueapp.db.models import TicketCounter, Visit

# No I, O, Q, S, Z: they read as digits. A letter stands for nothing: tickets go round the letters.
LETTERS = "ABCDEFGHJKLMNPRTUVWXY"
_SPREAD = 31


def code_of(n: int) -> str:
    """The n-th ticket of a day, from 0: letters in turn, digits apart, 01-99 before 100-999."""
    letters = len(LETTERS)
    row, letter = divmod(n, letters)
    if row < 99:
        return f"{LETTERS[letter]}{1 + (row + _SPREAD * letter) % 99:02d}"
    return f"{LETTERS[letter]}{100 + (row - 99):d}"


def next_ticket(session: Session, site_id: int, day: date) -> str:
    """A code no visit of the day and no open visit of the site has; settled by the counter row."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    while True:
        statement = insert(TicketCounter).values(site_id=site_id, day=day, given=1)
        given = session.execute(
            statement.on_conflict_do_update(
                index_elements=["site_id", "day"],
                set_={"given": TicketCounter.__table__.c.given + 1},
            ).returning(TicketCounter.given)
        ).scalar_one()
        code = code_of(given - 1)
        in_use = session.scalar(
            sa.select(Visit.id).where(
                Visit.site_id == site_id, Visit.ticket == code, Visit.departed_at.is_(None)
            )
        )
        if in_use is None:
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

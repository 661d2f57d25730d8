"""A retried request has one effect: its key is claimed, and its answer kept, in the effect's own
transaction.

`claim` comes first in the transaction. Of twins that arrive at once the database lets one through;
the others wait for its commit and then read its answer. What is refused or fails rolls back, its
key included, so a retry of it is judged afresh; only answers that stand for an effect are kept.
Secrets are never kept: whoever answers derives them again.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from queueapp.db.core import core
from queueapp.db.models import IdempotencyKey
from queueapp.db.statement import Statement
from queueapp.domain.refusal import RefusalKind, Refused, invalid

LIVES = timedelta(hours=24)
LONGEST_KEY = 200
REPLAY_HEADER = "Idempotent-Replay"
_KEYS: Any = IdempotencyKey.__table__
_OF = ("actor", "method", "path", "key")


def _claiming(insert: Any) -> Statement:
    # One that has run out is taken over in the same statement, so that no twin slips in between.
    new = insert(_KEYS)
    fresh = {name: new.excluded[name] for name in ("body_hash", "status", "answer", "created_at")}
    return Statement(
        new.on_conflict_do_update(
            index_elements=_OF, set_=fresh, where=_KEYS.c.created_at < sa.bindparam("too_old")
        ).returning(_KEYS.c.id)
    )


_CLAIM = {"sqlite": _claiming(sqlite.insert), "postgresql": _claiming(postgresql.insert)}
_FIND = Statement(
    sa.select(_KEYS.c.body_hash, _KEYS.c.status, _KEYS.c.answer).where(
        *(_KEYS.c[name] == sa.bindparam(name) for name in _OF)
    )
)
_KEEP = Statement(
    sa.update(_KEYS)
    .where(_KEYS.c.id == sa.bindparam("row"))
    .values(status=sa.bindparam("said"), answer=sa.bindparam("kept"))
)


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer of a request that was already carried out."""

    status: int
    answer: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A request's key: with `kept` set it was carried out before, else it is ours to carry out."""

    row_id: int | None
    kept: Kept | None = None

    def keep(self, session: Session, status: int, answer: dict[str, Any] | None = None) -> None:
        """Store the answer, without secrets, beside the effect it stands for."""
        if self.row_id is not None:
            _KEEP.run(session, {"row": self.row_id, "said": status, "kept": answer})


UNCLAIMED = Claim(None)


def claim(
    session: Session,
    now: datetime,
    *,
    actor: str,
    method: str,
    path: str,
    key: str | None,
    body: bytes | str,
) -> Claim:
    """Claim the key for this request, before anything else in the transaction.

    `actor` is `Actor.key`; `body` decides whether it is the same request again. Without a key
    nothing is claimed. Raises Refused: invalid `Idempotency-Key` (too long, not printable ASCII),
    or used before for another body (code `key_reused`).
    """
    if key is None:
        return UNCLAIMED
    check_key(key)
    body_hash, of = digest(body), {"actor": actor, "method": method, "path": path, "key": key}
    fresh = {"body_hash": body_hash, "status": None, "answer": None, "created_at": now}
    claiming = _CLAIM[core(session).dialect.name]
    row_id = claiming.scalar(session, {**of, **fresh, "too_old": now - LIVES})
    if row_id is not None:
        return Claim(row_id)
    row = _FIND.one(session, of)
    if row.body_hash != body_hash:
        raise Refused(
            "This key was used before for another request. Give each request a key of its own.",
            field="Idempotency-Key",
            kind=RefusalKind.INVALID,
            code="key_reused",
        )
    return Claim(None, Kept(row.status or 200, row.answer))


def check_key(key: str) -> None:
    """Raise Refused unless the key is 1 to 200 printable ASCII characters."""
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise invalid("Idempotency-Key", f"Give 1 to {LONGEST_KEY} printable ASCII characters.")


def digest(body: bytes | str) -> str:
    """What is kept of a request's body: its SHA-256, in hex."""
    raw = body.encode() if isinstance(body, str) else body
    return hashlib.sha256(raw).hexdigest()


def sweep(session: Session, now: datetime) -> int:
    """Remove keys that have run out; how many there were."""
    gone = session.execute(
        sa.delete(IdempotencyKey)
        .where(IdempotencyKey.created_at < now - LIVES)
        .returning(IdempotencyKey.id)
    ).all()
    return len(gone)

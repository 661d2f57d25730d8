"""Jobs that exactly one process may do: settled by the database, one conditional UPDATE."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from queueapp.db.models import Lease

# How many times its length is beyond what two machines' clocks may differ by.
_BEYOND_ANY = 5


def hold(session: Session, now: datetime, *, name: str, holder: str, lasts: timedelta) -> bool:
    """Take or renew the lease `name`; whether `holder` has it now, until `now + lasts`.

    One that lasts longer than any does was taken before the clock was set back, and is over.
    """
    is_over = sa.or_(Lease.expires_at <= now, Lease.expires_at > now + lasts * _BEYOND_ANY)
    taken = session.execute(
        sa.update(Lease)
        .where(Lease.name == name, sa.or_(Lease.holder == holder, is_over))
        .values(holder=holder, expires_at=now + lasts)
        .returning(Lease.name)
    ).all()
    if taken:
        return True
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    made = session.execute(
        insert(Lease)
        .values(name=name, holder=holder, expires_at=now + lasts)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(Lease.name)
    ).all()
    return bool(made)


def release(session: Session, now: datetime, *, name: str, holder: str) -> None:
    """Give the lease back, if `holder` has it, so that another need not wait."""
    session.execute(
        sa.update(Lease).where(Lease.name == name, Lease.holder == holder).values(expires_at=now)
    )

"""All tables at a glance: what a refusal must not change."""

import functools

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.db.models import Base


@functools.cache
def _counting() -> sa.TextClause:
    each = (f'(SELECT count(*) FROM "{name}") AS "{name}"' for name in Base.metadata.tables)
    return sa.text(f"SELECT {', '.join(each)}")


def row_counts(session: Session) -> dict[str, int]:
    """How many rows each table has, in one statement."""
    return dict(session.execute(_counting()).mappings().one())


def all_rows(session: Session) -> dict[str, list[str]]:
    """Every row of every table, as the database gives it."""
    return {
        name: sorted(map(str, session.execute(sa.text(f'SELECT * FROM "{name}"'))))
        for name in Base.metadata.tables
    }

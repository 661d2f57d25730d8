"""The declarative base, and names for constraints so that migrations can speak of them."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import JSON, ForeignKey, Index, MetaData, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from queueapp.db.types import BigId, Seconds, UtcInstant


class Base(DeclarativeBase):
    """Every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcInstant,
        timedelta: Seconds,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class HasId:
    """A table with a number of its own."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)


def in_part(column: str, *names: str) -> Index:
    """An index on `column` of the rows that have it, and that have none of `names`."""
    which = text(" AND ".join([f"{column} IS NOT NULL", *(f"{n} IS NULL" for n in names)]))
    return Index(None, column, sqlite_where=which, postgresql_where=which)


def link(target: str, *, nullable: bool = False, index: bool = True) -> Any:
    """A foreign key column to `table.id`."""
    return mapped_column(BigId, ForeignKey(target), nullable=nullable, index=index)

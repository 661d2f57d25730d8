"""Column types that behave the same on SQLite and PostgreSQL."""

import functools
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Enum, Integer, String, TypeDecorator
from sqlalchemy.types import TypeEngine

BigId = BigInteger().with_variant(Integer, "sqlite")


@functools.lru_cache(maxsize=1000)
def _text(utc: datetime) -> str:
    # `strftime` to the same end takes four times as long, a dozen times in every arrival.
    return f"{utc.isoformat(timespec='microseconds')[:26]}Z"


class UtcInstant(TypeDecorator[datetime]):
    """An instant: aware datetimes only, always UTC when read.

    PostgreSQL keeps `timestamptz`; SQLite keeps fixed-width UTC text, so that text order is time
    order. Raises ValueError on a naive datetime, which would be some unnamed place's wall clock.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text of fixed width on SQLite, the database's own type elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive values and write UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime is no instant: {value!r}")
        utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        return _text(utc) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read back as aware UTC."""
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        assert isinstance(value, datetime)
        return value.astimezone(UTC)


class Seconds(TypeDecorator[timedelta]):
    """A duration, kept as whole seconds."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        """Whole seconds."""
        return None if value is None else round(value.total_seconds())

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        """Back to a timedelta."""
        return None if value is None else timedelta(seconds=value)


def words(enum: type[StrEnum]) -> Enum:
    """A column holding the enum's words as text: readable, and new words need no migration."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda members: [m.value for m in members],
    )

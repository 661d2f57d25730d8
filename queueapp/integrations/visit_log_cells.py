"""The cells of one CSV row, each read as what it should be or refused by its column."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LONGEST_S = 7 * 24 * 3600


class BadCell(Exception):
    """A cell that cannot be used."""

    def __init__(self, column: str, value: str, expected: str) -> None:
        super().__init__(column, value, expected)
        self.column, self.value, self.expected = column, value, expected


class Cells:
    """A row by column name; absent columns read as empty."""

    def __init__(self, values: Mapping[str, str], zone: ZoneInfo) -> None:
        self._values = values
        self._zone = zone

    def __getitem__(self, column: str) -> str:
        return self._values.get(column, "").strip()

    def words(self, column: str, longest: int, *, needed: bool = False) -> str:
        """Text of at most `longest` characters."""
        value = self[column]
        if needed and not value:
            raise BadCell(column, value, "something here")
        if len(value) > longest:
            raise BadCell(column, value, f"at most {longest} characters")
        if not value.isprintable():
            raise BadCell(column, value, "printable text on one line")
        return value

    def label(self, column: str) -> str:
        """A class label."""
        value = self[column]
        if not _LABEL.fullmatch(value):
            raise BadCell(
                column, value, "a label in small letters such as booked, regular or urgent"
            )
        return value

    def one_of(self, column: str, words: Sequence[str]) -> str:
        """One of the words."""
        value = self[column]
        if value not in words:
            raise BadCell(column, value, f"one of {', '.join(words)}")
        return value

    def seconds(self, column: str) -> timedelta | None:
        """Whole seconds, 0 up to a week."""
        value = self[column]
        if not value:
            return None
        if not value.isascii() or not value.isdigit() or int(value) > _LONGEST_S:
            raise BadCell(column, value, f"whole seconds from 0 to {_LONGEST_S}")
        return timedelta(seconds=int(value))

    def day(self, column: str) -> date | None:
        """A date as YYYY-MM-DD."""
        value = self[column]
        try:
            return date.fromisoformat(value) if value else None
        except ValueError:
            raise BadCell(column, value, "a date such as 1960-03-31") from None

    def instant(self, column: str, not_before: datetime | None = None) -> datetime | None:
        """An ISO 8601 time as UTC, not before another; without an offset on the local clock.

        A local time that comes twice in autumn is its first occurrence, unless only the second
        keeps the order of things. One skipped in spring is refused: no clock ever showed it.
        """
        value = self[column]
        if not value:
            return None
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            read = None
        if read is None or not 1900 <= read.year <= 2200 or len(value) < 16:
            raise BadCell(column, value, "an ISO 8601 time such as 1999-02-02T07:00:16")
        if read.tzinfo is not None:
            found = [read.astimezone(UTC)]
        else:
            found = [read.replace(tzinfo=self._zone, fold=f).astimezone(UTC) for f in (0, 1)]
            if found[0].astimezone(self._zone).replace(tzinfo=None) != read:
                raise BadCell(column, value, f"a time the clocks of {self._zone.key} showed")
        for instant in found:
            if not_before is None or instant >= not_before:
                return instant
        raise BadCell(column, value, "a time not before the step before it")

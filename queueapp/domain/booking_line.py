"""A booking in one typed line: "rosa lind gp ruiz tue 10:40" is a walk-in's line with a day."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from queueapp.domain.walk_in_line import Known, WalkInLine, fold, parse

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORTEST_DAY = 3
_DATE = re.compile(r"(\d{1,2})[./](\d{1,2})(?:[./](\d{4})?)?")
_WEEK = 7
# A phone number as it is dictated, in groups: "07700 900 123".
_GROUPS = re.compile(r"(?<![\d:.])(\+?\d{3,})\s+(?=\d{3,}(?:\s|$))")


@dataclass(frozen=True, slots=True)
class BookingLine:
    """For whom and what (`who`), on which day and from what time on, where the line says so."""

    who: WalkInLine
    day: date | None = None
    at: time | None = None


def parse_booking(
    text: str, today: date, services: Sequence[Known], clinicians: Sequence[Known]
) -> BookingLine:
    """Read the line; a day is `today`, `tomorrow`, a weekday to come, or a date not yet over.

    A date that is over is a birth date. Raises Refused as `walk_in_line.parse` does.
    """
    words, day = [], None
    for word in _GROUPS.sub(r"\1", text.replace(",", " ")).split():
        found = _day(fold(word), today) if day is None else None
        if found is None:
            words.append(word)
        else:
            day = found
    who = parse(" ".join(words), services, clinicians)
    return BookingLine(who, day, who.came_at)


def _day(word: str, today: date) -> date | None:
    if word == "today":
        return today
    if word == "tomorrow":
        return today + timedelta(days=1)
    for number, name in enumerate(_DAYS):
        if len(word) >= _SHORTEST_DAY and name.startswith(word):
            return today + timedelta(days=(number - today.weekday()) % _WEEK)
    if match := _DATE.fullmatch(word):
        return _date(int(match[1]), int(match[2]), match[3], today)
    return None


def _date(day: int, month: int, year: str | None, today: date) -> date | None:
    try:
        found = date(int(year) if year else today.year, month, day)
        if year is None and found < today:
            found = found.replace(year=today.year + 1)
    except ValueError:
        return None
    return found if found >= today else None

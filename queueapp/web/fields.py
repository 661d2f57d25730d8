"""Fields of staff forms: times and dates as they are typed, read on the site's own clock."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from wtforms import SelectField, StringField
from wtforms.validators import Length, Optional, ValidationError

from queueapp.domain.localtime import ONE_DAY, local_to_utc, service_day, to_local
from queueapp.domain.refusal import invalid
from queueapp.domain.rules import SiteRules
from queueapp.web.forms import Form

_CLOCK = re.compile(r"([01]?\d|2[0-3])\s*[:.h]?\s*([0-5]\d)")
_DAY_FIRST = re.compile(r"(\d{1,2})[./\s-](\d{1,2})[./\s-](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")


def read_clock(words: str) -> time | None:
    """A time of day as it is typed (10:40, 10.40, 1040), or None for anything else."""
    match = _CLOCK.fullmatch(words.strip())
    return time(int(match[1]), int(match[2])) if match else None


def read_date(words: str) -> date | None:
    """A date as it is typed (27.3.1985, 27/3/1985, 1985-03-27), or None for anything else."""
    words = words.strip()
    if match := _DAY_FIRST.fullmatch(words):
        day, month, year = map(int, match.groups())
    elif match := _YEAR_FIRST.fullmatch(words):
        year, month, day = map(int, match.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def typed_date(day: date | None) -> str:
    """A date as `read_date` reads it, for a form's field; empty for none."""
    return f"{day.day}.{day.month}.{day.year}" if day else ""


def row_number(words: str | None) -> int | None:
    """A row's number as forms and addresses send it; None for anything else.

    Only plain digits, no more than a row's number has: others look like digits and are none.
    """
    words = words or ""
    return int(words) if words.isascii() and words.isdigit() and len(words) < 19 else None


# How far a typed time may lie on the other side of where the service day begins.
_ACROSS = timedelta(hours=6)


class ClockField(StringField):
    """A time of day; `said()` is the time, None when left empty."""

    def __init__(self, label: str, needed: str = "", **options: Any) -> None:
        checks = [Length(max=8, message="Give a time as 10:40.")]
        render = {"inputmode": "numeric", "size": 6, "placeholder": "10:40"}
        super().__init__(
            label, checks if needed else [Optional(), *checks], render_kw=render, **options
        )
        self.needed = needed

    def pre_validate(self, form: Any) -> None:
        if not (self.data or "").strip():
            if self.needed:
                raise ValidationError(self.needed)
        elif self.said() is None:
            raise ValidationError("Give a time as 10:40.")

    def said(self) -> time | None:
        """The time that was typed."""
        return read_clock(self.data or "")


class DateField(StringField):
    """A date as people type it; `said()` is the date, None when left empty."""

    def __init__(
        self, label: str, needed: str = "", example: str = "27.3.1985", **options: Any
    ) -> None:
        render = {"placeholder": example, "size": 11}
        super().__init__(label, [Length(max=20)], render_kw=render, **options)
        self.needed, self.example = needed, example

    def pre_validate(self, form: Any) -> None:
        if not (self.data or "").strip():
            if self.needed:
                raise ValidationError(self.needed)
        elif self.said() is None:
            raise ValidationError(f"Give a date as {self.example}.")

    def said(self) -> date | None:
        """The date that was typed."""
        return read_date(self.data or "")


class Choice(SelectField):
    """One of some rows; `chosen()` is the row's number, None for the empty choice."""

    def __init__(self, label: str, needed: str = "Choose one of these.", **options: Any) -> None:
        super().__init__(label, choices=[], validate_choice=False, **options)
        self.needed = needed

    def pre_validate(self, form: Any) -> None:
        if (self.data or "") not in [value for value, *_ in self.choices]:
            raise ValidationError(self.needed)

    def chosen(self) -> int | None:
        """The number of the chosen row."""
        return row_number(self.data)


class AfterwardsForm(Form):
    """A form that may be entered afterwards, with the true time."""

    occurred_at = ClockField("Happened at")


def instant_of(zone: str, rules: SiteRules, now: datetime, wall: time | None) -> datetime | None:
    """The instant of that time in today's service day; None for None."""
    if wall is None:
        return None
    day = service_day(zone, now, rules.day_starts_at)
    if wall < rules.day_starts_at:
        day += ONE_DAY
    return local_to_utc(zone, day, wall)


def been_at(zone: str, rules: SiteRules, now: datetime, wall: time | None) -> datetime | None:
    """`instant_of`, or shortly after the service day began a time before that."""
    when = instant_of(zone, rules, now, wall)
    if when is not None and when > now:
        day_before = instant_of(zone, rules, now - ONE_DAY, wall)
        when = day_before if day_before and now - day_before < _ACROSS else when
    return when


def past_instant(zone: str, rules: SiteRules, now: datetime, field: ClockField) -> datetime | None:
    """The true time of something entered afterwards. Raises Refused (invalid) for a later one.

    The running minute counts as now: what is typed has no seconds.
    """
    wall = field.said()
    when = been_at(zone, rules, now, wall)
    if when is None or wall is None:
        return None
    if to_local(zone, now).time().replace(second=0, microsecond=0) == wall:
        return None
    if when > now:
        raise invalid(field.name, f"{wall:%H:%M} is still to come. Give a time that has been.")
    return when


def future_instant(
    zone: str, rules: SiteRules, now: datetime, field: ClockField
) -> datetime | None:
    """A time still to come today. Raises Refused (invalid) for an earlier one."""
    wall = field.said()
    when = instant_of(zone, rules, now, wall)
    if when is not None and when <= now:
        # Shortly before the service day ends, a time after that is meant.
        next_day = instant_of(zone, rules, now + ONE_DAY, wall)
        when = next_day if next_day and next_day - now < _ACROSS else when
    if when is not None and wall is not None and when <= now:
        raise invalid(field.name, f"{wall:%H:%M} is over. Give a time that is still to come.")
    return when


def rounded_up(now: datetime, minutes: int) -> datetime:
    """`now` plus some minutes, rounded up to five, as a default to offer."""
    later = now.astimezone(UTC) + timedelta(minutes=minutes)
    spare = (-later.minute) % 5
    return later.replace(second=0, microsecond=0) + timedelta(minutes=spare)

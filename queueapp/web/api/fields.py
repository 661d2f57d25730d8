"""The kinds of value that calls take: bounded, so that nothing a database refuses gets that far."""

from datetime import UTC, date, datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from queueapp.domain.localtime import local_to_utc

AnyDate = TypeVar("AnyDate", date, datetime)
LARGEST_ID = 2**63 - 1
EARLIEST_YEAR, LATEST_YEAR, EARLIEST_BIRTH = 2000, 2100, 1890
# Every character but controls: PostgreSQL takes no NUL, and a screen shows none of them.
_LINE = r"^[^\x00-\x1f\x7f]*$"
SAID = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"


def _near(value: AnyDate) -> AnyDate:
    if not EARLIEST_YEAR <= value.year < LATEST_YEAR:
        raise ValueError(f"a time from the year {EARLIEST_YEAR} to {LATEST_YEAR - 1}")
    return value


def _living(value: date) -> date:
    if not EARLIEST_BIRTH <= value.year < LATEST_YEAR:
        raise ValueError(f"a date from the year {EARLIEST_BIRTH} to {LATEST_YEAR - 1}")
    return value


def line(longest: int, pattern: str = _LINE) -> StringConstraints:
    """A line of text of at most `longest` characters, without control characters."""
    return StringConstraints(strip_whitespace=True, max_length=longest, pattern=pattern)


RowId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-zA-Z0-9_-]+$")]
Name = Annotated[str, line(120)]
Said = Annotated[str, line(200, SAID)]
Moment = Annotated[
    datetime,
    AfterValidator(_near),
    Field(
        description="ISO 8601; without an offset it is local to the site.",
        json_schema_extra={"examples": ["2026-01-13T10:20:00+00:00"]},
    ),
]
Day = Annotated[date, AfterValidator(_near)]
BirthDate = Annotated[date, AfterValidator(_living)]
WhoId = Annotated[
    RowId | Name, Field(description="A clinician: the id, or the name as `sites` gives it.")
]


class Input(BaseModel):
    """A body or query: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Body(Input):
    """A JSON body; types are taken as they are, "5" is no number."""

    model_config = ConfigDict(strict=True)


class Output(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


def instant(zone: str, value: datetime) -> datetime:
    """The UTC instant meant: without an offset the site's wall clock."""
    if value.tzinfo is None:
        return local_to_utc(zone, value.date(), value.time())
    return value.astimezone(UTC)

"""A list of appointments as CSV: `service,clinician,starts_at,ends_at,name,birth_date,phone,code`.

Columns may come in any order; `service`, `starts_at` and `name` are needed.
"""

import csv
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from queueapp.domain.localtime import parse_zone
from queueapp.integrations.visit_log import BadRow, header_of, numbered_rows, opened
from queueapp.integrations.visit_log_cells import BadCell, Cells

COLUMNS = (
    "service",
    "clinician",
    "starts_at",
    "ends_at",
    "name",
    "birth_date",
    "phone",
    "code",
)
_NEEDED = ("service", "starts_at", "name")


@dataclass(frozen=True, slots=True)
class AppointmentRow:
    """One booked time; instants are aware UTC, None and "" mean not said."""

    line: int
    cells: tuple[str, ...]
    service: str
    starts_at: datetime
    name: str
    clinician: str = ""
    ends_at: datetime | None = None
    birth_date: date | None = None
    phone: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class AppointmentList:
    """What a file held: good rows, bad ones, and columns nobody knows."""

    header: tuple[str, ...]
    rows: tuple[AppointmentRow, ...]
    bad: tuple[BadRow, ...]
    unknown_columns: tuple[str, ...]


def read_appointments(path: Path, zone: str, *, strict: bool = False) -> AppointmentList:
    """Read a list, plain or gzipped; `strict` stops at the first bad row. Raises LogError."""
    rows: list[AppointmentRow] = []
    bad: list[BadRow] = []
    with opened(path) as stream:
        reader = csv.reader(stream)
        header = header_of(path, reader, _NEEDED, COLUMNS)
        for line, cells in numbered_rows(path, reader):
            try:
                rows.append(_row(header, line, cells, parse_zone(zone)))
            except BadCell as error:
                bad.append(BadRow(line, error.column, error.value, error.expected, tuple(cells)))
                if strict:
                    break
    unknown = tuple(c for c in header if c not in COLUMNS)
    return AppointmentList(header, tuple(rows), tuple(bad), unknown)


def _row(header: tuple[str, ...], line: int, cells: list[str], zone: ZoneInfo) -> AppointmentRow:
    if len(cells) != len(header):
        raise BadCell("", ",".join(cells), f"{len(header)} cells, as in the header")
    cell = Cells(dict(zip(header, cells, strict=True)), zone)
    starts_at = cell.instant("starts_at")
    if starts_at is None:
        raise BadCell("starts_at", "", "the booked time")
    ends_at = cell.instant("ends_at", starts_at)
    if ends_at is not None and ends_at == starts_at:
        raise BadCell("ends_at", cell["ends_at"], "a time after the start")
    return AppointmentRow(
        line=line,
        cells=tuple(cells),
        service=cell.words("service", 80, needed=True),
        starts_at=starts_at,
        name=cell.words("name", 120, needed=True),
        clinician=cell.words("clinician", 120),
        ends_at=ends_at,
        birth_date=cell.day("birth_date"),
        phone=cell.words("phone", 40),
        code=cell.words("code", 12).upper(),
    )

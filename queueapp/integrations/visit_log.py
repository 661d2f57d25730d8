"""The visit log: a CSV of queue entries by which a clinic's history goes in and out.

One row is one entry. Times are ISO 8601; without an offset they are the site's wall clock. A bad
row is reported by line, column, value and what was expected, and never half-taken.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from queueapp.domain.localtime import parse_zone, to_local
from queueapp.integrations.visit_log_cells import BadCell, Cells

COLUMNS = (
    "entry_id",
    "service",
    "class",
    "scheduled_at",
    "arrived_at",
    "called_at",
    "started_at",
    "finished_at",
    "left_at",
    "clinician",
    "outcome",
)
OPTIONAL = (
    "visit_id",
    "ticket",
    "room",
    "reason",
    "target_s",
    "promised_from",
    "promised_to",
    "stepped_out_s",
    "due_by",
)
_NEEDED = ("entry_id", "service", "class", "arrived_at", "outcome")
OUTCOMES = (
    "finished",
    "transferred",
    "left_without_being_seen",
    "not_reached",
    "no_show",
    "cancelled",
)
_WITHOUT_ENTRY = ("no_show", "cancelled")


@dataclass(frozen=True, slots=True)
class LogRow:
    """One entry, or a booking that never became one (`no_show`, `cancelled`, no `arrived_at`).

    Instants are aware UTC; None and "" mean unknown or not applicable.
    """

    entry_id: str
    service: str
    entry_class: str
    outcome: str
    scheduled_at: datetime | None = None
    arrived_at: datetime | None = None
    called_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    left_at: datetime | None = None
    clinician: str = ""
    visit_id: str = ""
    ticket: str = ""
    room: str = ""
    reason: str = ""
    target: timedelta | None = None
    promised_from: datetime | None = None
    promised_to: datetime | None = None
    stepped_out: timedelta | None = None
    due_by: datetime | None = None

    @property
    def at(self) -> datetime:
        """Where the row belongs in time: the arrival, else the booked time."""
        found = self.arrived_at or self.scheduled_at
        assert found is not None
        return found

    @property
    def ended_at(self) -> datetime | None:
        """When the wait or the care ended."""
        return self.finished_at or self.left_at


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not taken, and why; `cells` are as they stood in the file."""

    line: int
    column: str
    value: str
    expected: str
    cells: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"line {self.line}"
        if self.column:
            where += f", column {self.column}"
        return f"{where}: “{self.value}” is not right; expected {self.expected}."


class LogError(Exception):
    """The file as a whole cannot be read; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class VisitLog:
    """What a file held: good rows in the file's order, bad ones, and columns nobody knows."""

    header: tuple[str, ...]
    rows: tuple[LogRow, ...]
    bad: tuple[BadRow, ...]
    unknown_columns: tuple[str, ...]


def read_log(path: Path, zone: str, *, strict: bool = False) -> VisitLog:
    """Read a visit log, plain or gzipped; `zone` is for times without an offset.

    `strict` stops at the first bad row. Raises LogError when there is no usable header.
    """
    with opened(path) as stream:
        reader = csv.reader(stream)
        header = header_of(path, reader, _NEEDED, COLUMNS)
        rows: list[LogRow] = []
        bad: list[BadRow] = []
        lines_of: dict[str, int] = {}
        for line, cells in numbered_rows(path, reader):
            try:
                row = _row(header, cells, zone)
                if row.entry_id in lines_of:
                    seen = f"an id of its own; line {lines_of[row.entry_id]} has this one"
                    raise BadCell("entry_id", row.entry_id, seen)
            except BadCell as error:
                bad.append(BadRow(line, error.column, error.value, error.expected, tuple(cells)))
                if strict:
                    break
                continue
            lines_of[row.entry_id] = line
            rows.append(row)
    unknown = tuple(c for c in header if c not in COLUMNS and c not in OPTIONAL)
    return VisitLog(header, tuple(rows), tuple(bad), unknown)


def write_log(path: Path, rows: Iterable[LogRow], zone: str) -> int:
    """Write rows with all columns and the zone's UTC offsets; gzipped when the name ends in .gz.

    Returns how many.
    """
    count = 0
    with opened(path, "wt") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*COLUMNS, *OPTIONAL])
        for row in rows:
            writer.writerow(_cells_of(row, zone))
            count += 1
    return count


def write_rejected(log_path: Path, header: Sequence[str], bad: Iterable[BadRow]) -> Path:
    """Write the bad rows beside the file as `FILE.rejected.csv`, each with its line and why."""
    path = log_path.with_name(log_path.name + ".rejected.csv")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*header, "rejected_line", "rejected_because"])
        for row in bad:
            cells = [*row.cells, *[""] * (len(header) - len(row.cells))]
            writer.writerow([*cells, row.line, str(row)])
    return path


def opened(path: Path, mode: str = "rt") -> IO[str]:
    """The file as text, gzipped or not. Raises LogError when it cannot be opened."""
    try:
        if "w" in mode:
            if path.suffix == ".gz":
                return io.TextIOWrapper(gzip.GzipFile(path, "wb", mtime=0), "utf-8", newline="")
            return path.open("w", encoding="utf-8", newline="")
        with path.open("rb") as probe:
            zipped = probe.read(2) == b"\x1f\x8b"
        if zipped:
            return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        return path.open("r", encoding="utf-8-sig", newline="")
    except OSError as error:
        raise LogError(f"{path}: {error.strerror}.") from error


def numbered_rows(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, with their line. Raises LogError where the file is unreadable."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (UnicodeDecodeError, csv.Error, EOFError, OSError) as error:
            line = reader.line_num  # type: ignore[attr-defined]
            raise LogError(
                f"{path}: unreadable after line {line} ({error}). Expected CSV in UTF-8, "
                "perhaps gzipped."
            ) from error
        if cells:
            yield reader.line_num, cells  # type: ignore[attr-defined]


def header_of(
    path: Path, reader: Iterator[list[str]], needed: Sequence[str], columns: Sequence[str]
) -> tuple[str, ...]:
    """The column names of the first line. Raises LogError when needed ones are missing."""
    first = next(numbered_rows(path, reader), None)
    if first is None:
        raise LogError(f"{path} is empty. Expected a header: {','.join(columns)}")
    header = tuple(cell.strip().lower() for cell in first[1])
    missing = [c for c in needed if c not in header]
    if missing:
        raise LogError(
            f"{path}, line 1: the header lacks {', '.join(missing)}. "
            f"Expected the columns {','.join(columns)}, in any order."
        )
    twice = sorted({c for c in header if c and header.count(c) > 1})
    if twice:
        raise LogError(f"{path}, line 1: the column {twice[0]} stands there twice.")
    return header


def _row(header: tuple[str, ...], cells: list[str], zone: str) -> LogRow:
    if len(cells) != len(header):
        raise BadCell("", ",".join(cells), f"{len(header)} cells, as in the header")
    cell = Cells(dict(zip(header, cells, strict=True)), parse_zone(zone))
    outcome = cell.one_of("outcome", OUTCOMES)
    scheduled = cell.instant("scheduled_at")
    arrived = cell.instant("arrived_at")
    if arrived is None and outcome not in _WITHOUT_ENTRY:
        raise BadCell("arrived_at", "", "the time of arrival")
    if arrived is None and scheduled is None:
        raise BadCell("scheduled_at", "", f"the booked time of a {outcome}")
    if outcome == "no_show" and arrived is not None:
        raise BadCell("arrived_at", cell["arrived_at"], "nothing, as a no_show never arrived")
    called = cell.instant("called_at", arrived)
    started = cell.instant("started_at", called or arrived)
    finished = cell.instant("finished_at", started or called or arrived)
    left = cell.instant("left_at", called or arrived)
    if left is not None and outcome in ("finished", "no_show"):
        raise BadCell("left_at", cell["left_at"], f"nothing, as the outcome is {outcome}")
    if outcome == "left_without_being_seen" and started is not None:
        raise BadCell("started_at", cell["started_at"], f"nothing, as the outcome is {outcome}")
    promised_from = cell.instant("promised_from")
    return LogRow(
        entry_id=cell.words("entry_id", 64, needed=True),
        service=cell.words("service", 80, needed=True),
        entry_class=cell.label("class"),
        outcome=outcome,
        scheduled_at=scheduled,
        arrived_at=arrived,
        called_at=called,
        started_at=started,
        finished_at=finished,
        left_at=left,
        clinician=cell.words("clinician", 120),
        visit_id=cell.words("visit_id", 64),
        ticket=cell.words("ticket", 8),
        room=cell.words("room", 40),
        reason=cell.words("reason", 120),
        target=cell.seconds("target_s"),
        promised_from=promised_from,
        promised_to=cell.instant("promised_to", promised_from),
        stepped_out=cell.seconds("stepped_out_s"),
        due_by=cell.instant("due_by"),
    )


_NAMES = {"class": "entry_class", "target_s": "target", "stepped_out_s": "stepped_out"}
assert {f.name for f in fields(LogRow)} == {_NAMES.get(c, c) for c in (*COLUMNS, *OPTIONAL)}


def _cells_of(row: LogRow, zone: str) -> list[str]:
    return [_text(getattr(row, _NAMES.get(c, c)), zone) for c in (*COLUMNS, *OPTIONAL)]


def _text(value: datetime | timedelta | str | None, zone: str) -> str:
    if isinstance(value, datetime):
        return to_local(zone, value.astimezone(UTC)).isoformat()
    if isinstance(value, timedelta):
        return str(round(value.total_seconds()))
    return value or ""

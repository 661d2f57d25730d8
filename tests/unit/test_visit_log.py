"""The visit log: what is read, what is refused and how it says so, and that it round-trips."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from queueapp.integrations.visit_log import (
    COLUMNS,
    LogError,
    LogRow,
    read_log,
    write_log,
    write_rejected,
)

ZONE = "Europe/Berlin"
GOOD = (
    "7,Blood test,booked,2026-05-04T08:10,2026-05-04T08:02,2026-05-04T08:11,2026-05-04T08:12,"
    "2026-05-04T08:20,,Nam Tran,finished"
)


def _write(path: Path, *lines: str, header: str = ",".join(COLUMNS)) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_times_without_an_offset_are_the_sites_and_others_say_their_own(tmp_path: Path) -> None:
    log = read_log(
        _write(tmp_path / "a.csv", GOOD, GOOD.replace("7,", "8,", 1).replace("T08:02", "T08:02Z")),
        ZONE,
        strict=False,
    )
    assert log.rows[0].arrived_at == datetime(2026, 5, 4, 6, 2, tzinfo=UTC)
    # 08:02 UTC is 10:02 in Berlin: after the call at 08:11, so the row contradicts itself.
    assert [(b.line, b.column) for b in log.bad] == [(3, "called_at")]


@pytest.mark.parametrize(
    ("old", "new", "column", "expected"),
    [
        ("finished", "done", "outcome", "one of finished"),
        ("T08:20", "T08:11", "finished_at", "not before"),
        ("2026-05-04T08:02", "", "arrived_at", "arrival"),
        ("2026-05-04T08:02", "4 May", "arrived_at", "ISO 8601"),
        ("booked", "Booked!", "class", "small letters"),
        ("Blood test", "", "service", "something"),
        (",,Nam", ",2026-05-04T08:30,Nam", "left_at", "nothing"),
    ],
)
def test_a_bad_row_is_named_by_line_column_value_and_what_was_expected(
    tmp_path: Path, old: str, new: str, column: str, expected: str
) -> None:
    log = read_log(
        _write(tmp_path / "a.csv", GOOD.replace("7", "6", 1), GOOD.replace(old, new)), ZONE
    )
    assert len(log.rows) == 1
    (bad,) = log.bad
    assert (bad.line, bad.column) == (3, column)
    assert expected in bad.expected
    assert "line 3" in str(bad)
    assert bad.column in str(bad)


def test_a_number_given_twice_is_refused_naming_the_first(tmp_path: Path) -> None:
    (bad,) = read_log(_write(tmp_path / "a.csv", GOOD, GOOD), ZONE).bad
    assert bad.column == "entry_id"
    assert "line 2" in bad.expected


def test_strict_stops_at_the_first(tmp_path: Path) -> None:
    broken = GOOD.replace("finished", "done")
    path = _write(tmp_path / "a.csv", broken, broken.replace("7", "8", 1), GOOD)
    assert len(read_log(path, ZONE).bad) == 2
    strict = read_log(path, ZONE, strict=True)
    assert len(strict.bad) == 1
    assert strict.rows == ()


def test_columns_in_any_order_and_unknown_ones_noticed(tmp_path: Path) -> None:
    cells = dict(zip(COLUMNS, GOOD.split(","), strict=True)) | {"mood": "fine"}
    names = sorted(cells, reverse=True)
    path = _write(tmp_path / "a.csv", ",".join(cells[n] for n in names), header=",".join(names))
    log = read_log(path, ZONE)
    assert log.unknown_columns == ("mood",)
    assert log.rows == read_log(_write(tmp_path / "b.csv", GOOD), ZONE).rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"entry_id,service\n1,x\n", "lacks class, arrived_at, outcome"),
        (b"entry_id,service,class,arrived_at,outcome\n1,\xff\xfe,a,b,c\n", "UTF-8"),
        (b"\x1f\x8bnot really", "unreadable"),
    ],
)
def test_a_file_that_is_no_log_is_refused_whole(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(LogError, match=words):
        read_log(path, ZONE)


def test_what_is_written_reads_back_gzipped_too_with_offsets(tmp_path: Path) -> None:
    at = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    rows = (
        LogRow("1", "Doctor, new", "walk_in", "left_without_being_seen", arrived_at=at,
               left_at=at + timedelta(minutes=50), ticket="B12", promised_from=at,
               promised_to=at + timedelta(minutes=20), stepped_out=timedelta(seconds=90),
               target=timedelta(minutes=30), room='The "big" one'),
        LogRow("2", "Doctor", "booked", "no_show", scheduled_at=at + timedelta(hours=1)),
    )  # fmt: skip
    for name in ("a.csv", "a.csv.gz"):
        path = tmp_path / name
        assert write_log(path, rows, ZONE) == 2
        assert read_log(path, "Asia/Tokyo").rows == rows
    text = gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).decode()
    # Half an hour either side of the clocks going back: the same wall time, told apart.
    assert "2026-10-25T02:30:00+02:00" in text
    assert "2026-10-25T02:20:00+01:00" in text


def test_an_hour_that_comes_twice_is_read_so_that_the_order_holds(tmp_path: Path) -> None:
    row = "1,Doctor,walk_in,,2026-10-25T02:40,2026-10-25T02:10,2026-10-25T02:12,,,,finished"
    (read,) = read_log(_write(tmp_path / "a.csv", row), ZONE).rows
    assert read.called_at is not None
    assert read.arrived_at is not None
    assert read.called_at - read.arrived_at == timedelta(minutes=30)


def test_rejected_rows_keep_their_cells_and_say_why(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", GOOD.replace("finished", "done"), "too,short")
    log = read_log(path, ZONE)
    text = write_rejected(path, log.header, log.bad).read_text()
    assert (tmp_path / "a.csv.rejected.csv").exists()
    assert "Nam Tran,done,2," in text
    assert "too,short" in text

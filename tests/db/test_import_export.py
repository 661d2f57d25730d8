"""A clinic's history in and out by the command line, and its booked times in."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from queueapp.cli import group
from queueapp.commands.demo_history import days_log
from queueapp.db.models import Appointment, QueueEntry, Site, VisitEvent
from queueapp.db.session import Database
from queueapp.domain.visit import AppointmentState
from queueapp.integrations.visit_log import LogRow, read_log, write_log
from tests import factories

Run = Callable[..., Result]
DAY = datetime(2026, 1, 13, tzinfo=UTC).date()


@pytest.fixture
def run(fresh_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command on the test's database."""
    monkeypatch.setenv("DATABASE_URL", fresh_database)
    monkeypatch.setenv("SECRET_KEY", "a secret of the tests")
    monkeypatch.setenv("QUEUEAPP_VAR", str(tmp_path / "var"))

    def invoke(*words: str | Path) -> Result:
        done = CliRunner().invoke(group, [str(word) for word in words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return invoke


@pytest.fixture
def sites(db: Database) -> None:
    """Two sites in different zones."""
    with db.write() as session:
        factories.make_site(session, "one")
        factories.make_site(session, "two", timezone="America/New_York")


def _alike(path: Path) -> list[LogRow]:
    return [replace(row, entry_id="", visit_id="") for row in read_log(path, "UTC").rows]


def test_a_days_history_goes_round(run: Run, db: Database, sites: None, tmp_path: Path) -> None:
    source, first, second = (tmp_path / name for name in ("a.csv", "b.csv.gz", "c.csv"))
    rows = days_log("Europe/London", [DAY])
    write_log(source, rows, "Europe/London")
    done = run("import", "log", source, "--site", "one", "--json", tmp_path / "figures.json")
    assert done.exit_code == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["entries"] + figures["bookings"] == len(rows)
    assert run("export", "log", "--site", "one", "--from", DAY, "--to", DAY, first).exit_code == 0
    assert run("import", "log", first, "--site", "two").exit_code == 0
    assert run("export", "log", "--site", "two", "--from", DAY, "--to", DAY, second).exit_code == 0
    assert len(_alike(first)) == len(rows)
    assert _alike(first) == _alike(second)

    # What the source said is all still there; the export only adds what the site knows besides.
    def told(row: LogRow) -> tuple[object, ...]:
        return (row.service, row.entry_class, row.outcome, row.arrived_at, row.called_at,
                row.started_at, row.finished_at, row.left_at, row.clinician, row.room, row.reason,
                row.promised_from, row.promised_to)  # fmt: skip

    assert sorted(map(str, map(told, rows))) == sorted(map(str, map(told, _alike(first))))


def test_importing_again_takes_nothing_twice(
    run: Run, db: Database, sites: None, tmp_path: Path
) -> None:
    source = tmp_path / "a.csv"
    write_log(source, days_log("Europe/London", [DAY]), "Europe/London")
    run("import", "log", source, "--site", "one")
    with db.read() as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(QueueEntry))
    assert run("import", "log", source, "--site", "one").exit_code == 0
    with db.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(QueueEntry)) == before


def test_imported_visits_have_a_record_and_due_times(
    run: Run, db: Database, sites: None, tmp_path: Path
) -> None:
    source = tmp_path / "a.csv"
    at = datetime(2026, 1, 13, 9, tzinfo=UTC)
    row = LogRow(
        "x", "Doctor", "booked", "finished", scheduled_at=at + timedelta(minutes=10),
        arrived_at=at, called_at=at + timedelta(minutes=12), started_at=at + timedelta(minutes=13),
        finished_at=at + timedelta(minutes=20), clinician="Ruiz", target=timedelta(minutes=15),
    )  # fmt: skip
    write_log(source, [row], "UTC")
    run("import", "log", source, "--site", "one")
    with db.read() as session:
        entry = session.scalars(sa.select(QueueEntry)).one()
        assert entry.due_by == at + timedelta(minutes=25)
        kinds = session.scalars(sa.select(VisitEvent.kind).order_by(VisitEvent.n)).all()
        assert kinds == ["checked_in", "called", "started", "finished"]
        assert session.scalars(sa.select(Site.seq).where(Site.slug == "one")).one() == 1
        assert session.scalars(sa.select(Appointment.state)).one() is AppointmentState.FULFILLED


def test_bad_rows_go_aside_and_strict_takes_nothing(
    run: Run, db: Database, sites: None, tmp_path: Path
) -> None:
    source = tmp_path / "a.csv"
    source.write_text(
        "entry_id,service,class,arrived_at,left_at,outcome,mood\n"
        "1,Doctor,walk_in,2026-01-13T09:00,2026-01-13T09:30,left_without_being_seen,x\n"
        "2,Doctor,walk_in,yesterday,,left_without_being_seen,x\n"
    )
    strict = run("import", "log", source, "--site", "one", "--strict")
    assert strict.exit_code != 0
    assert "line 3, column arrived_at: “yesterday”" in strict.output
    with db.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(QueueEntry)) == 0
    done = run("import", "log", source, "--site", "one")
    assert done.exit_code == 0
    assert "mood" in done.output
    aside = (tmp_path / "a.csv.rejected.csv").read_text()
    rejected = list(csv.DictReader(aside.splitlines()))
    assert [r["entry_id"] for r in rejected] == ["2"]
    with db.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(QueueEntry)) == 1


def test_an_unknown_site_is_said_with_those_there_are(
    run: Run, sites: None, tmp_path: Path
) -> None:
    source = tmp_path / "a.csv"
    write_log(source, [], "UTC")
    done = run("import", "log", source, "--site", "three")
    assert done.exit_code != 0
    assert "one, two" in done.output


def test_appointments_are_booked_once_and_overlaps_refused_by_row(
    run: Run, db: Database, sites: None, tmp_path: Path
) -> None:
    with db.write() as session:
        site = session.scalars(sa.select(Site).where(Site.slug == "one")).one()
        doctor = factories.make_service(session, site, "Doctor")
        factories.make_clinician(session, [doctor], "Elena Ruiz", title="Dr")
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    source = tmp_path / "a.csv"
    source.write_text(
        "service,clinician,starts_at,ends_at,name,birth_date,phone,code\n"
        f"Doctor,Dr Elena Ruiz,{day}T09:00,{day}T09:20,Rosa Lind,1939-12-01,,KEEP1\n"
        f"doctor,Elena Ruiz,{day}T09:10,,Walter Brandt,,,\n"
        f"Dentist,Elena Ruiz,{day}T10:10,,Walter Brandt,,,\n"
        f"Doctor,Elena Ruiz,{day}T11:00,,Hana Suzuki,10.10.1998,,\n"
    )
    done = run("import", "appointments", source, "--site", "one", "--json", tmp_path / "f.json")
    assert done.exit_code == 0
    assert json.loads((tmp_path / "f.json").read_text())["booked"] == 1
    reasons = [f"line {line}, column {c}" for line, c in
               ((3, "starts_at"), (4, "service"), (5, "birth_date"))]  # fmt: skip
    assert all(reason in done.output for reason in reasons), done.output
    with db.read() as session:
        booked = session.scalars(sa.select(Appointment)).one()
        assert (booked.code, booked.state) == ("KEEP1", AppointmentState.BOOKED)
        assert booked.ends_at - booked.starts_at == timedelta(minutes=20)
    again = run("import", "appointments", source, "--site", "one", "--json", tmp_path / "f.json")
    assert again.exit_code == 0
    assert json.loads((tmp_path / "f.json").read_text()) == {
        "booked": 0, "already_there": 1, "rejected": 3,
    }  # fmt: skip

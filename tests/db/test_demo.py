"""The demo clinic: alive at any hour, the same when repeated, nobody else's business."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from queueapp.actions.forecasting import Forecaster
from queueapp.actions.intake import closes_at
from queueapp.actions.logins import verify_password
from queueapp.commands import base, demo
from queueapp.commands.demo_clinic import PASSWORD
from queueapp.db.models import (
    Appointment,
    Promise,
    QueueEntry,
    Service,
    ServiceTarget,
    Shift,
    Site,
    Staff,
    Visit,
    VisitEvent,
)
from queueapp.db.queries.rows import load_rows
from queueapp.db.session import Database
from queueapp.domain.visit import AppointmentState, EntryState, Presence
from tests.databases import PostgresqlMaker, SqliteMaker

Run = Callable[..., Result]
MORNING = datetime(2026, 1, 14, 10, 20, tzinfo=UTC)


def run_on(url: str, var: Path) -> Run:
    """Run `demo` on a database; a `now` freezes its clock."""
    settings = {
        "DATABASE_URL": url,
        "SECRET_KEY": "a secret of the tests",
        "QUEUEAPP_VAR": str(var),
    }

    def invoke(*words: str, now: datetime | None = None) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            if now is not None:
                patch.setattr(base, "utc_now", lambda: now)
            done = CliRunner(env=settings).invoke(demo.command, list(words))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return invoke


@pytest.fixture
def run(fresh_database: str, tmp_path: Path) -> Run:
    """Run `demo` on an empty database."""
    return run_on(fresh_database, tmp_path)


@dataclass(frozen=True)
class Filled:
    """A database that was filled on that morning, and what was printed then."""

    run: Run
    db: Database
    first: Result


@pytest.fixture(scope="module")
def filled_once(
    database_maker: SqliteMaker | PostgresqlMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Result]]:
    url = database_maker.make()
    first = run_on(url, tmp_path_factory.mktemp("demo"))("--days", "2", now=MORNING)
    yield url, first
    database_maker.drop(url)


@pytest.fixture
def filled(
    filled_once: tuple[str, Result],
    database_maker: SqliteMaker | PostgresqlMaker,
    tmp_path: Path,
) -> Iterator[Filled]:
    """A copy of what `--days 2` makes of an empty database on that morning."""
    url = database_maker.copy(filled_once[0])
    db = Database(url)
    yield Filled(run_on(url, tmp_path), db, filled_once[1])
    db.dispose()
    database_maker.drop(url)


def _open(db: Database) -> list[tuple[EntryState, Presence]]:
    with db.read() as session:
        rows = session.execute(
            sa.select(QueueEntry.state, Visit.presence)
            .join(Visit, Visit.id == QueueEntry.visit_id)
            .where(Visit.departed_at.is_(None))
        )
        return [(state, presence) for state, presence in rows]


# In the dead of night, at a Sunday's noon, and as the service day turns: a matter of clocks, which
# a database has no part in.
@pytest.mark.one_database
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 29, 0, 50, tzinfo=UTC),
        datetime(2026, 6, 7, 11, 0, tzinfo=UTC),
        datetime(2026, 1, 13, 4, 5, tzinfo=UTC),
    ],
    ids=["clocks-change", "sunday", "day-turns"],
)
def test_it_is_alive_at_any_hour(run: Run, db: Database, now: datetime) -> None:
    assert run("--days", "1", now=now).exit_code == 0
    is_alive(db, now)


def test_it_is_alive_on_a_plain_morning(filled: Filled) -> None:
    assert filled.first.exit_code == 0
    is_alive(filled.db, MORNING)


def is_alive(db: Database, now: datetime) -> None:
    """People wait, are called and seen, more are booked, and nothing of it is yet to come."""
    found = _open(db)
    states = [state for state, _ in found]
    assert 8 <= states.count(EntryState.WAITING) <= 16
    assert EntryState.CALLED in states
    assert EntryState.IN_SERVICE in states
    assert {p for _, p in found} >= {Presence.HERE, Presence.OUT, Presence.ON_THE_WAY}
    with db.read() as session:
        site = session.scalars(sa.select(Site)).one()
        closes = closes_at(session, site, now)
        assert closes is not None
        assert closes > now + timedelta(hours=1)
        ahead = sa.select(sa.func.count()).where(
            Appointment.state == AppointmentState.BOOKED, Appointment.starts_at > now
        )
        assert session.scalar(ahead) >= 10
        # Nothing of it lies in the future, and everyone who came was promised something.
        assert session.scalar(sa.select(sa.func.max(VisitEvent.occurred_at))) <= now
        without = sa.select(sa.func.count()).where(
            QueueEntry.id.not_in(sa.select(Promise.entry_id))
        )
        assert session.scalar(without) == 0


@pytest.mark.one_database
def test_most_will_be_called_in_time(filled: Filled) -> None:
    with filled.db.read() as session:
        site_id = session.scalars(sa.select(Site.id)).one()
    Forecaster(filled.db).refresh(site_id, MORNING)
    with filled.db.read() as session:
        waiting = load_rows(session, session.get_one(Site, site_id), MORNING).waiting
        misses = [row.estimate.miss or 0 for row in waiting if row.estimate]
        assert len(misses) >= 8
        assert sum(miss > 0.5 for miss in misses) <= len(misses) / 3, misses


@pytest.mark.one_database
def test_repeating_it_changes_nothing_and_prints_the_same(filled: Filled) -> None:
    first = filled.first
    with filled.db.read() as session:
        counts = [session.scalar(sa.select(sa.func.count()).select_from(t)) for t in (Visit, Shift)]
    again = filled.run("--days", "2", now=MORNING + timedelta(minutes=5))
    assert again.output == first.output
    with filled.db.read() as session:
        assert counts == [
            session.scalar(sa.select(sa.func.count()).select_from(t)) for t in (Visit, Shift)
        ]
    for person in ("Kiosk", "Phone", "Desk", "Room 1", "Lobby", "Board", PASSWORD):
        assert person in first.output


@pytest.mark.one_database
def test_the_next_day_is_filled_anew_and_the_old_one_ended(filled: Filled) -> None:
    filled.run("--days", "1", now=MORNING + timedelta(days=1))
    with filled.db.read() as session:
        old = sa.select(sa.func.count()).where(
            Visit.departed_at.is_(None), Visit.arrived_at < MORNING + timedelta(hours=12)
        )
        assert session.scalar(old) == 0
    assert len(_open(filled.db)) >= 8


def test_the_password_it_prints_opens_every_login(run: Run, db: Database) -> None:
    run("--empty")
    with db.read() as session:
        hashes = set(session.scalars(sa.select(Staff.password_hash)))
    assert hashes
    assert all(verify_password(PASSWORD, h) for h in hashes)


def test_empty_has_nobody_in_it_and_every_clinician_at_work(run: Run, db: Database) -> None:
    run("--empty")
    with db.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Visit)) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(Appointment)) == 0
        shifts = session.scalars(sa.select(Shift)).all()
        assert len(shifts) >= 4
        assert all(s.actual_from and not s.actual_to and s.room_id for s in shifts)
        site = session.scalars(sa.select(Site)).one()
        midnight = datetime(2026, 12, 25, 0, 0, tzinfo=UTC)
        assert closes_at(session, site, midnight) is not None


@pytest.mark.one_database
@pytest.mark.parametrize("hour", [0, 3, 6, 7, 15, 23])
def test_the_turn_of_the_day_ends_nothing_that_is_tried(run: Run, db: Database, hour: int) -> None:
    now = datetime(2026, 1, 13, hour, 58, tzinfo=UTC)
    run("--empty", now=now)
    with db.read() as session:
        site = session.scalars(sa.select(Site)).one()
        assert site.day_at(now) == site.day_at(now + timedelta(hours=4))


def test_a_clinic_that_is_not_the_demos_is_left_alone(run: Run, db: Database) -> None:
    with db.write() as session:
        session.add(Site(slug="demo", name="Real", timezone="Europe/Paris", seq=3, settings={}))
    done = run("--empty")
    assert done.exit_code != 0
    assert "left alone" in done.output
    with db.read() as session:
        assert session.scalars(sa.select(Site)).one().name == "Real"
        assert session.scalar(sa.select(sa.func.count()).select_from(Service)) == 0


def test_from_a_log_has_its_services_classes_and_skills(
    run: Run, db: Database, tmp_path: Path
) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "entry_id,service,class,arrived_at,started_at,finished_at,clinician,outcome\n"
        "1,Eye Test,regular,2026-01-01T09:00,2026-01-01T09:01,2026-01-01T09:05,S01,finished\n"
        "2,PS,priority,2026-01-01T09:00,2026-01-01T09:01,2026-01-01T09:05,S02,finished\n"
        "3,PS,regular,2026-01-01T09:10,2026-01-01T09:11,2026-01-01T09:15,S01,finished\n"
    )
    assert run("--from-log", str(log)).exit_code == 0
    with db.read() as session:
        slugs = {s.slug: s.id for s in session.scalars(sa.select(Service))}
        assert set(slugs) == {"eye-test", "ps"}
        within = {
            (t.service_id, t.entry_class): t.within
            for t in session.scalars(sa.select(ServiceTarget))
        }
        for service_id in slugs.values():
            gap = within[service_id, "regular"] - within[service_id, "priority"]
            assert gap == timedelta(seconds=90)
        shifts = session.scalars(sa.select(Shift)).all()
        given = {s.clinician.name: {x.service_id for x in s.services} for s in shifts}
        assert given == {"S01": set(slugs.values()), "S02": {slugs["ps"]}}
        assert len({s.room_id for s in shifts}) == 2

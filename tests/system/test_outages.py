"""PostgreSQL gone, Redis gone, the disk full: what people are told, and that it heals by itself."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from queueapp.db.engine import make_engine
from queueapp.db.faults import Fault, InDoubt, fault_of
from queueapp.db.models import StoredForecast
from queueapp.db.session import Database
from tests import factories, services
from tests.conftest import need
from tests.databases import SqliteMaker
from tests.faults.disks import small_disk
from tests.faults.stage import ANSWERS_WITHIN_S, HEALS_WITHIN_S, Running, Stage
from tests.system.listeners import within

# `make soak` takes half a minute.
GONE_FOR_S = float(os.environ.get("GONE_FOR_S", "3"))


@pytest.fixture(scope="module")
def stage(
    database: str, run_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    need("redis-server")
    directory = tmp_path_factory.mktemp("outages")
    with ExitStack() as stack:
        disk, running = stack.enter_context(small_disk(40)), None
        if database == "sqlite":
            url = SqliteMaker(run_directory).make()
            file = Path(make_url(url).database or "")
            if disk:
                url = f"sqlite:///{shutil.copy(file, disk.home / file.name)}"
        else:
            need("initdb")
            server = stack.enter_context(services.restartable_postgresql(durable=True))
            running = Running(server)
            stack.callback(running.kill)
            running.start()
            url = running.database_on(disk)
        yield Stage(stack, directory, url, disk, running)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_without_redis_work_goes_on_and_screens_catch_up(stage: Stage) -> None:
    screen, before = stage.lobby(), stage.processes()
    stage.redis.close()
    assert stage.command().status_code == 201
    assert stage.shows_next_call(screen)
    time.sleep(GONE_FOR_S - 3)
    assert stage.shows_next_call(screen)
    ready = stage.get("/readyz")
    assert (ready.status_code, "Redis does not answer" in ready.text) == (200, True)
    stage.start_redis()
    assert within(HEALS_WITHIN_S, lambda: stage.get("/readyz").text == "ready\n")
    assert stage.shows_next_call(screen)
    assert not screen.ended.is_set()
    assert stage.processes() == before
    screen.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_without_its_database_it_says_so_and_goes_on_by_itself(stage: Stage) -> None:
    assert stage.postgresql
    screen, before = stage.lobby(), stage.processes()
    taken = stage.entries()
    stage.postgresql.kill()
    told = stage.command()
    assert (told.status_code, told.headers["Content-Type"]) == (503, "application/problem+json")
    assert "does not answer" in told.json()["detail"]
    assert told.headers["Retry-After"]
    page = stage.get("/")
    assert page.status_code == 503
    assert "The database does not answer" in page.text
    assert (stage.get("/livez").status_code, stage.get("/readyz").status_code) == (200, 503)
    # Without a heartbeat a screen says itself that it is not live.
    time.sleep(GONE_FOR_S)
    heard = len(screen.beats)
    assert not within(2.5, lambda: len(screen.beats) > heard)
    assert stage.command().status_code == 503

    stage.postgresql.start()
    assert within(HEALS_WITHIN_S, lambda: stage.get("/readyz").status_code == 200)
    assert stage.entries() == taken
    assert stage.command().status_code == 201
    assert stage.shows_next_call(screen)
    assert not screen.ended.is_set()
    assert within(HEALS_WITHIN_S, lambda: is_forecast(stage))
    assert stage.processes() == before
    screen.close()


def is_forecast(stage: Stage) -> bool:
    with stage.database.read() as session:
        stored = session.scalars(sa.select(StoredForecast).order_by(StoredForecast.id)).all()
        return any(one.site_id == stage.clinic.site_id and one.seq > 3 for one in stored)


def test_on_a_full_disk_nothing_is_half_done_and_reading_goes_on(stage: Stage) -> None:
    screen = stage.lobby()
    before = stage.entries()
    taken = 0
    with stage.full_disk():
        # There may be room left in files that are there already.
        for _ in range(3000):
            told = stage.command()
            if told.status_code != 201:
                break
            taken += 1
        assert (told.status_code, told.headers["Content-Type"]) == (507, "application/problem+json")
        assert "cannot write to its disk" in told.json()["detail"]
        assert stage.entries() == before + taken
        state = stage.http.get(
            f"{stage.served.url}/api/v1/sites/{stage.clinic.slug}/state",
            headers={"Authorization": f"Bearer {stage.clinic.token}"}, timeout=ANSWERS_WITHIN_S,
        )  # fmt: skip
        assert state.status_code == 200
        assert stage.get("/sign-in").status_code == 200
        assert stage.get("/readyz").status_code == 200
        heard = len(screen.beats)
        assert within(HEALS_WITHIN_S, lambda: len(screen.beats) > heard)
    assert stage.command().status_code == 201
    assert stage.entries() == before + taken + 1
    assert stage.shows_next_call(screen)
    verdict = stage.clinic.judge()
    assert [m for m in verdict.missing if "record" in m] == []
    screen.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_statement_that_is_never_answered_is_given_up(fresh_database: str) -> None:
    patient, hasty = (make_engine(fresh_database, patience_s=s) for s in (None, 0.4))
    with patient.connect() as connection:
        connection.execute(sa.text("SELECT pg_sleep(1)"))  # the control: waited for
    began = time.monotonic()
    with (
        pytest.raises(sa.exc.OperationalError, match="no answer within") as given_up,
        hasty.connect() as connection,
    ):
        connection.execute(sa.text("SELECT pg_sleep(30)"))
    assert time.monotonic() - began < 20
    assert fault_of(given_up.value) == Fault.GONE
    with hasty.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    patient.dispose()
    hasty.dispose()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_one_frozen_in_a_transaction_does_not_keep_the_others_out(fresh_database: str) -> None:
    left_alone = "idle_in_transaction_session_timeout"
    engine, commands = (make_engine(fresh_database, patience_s=s) for s in (20, None))
    with commands.connect() as connection:
        # The control: a backup may rest for as long as its dump takes.
        assert connection.scalar(sa.text(f"SHOW {left_alone}")) == "0"
    commands.dispose()
    lock = sa.text("LOCK TABLE site IN EXCLUSIVE MODE")
    with engine.connect() as frozen, engine.connect() as next_one:
        assert frozen.scalar(sa.text(f"SHOW {left_alone}")) == "1min"
        frozen.commit()
        frozen.execute(sa.text(f"SET {left_alone} = '300ms'"))
        frozen.commit()
        frozen.execute(lock)
        next_one.execute(sa.text("SET lock_timeout = '20s'"))
        next_one.execute(lock)
        with pytest.raises(sa.exc.DBAPIError) as cut_off:
            frozen.execute(sa.text("SELECT 1"))
    assert fault_of(cut_off.value) == Fault.GONE
    engine.dispose()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_commit_that_nobody_answered_is_in_doubt(fresh_database: str) -> None:
    database, other = Database(fresh_database), make_engine(fresh_database)

    def end(connection: sa.Connection) -> None:
        pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
        with other.begin() as killer:
            killer.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    sa.event.listen(database.engine, "commit", end)
    with pytest.raises(InDoubt), database.write() as session:
        factories.make_site(session)
    sa.event.remove(database.engine, "commit", end)
    with database.write() as session:
        factories.make_site(session)
    database.dispose()
    other.dispose()

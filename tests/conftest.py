"""What all tests stand on: databases, served instances, and what each group of tests may do."""

import gc
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from queueapp.actions import logins
from queueapp.db import session as sessions
from queueapp.db.engine import make_engine
from queueapp.db.models import QueueEntry
from queueapp.db.session import Database
from queueapp.domain.visit import EntryState
from tests import binaries, factories, services
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.engines import make_thrifty_engine
from tests.served import Served

settings.register_profile(
    "quick", max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("quick"), derandomize=True, print_blob=True)
settings.register_profile("soak", settings.get_profile("quick"), max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "quick" if binaries.may_skip() else "ci")
)

# `make soak` asks everything of both kinds of database.
EVERYTHING_ON_BOTH = os.environ.get("DATABASES") == "both"
GROUPS = ("unit", "db", "web", "browser", "system")
# No race next to another: these keep to one xdist worker.
RACES = ("test_races", "test_standing_still")
# What a module makes for all of its tests is made once if one worker runs them; and what learns
# loads scikit-learn, which takes longer than most of them.
LEARNING = ("test_backtest", "test_corrected", "test_lessons")
ONE_WORKER = (
    "test_access_matrix", "test_api_refusals", "test_catalogues", "test_clinic_days", "test_peers",
    "test_schemathesis",
)  # fmt: skip
# What begins first, as it takes longest: tests of one server each, then by turns groups that wait
# for others and modules that reckon, so that while a worker waits the processors have work.
FIRST = (
    "served sqlite", "house postgresql", "demo served sqlite", "house sqlite",
    "test_schemathesis", "test_topology", "test_clinic_days", "test_outages",
    "test_access_matrix", "test_kills", "demo postgresql", "races", "learning",
    "test_misuse", "test_metrics", "demo sqlite", "test_fanout", "test_admin", "test_runtime",
    "test_last_time", "test_online", "test_limits", "test_demo", "test_services",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Declare a mark per directory, so that `-m unit` runs what needs nothing."""
    # Modules and tests are being loaded, all of them to stay: there is no garbage to look for.
    gc.disable()
    if hasattr(config.option, "loadscopereorder"):
        # Not by how many tests a group has: by how long they take.
        config.option.loadscopereorder = False
    for group in GROUPS:
        config.addinivalue_line("markers", f"{group}: tests under tests/{group}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m unit` loads nothing of the other groups, which takes as long as half of its tests."""
    asked: str = config.option.markexpr
    is_group = collection_path.parent == Path(__file__).parent and collection_path.name in GROUPS
    return True if asked in GROUPS and is_group and collection_path.name != asked else None


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Of what asks a database, tests of pages run on SQLite, all others on both kinds.

    Marked `both_databases` are races in tests/web, and as many of the rest there as it takes to
    send PostgreSQL every statement that any page or call sends. Marked `one_database` are tests
    elsewhere that say the same of rules once more, with statements that others send: of a whole
    module so marked those that send more are marked `both_databases`. `make soak` asks all of both.
    """
    if "database" not in metafunc.fixturenames or EVERYTHING_ON_BOTH:
        return
    marked = metafunc.definition.get_closest_marker
    of_pages = "web" in metafunc.definition.path.relative_to(Path(__file__).parent).parts
    is_one = (of_pages or marked("one_database")) and not marked("both_databases")
    chosen = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
    named = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if is_one and not any("database" in names for names in named):
        metafunc.definition.add_marker(chosen)


# First, so that xdist, which reads the groups in the same hook, finds them; and last, as pytest
# puts tests of one kind of database together in it.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark each test by its directory; what takes long begins first."""
    for item in items:
        _mark(item)
    yield
    items.sort(key=_place)


def _mark(item: pytest.Item) -> None:
    found = item.path.relative_to(Path(__file__).parent).parts[0]
    if found not in GROUPS:
        return
    item.add_marker(found)
    if found == "unit":
        item.add_marker("disable_socket")
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    kind = parameters.get("database", "sqlite")
    # Each kind of database in a worker of its own, where one server, one demo serves them all.
    if "standing" in item.fixturenames:
        together = f"served {kind}"
    elif found == "browser":
        together = f"demo served {kind}"
    elif "filled_once" in item.fixturenames:
        together = f"demo {kind}"
    elif "house" in item.fixturenames:
        together = f"house {kind}"
    elif item.path.stem in LEARNING:
        together = "learning"
    elif item.path.stem in ONE_WORKER:
        together = item.path.stem
    elif found == "system":
        together = "races" if item.path.stem in RACES else item.path.stem
    else:
        return
    item.add_marker(pytest.mark.xdist_group(together))


def _place(item: pytest.Item) -> int:
    """Where the test stands in a run: no worker shall be alone with a long group at the end."""
    mark = item.get_closest_marker("xdist_group")
    name = mark.args[0] if mark else item.path.stem
    return FIRST.index(name) if name in FIRST else len(FIRST)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: looking through it for garbage is a sixth of a test's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def need(program: str) -> None:
    """Skip the test where a program is missing; under CI, fail."""
    if binaries.find(program):
        return
    reason = f"{program} is not installed: make test installs it, or says how"
    if binaries.may_skip():
        pytest.skip(reason)
    pytest.fail(reason)


@pytest.fixture(scope="session", autouse=True)
def in_this_process_it_is_cheap() -> Iterator[None]:
    """Hashing is slow on purpose, statements are compiled for each database: here neither."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logins, "_hasher", factories.CHEAP)
        patch.setattr(sessions, "make_engine", make_thrifty_engine)
        yield


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A directory that all processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base


@pytest.fixture(scope="session")
def postgresql_url(run_directory: Path, request: pytest.FixtureRequest) -> str:
    """The run's own PostgreSQL, as the URL of its database `postgres`."""
    need("initdb")
    in_worker = hasattr(request.config, "workerinput")
    return services.shared_postgresql(run_directory, os.getppid() if in_worker else os.getpid())


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis of the test's own: published messages cross Redis's numbered databases."""
    need("redis-server")
    with services.redis() as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database: whatever uses it runs once on each."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def database_maker(
    database: str, run_directory: Path, request: pytest.FixtureRequest
) -> Iterator[SqliteMaker | PostgresqlMaker]:
    """Makes migrated, empty databases quickly, by copying one."""
    if database == "sqlite":
        # A commit waits for no disk there; tests of what a disk keeps say where themselves.
        with services.own_directory("queueapp-sqlite-", where=services.in_memory()) as fast:
            yield SqliteMaker(run_directory, fast)
    else:
        maker = PostgresqlMaker(run_directory, request.getfixturevalue("postgresql_url"))
        yield maker
        maker.dispose()


@pytest.fixture
def fresh_database(database_maker: SqliteMaker | PostgresqlMaker) -> Iterator[str]:
    """The URL of an empty, migrated database of the test's own, for real commits."""
    url = database_maker.make()
    yield url
    database_maker.drop(url)


@pytest.fixture
def empty_database(database_maker: SqliteMaker | PostgresqlMaker) -> Iterator[str]:
    """The URL of a database with nothing in it, for tests of migrations."""
    url = database_maker.make(empty=True)
    yield url
    database_maker.drop(url)


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    """Reading and writing sessions of a database of the test's own: `with db.write() as s:`."""
    database = Database(fresh_database)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def engine(database_maker: SqliteMaker | PostgresqlMaker) -> Iterator[Engine]:
    """An engine whose empty, migrated database this process's tests share by rolling back."""
    url = database_maker.make()
    engine = make_engine(url)
    yield engine
    engine.dispose()
    database_maker.drop(url)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose commits are savepoints; all of it is rolled back after the test."""
    with engine.execution_options(writes=True).connect() as connection:
        transaction = connection.begin()
        with Session(
            connection,
            join_transaction_mode="create_savepoint",
            expire_on_commit=False,
            info={"secret": ""},
        ) as session:
            yield session
        transaction.rollback()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serve the app in processes of its own: `serve(url, redis_url=…, workers=2)`."""
    running: list[Served] = []

    def start(database_url: str, **options: object) -> Served:
        served = Served(database_url, tmp_path / f"serve-{len(running)}.log", **options)
        running.append(served)
        served.start()
        return served

    yield start
    for served in running:
        served.end()


@pytest.fixture(scope="session")
def standing(
    database_maker: SqliteMaker | PostgresqlMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The server of `served`, which stands as long as tests of one kind of database run."""
    url = database_maker.make()
    served = Served(url, tmp_path_factory.mktemp("standing") / "serve.log")
    served.start()
    yield served
    served.end()
    database_maker.drop(url)


@pytest.fixture
def served(standing: Served) -> Iterator[Served]:
    """The app in processes that tests share, as it takes long to start; may be frozen and killed.

    Many clinics are in its database: each test makes one of its own, called `slug`.
    """
    yield standing
    standing.be_well()
    # The worker goes on forecasting for those who wait.
    database = Database(standing.database_url)
    with database.write() as session:
        waits = sa.update(QueueEntry).where(QueueEntry.state == EntryState.WAITING)
        session.execute(waits.values(state=EntryState.CANCELLED))
    database.dispose()


@pytest.fixture
def slug() -> str:
    """A name that no other site has."""
    return f"clinic-{secrets.token_hex(4)}"

"""The command line's own part: logins, tokens, migrations, and what serve refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from queueapp.actions.access import identity_of_token
from queueapp.actions.logins import find_staff, verify_password
from queueapp.cli import group
from queueapp.db import migrate
from queueapp.db.engine import make_engine
from queueapp.db.models import ApiToken
from queueapp.db.session import Database
from queueapp.domain.viewer import Part
from tests import factories
from tests.services import free_port

pytestmark = pytest.mark.both_databases

Run = Callable[..., Result]


@pytest.fixture
def run(fresh_database: str, tmp_path: Path) -> Run:
    """Run a command on the test's database: `run("user", "add", …)`."""

    def run(*command: str, **environ: str) -> Result:
        settings = {
            "DATABASE_URL": fresh_database, "SECRET_KEY": "tests" * 8, "REDIS_URL": "",
            "QUEUEAPP_VAR": str(tmp_path), "QUEUEAPP_PASSWORD": "a fine long password", **environ,
        }  # fmt: skip
        return CliRunner().invoke(group, command, env=settings)

    return run


def test_a_login_is_added_renewed_and_ended(run: Run, db: Database) -> None:
    with db.write() as session:
        factories.make_site(session, "here")
    added = ["user", "add", "Anna@example.org", "--name", "Anna", "--role", "manager"]
    assert "at which site" in run(*added).output
    assert run(*added, "--site", "nowhere").exit_code == 1
    assert run(*added, "--site", "here").exit_code == 0
    assert "has a login already" in run(*added, "--site", "here").output
    short = run("user", "password", "anna@example.org", QUEUEAPP_PASSWORD="short")
    assert (short.exit_code, "at least 12 characters" in short.output) == (1, True)
    changed = {"QUEUEAPP_PASSWORD": "another fine password"}
    assert run("user", "password", "anna@example.org", **changed).exit_code == 0
    with db.read() as session:
        anna = find_staff(session, "anna@example.org")
        assert anna
        assert anna.session_version == 2
        assert verify_password("another fine password", anna.password_hash)
        assert not verify_password("a fine long password", anna.password_hash)
    assert run("user", "disable", "anna@example.org").exit_code == 0
    with db.read() as session:
        assert find_staff(session, "anna@example.org").disabled_at  # type: ignore[union-attr]
    assert run("user", "disable", "nobody@example.org").exit_code == 1


def test_a_token_is_printed_alone_and_kept_as_a_hash(run: Run, db: Database) -> None:
    with db.write() as session:
        site_id = factories.make_site(session, "here").id
    token = run("token", "add", "--role", "manager", "--site", "here").stdout.strip()
    with db.read() as session:
        identity = identity_of_token(session, token, factories.NOW)
        assert identity
        assert [(g.part, g.site_id) for g in identity.grants] == [(Part.MANAGER, site_id)]
        assert token not in session.scalars(sa.select(ApiToken.token_hash)).all()


def test_the_health_report_is_good_and_then_names_what_is_not(
    run: Run, db: Database, tmp_path: Path
) -> None:
    with db.write() as session:
        factories.make_site(session, "here")
    report = run("db", "check")
    bad = [line for line in report.output.splitlines() if line.startswith("BAD")]
    # The suite's own PostgreSQL is told not to wait for the disk, which is found.
    careless = ["fsync", "synchronous_commit", "full_page_writes"]
    assert bad == ([] if db.is_sqlite else [f"BAD  {name}: off" for name in careless])
    assert report.exit_code == (0 if db.is_sqlite else 1), report.output
    assert "Europe/London" in report.output
    empty = run("db", "check", DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert empty.exit_code == 1
    assert "BAD  schema: empty" in empty.output


def test_serve_refuses_several_workers_without_what_they_need(run: Run, database: str) -> None:
    refused = run("serve", "--workers", "2")
    assert refused.exit_code == 1
    assert "PostgreSQL and Redis" in refused.output


def test_serve_wants_a_migrated_database_and_good_settings(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'older.db'}"
    engine = make_engine(url)
    migrate.upgrade(engine, "0003")
    engine.dispose()
    port = ("--port", str(free_port()))
    older = run("serve", *port, DATABASE_URL=url)
    assert (older.exit_code, "db upgrade" in older.output) == (1, True)
    wrong = run("serve", *port, PUBLIC_URL="here")
    assert (wrong.exit_code, "PUBLIC_URL" in wrong.output) == (1, True)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_command_has_help(run: Run) -> None:
    words = run("--help").output
    for command in ("serve", "work", "db", "user", "token", "demo", "import", "export", "replay"):
        assert command in words
        assert run(command, "--help").exit_code == 0

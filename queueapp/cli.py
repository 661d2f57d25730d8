"""`python -m queueapp COMMAND`: what the clinic's own machine is told."""

import importlib
import os

import click

from queueapp import config, logs
from queueapp.commands.base import database as open_database
from queueapp.commands.base import make_if_empty, setup_code
from queueapp.commands.base import settings as load_settings
from queueapp.db import migrate
from queueapp.db.session import Database
from queueapp.domain.actor import Role

# Loaded when they are asked for: each brings libraries that the others do not need.
_ELSEWHERE = {
    "demo": "queueapp.commands.demo:command",
    "import": "queueapp.commands.importing:group",
    "export": "queueapp.commands.exporting:group",
    "metrics": "queueapp.commands.metrics:command",
    "replay": "queueapp.commands.replay:command",
}


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *_ELSEWHERE])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _ELSEWHERE:
            return super().get_command(context, name)
        module, _, attribute = _ELSEWHERE[name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=_Commands)
def group() -> None:
    """queueapp: an appointment and walk-in queue manager for clinics."""
    logs.configure()


@group.command()
@click.option(
    "--host", default=config.DEFAULT_HOST, show_default=True, help="Address to listen on."
)
@click.option(
    "--port", default=config.DEFAULT_PORT, show_default=True, type=click.IntRange(1, 65535)
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64),
              help="Web processes; more than one needs PostgreSQL and Redis.")  # fmt: skip
def serve(host: str, port: int, workers: int) -> None:
    """Serve the app, with the background worker."""
    from queueapp import serving

    os.environ |= {"QUEUEAPP_HOST": host, "QUEUEAPP_PORT": str(port)}
    settings = load_settings()
    is_sqlite = settings.database_url.startswith("sqlite")
    if workers > 1 and (is_sqlite or not settings.redis_url):
        raise click.ClickException(
            "Several workers need PostgreSQL and Redis: set DATABASE_URL=postgresql://… and "
            "REDIS_URL=redis://…, or leave --workers at 1."
        )
    make_if_empty(settings)
    with open_database(settings) as database:
        code = setup_code(database)
    if not serving.port_is_free(host, port):
        raise click.ClickException(f"{host}:{port} is in use. Give another --port.")

    def told() -> None:
        click.echo(f"queueapp is at {settings.public_url}/", err=True)
        if code:
            click.echo(f"Set up your clinic there; the set-up code is {code}", err=True)

    raise SystemExit(serving.serve(host, port, workers, told))


@group.command()
def work() -> None:
    """Run the background worker alone: forecasts, sweep, outbox."""
    from queueapp import worker

    settings = load_settings()
    with open_database(settings):
        pass
    worker.run(settings)


@group.group()
def db() -> None:
    """Migrations, and a health report."""


@db.command()
def upgrade() -> None:
    """Bring the database to the newest schema."""
    database = Database(load_settings().database_url)
    before = migrate.current(database.engine)
    migrate.upgrade(database.engine)
    after = migrate.current(database.engine)
    click.echo(f"The database is at {after}" + (", as before." if before == after else "."))
    database.dispose()


@db.command()
def check() -> None:
    """Report on the database, its version and settings, the clock and the time zones."""
    from queueapp.commands import health

    raise SystemExit(health.report(load_settings()))


@group.group()
def user() -> None:
    """Logins of staff."""


def _new_password() -> str:
    password: str = os.environ.get("QUEUEAPP_PASSWORD") or click.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )
    return password


@user.command("add")
@click.argument("email")
@click.option("--name", required=True, help="The name colleagues see.")
@click.option("--role", required=True, type=click.Choice([r.value for r in Role]))
@click.option("--site", help="The site's slug; an admin's has none.")
def user_add(email: str, name: str, role: str, site: str | None) -> None:
    """Add a login; the password is asked for (or taken from QUEUEAPP_PASSWORD)."""
    from queueapp.actions import logins

    with open_database(load_settings()) as database:
        hashed = logins.hash_password(_new_password())
        with database.write() as session:
            logins.add_staff(
                session, email=email, name=name, password_hash=hashed, role=Role(role), site=site
            )
    click.echo(f"{email} can sign in.")


@user.command("disable")
@click.argument("email")
def user_disable(email: str) -> None:
    """End a login, at once and everywhere."""
    from datetime import UTC, datetime

    from queueapp.actions import logins

    with open_database(load_settings()) as database, database.write() as session:
        logins.disable_staff(session, datetime.now(UTC), email)
    click.echo(f"{email} cannot sign in any more.")


@user.command("password")
@click.argument("email")
def user_password(email: str) -> None:
    """Set a new password; whoever was signed in is signed out."""
    from queueapp.actions import logins

    with open_database(load_settings()) as database:
        hashed = logins.hash_password(_new_password())
        with database.write() as session:
            logins.set_password(session, email, hashed)
    click.echo(f"{email} has a new password.")


@group.group()
def token() -> None:
    """API tokens of programs."""


@token.command("add")
@click.option("--role", required=True, type=click.Choice([r.value for r in Role]))
@click.option("--site", help="The site's slug; an admin's has none.")
@click.option("--name", default="", help="What it is for.")
def token_add(role: str, site: str | None, name: str) -> None:
    """Make a bearer token; it is printed once, alone on standard output."""
    from datetime import UTC, datetime

    from queueapp.actions import logins

    with open_database(load_settings()) as database, database.write() as session:
        made = logins.issue_token(session, datetime.now(UTC), role=Role(role), site=site, name=name)
    click.echo(made)


def main() -> None:
    """The entry point of `python -m queueapp`."""
    group(prog_name="python -m queueapp")

"""`db`: migrations, and a health report."""

import click

from queueapp.commands.base import newer
from queueapp.commands.settings import load_settings
from queueapp.db import migrate
from queueapp.db.session import Database


@click.group("db")
def group() -> None:
    """Migrations, and a health report."""


@group.command()
def upgrade() -> None:
    """Bring the database to the newest schema."""
    database = Database(load_settings().database_url)
    try:
        before = migrate.current(database.engine)
        if before is not None and before not in migrate.revisions():
            raise click.ClickException(newer(before))
        migrate.upgrade(database.engine)
        after = migrate.current(database.engine)
    finally:
        database.dispose()
    click.echo(f"The database is at {after}" + (", as before." if before == after else "."))


@group.command()
def check() -> None:
    """Report on the database, its version and settings, the clock and the time zones."""
    from queueapp.commands import health

    raise SystemExit(health.report(load_settings()))

"""What most commands need: a migrated database, figures out, a progress bar."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp import config
from queueapp.actions.base import find_site
from queueapp.actions.setup import make_setup_code
from queueapp.db import migrate
from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.domain.refusal import Refused

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
json_option = click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the figures there as JSON; - is standard output.",
)
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def make_if_empty(chosen: config.Settings) -> None:
    """Make the tables of a database with nothing in it; one with older tables is left alone."""
    db = Database(chosen.database_url)
    try:
        if migrate.current(db.engine) is None and not sa.inspect(db.engine).get_table_names():
            migrate.upgrade(db.engine)
    finally:
        db.dispose()


def newer(at: str) -> str:
    """What is said of a database that a later queueapp has changed."""
    return (
        f"The database is at {at}, which a newer queueapp made; this one knows up to "
        f"{migrate.revisions()[-1]}. Install the newer one again, or restore a backup of before."
    )


def setup_code(db: Database) -> str | None:
    """A new code for the first-run set-up; None once there is a clinic or a login."""
    with db.write() as session:
        return make_setup_code(session, utc_now())


@contextmanager
def database(chosen: config.Settings) -> Iterator[Database]:
    """The database, which must be migrated; refusals of actions end the command in words."""
    db = Database(chosen.database_url, secret=chosen.secret_key)
    try:
        at, known = migrate.current(db.engine), migrate.revisions()
        if at is not None and at not in known:
            raise click.ClickException(newer(at))
        if at != known[-1]:
            raise click.ClickException(
                "The database is not at the newest schema. Run: python -m queueapp db upgrade"
            )
        yield db
    except Refused as refused:
        raise click.ClickException(refused.message) from refused
    finally:
        db.dispose()


def site_called(session: Session, slug: str) -> Site:
    """The site of that slug; without one the command ends, naming those there are."""
    try:
        return find_site(session, slug)
    except Refused:
        slugs = ", ".join(s.slug for s in session.query(Site).order_by(Site.slug)) or "none"
        raise click.UsageError(f"There is no site “{slug}”. Sites here: {slugs}.") from None


def utc_now() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)


def write_json(json_file: str | None, figures: Callable[[], T] | dict[str, Any]) -> None:
    """Write figures as JSON where asked."""
    if json_file is None:
        return
    text = json.dumps(figures() if callable(figures) else figures, indent=2, ensure_ascii=False)
    if json_file == "-":
        click.echo(text)
    else:
        Path(json_file).write_text(text + "\n", encoding="utf-8")


@contextmanager
def progress() -> "Iterator[Progress]":
    """A progress bar on stderr, silent unless that is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as bar:
        yield bar

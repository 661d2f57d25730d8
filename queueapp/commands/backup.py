"""`backup` and `restore`: the whole database in one file, and back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from queueapp import holding
from queueapp.commands import base
from queueapp.commands.settings import load_settings
from queueapp.db import migrate
from queueapp.db.backup import archive, sqlite, targets
from queueapp.db.backup.archive import BackupError, Manifest, Progress
from queueapp.db.engine import make_engine

_MB = 1_000_000


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@base.json_option
def backup(file: Path, json_file: str | None) -> None:
    """Back up the database to FILE while queueapp runs.

    Whatever was saved before the start is in it. FILE appears when it is whole, and takes the
    place of one of that name. SQLite needs room for an uncompressed copy beside it meanwhile;
    PostgreSQL's own pg_dump must be on this machine.

    FILE holds people's details and the hashes of passwords and links: keep it as well as the
    database. The SECRET_KEY is not in it (without one set, it is the file secret_key of
    QUEUEAPP_VAR): keep that too, apart from the backups. With another key everybody signs in anew,
    and the links of visits and bookings that exist cannot be given out again.
    """
    # At whatever schema: before an upgrade is when one backs up.
    engine = make_engine(load_settings().database_url)
    try:
        with _in_words(), _progress("Backing up") as tell:
            if migrate.current(engine) is None:
                raise BackupError("The database is empty: there is nothing to back up.")
            if engine.dialect.name == "sqlite":
                manifest = sqlite.back_up(engine, file, tell)
            else:
                from queueapp.db.backup import postgresql

                manifest = postgresql.back_up(engine, file, tell)
    finally:
        engine.dispose()
    click.echo(f"Backed up to {file}: {_words(manifest, file)}.", err=True)
    click.echo("Keep SECRET_KEY too, apart from it: it is not in the backup.", err=True)
    base.write_json(json_file, {**asdict(manifest), "file_size": file.stat().st_size})


@click.command("restore")
@click.argument("file", type=base.existing_file)
@click.option("--replace", is_flag=True, help="Though the database holds data, which is then lost.")
@base.json_option
def restore(file: Path, replace: bool, json_file: str | None) -> None:
    """Put the backup FILE in the place of the database; queueapp must not run meanwhile.

    All of it is checked first: until it is right, the database stays as it was. It may be of this
    or an older queueapp. A backup of SQLite also goes onto a new PostgreSQL: so a clinic moves.
    """
    settings = load_settings()
    with _in_words():
        manifest = archive.read_manifest(file)
        archive.check_schema(manifest)
        url = make_url(settings.database_url)
        is_move = url.get_backend_name() != manifest.database
        if is_move and manifest.database != "sqlite":
            raise BackupError(
                "This is a backup of PostgreSQL, and DATABASE_URL names SQLite. From SQLite to "
                "PostgreSQL is possible, not the other way round."
            )
        with _held(settings.database_url), _progress("Restoring") as tell:
            engine = make_engine(settings.database_url)
            try:
                # A move is onto a new one, so there is nothing to replace.
                _check_target(engine, replace and not is_move)
                if is_move:
                    from queueapp.db.backup import moving

                    moving.move(file, manifest, engine, tell)
                elif manifest.database == "sqlite":
                    engine.dispose()
                    sqlite.restore(file, manifest, Path(url.database or ""), tell)
                else:
                    from queueapp.db.backup import postgresql

                    postgresql.restore(file, manifest, engine, tell)
            finally:
                engine.dispose()
    click.echo(f"Restored from {file}: {_words(manifest, file)}.", err=True)
    click.echo(
        f"It is as of {manifest.made_at}. Who was let in since is out, who was shut out since is "
        "in, and who was purged since is back: look at Staff, Screens and Tokens, run purge.",
        err=True,
    )
    base.write_json(json_file, asdict(manifest))


def _check_target(engine: Any, replace: bool) -> None:
    try:
        targets.check_target(engine, replace=replace)
    except DBAPIError as error:
        # A damaged SQLite file is what one restores onto; a PostgreSQL must answer.
        if not replace or engine.dialect.name != "sqlite":
            raise
        click.echo(f"The database as it is cannot be read ({error.orig}); replacing it.", err=True)


@contextmanager
def _held(database_url: str) -> Iterator[None]:
    try:
        held = holding.hold(database_url, "restoring a backup")
    except holding.Held as why:
        raise BackupError(str(why)) from why
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except BackupError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _progress(title: str) -> Iterator[Progress]:
    with base.progress() as bar:
        task = bar.add_task(f"{title} (MB)", total=None)

        def tell(done: int, of: int) -> None:
            bar.update(task, completed=done // _MB, total=of // _MB or None)

        yield tell


def _words(manifest: Manifest, file: Path) -> str:
    rows = sum(manifest.rows.values())
    return f"{rows:,} rows, {file.stat().st_size / _MB:,.1f} MB, schema {manifest.schema}"

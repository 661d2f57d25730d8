"""`work`: the background worker, which `serve` starts beside the web server."""

import json
import os

import click
from sqlalchemy.exc import SQLAlchemyError

from queueapp import holding, worker
from queueapp.commands.base import database as open_database
from queueapp.commands.base import make_if_empty, setup_code
from queueapp.commands.settings import load_settings
from queueapp.config import Settings
from queueapp.db.faults import InDoubt, in_words


@click.command("work")
@click.option("--tell", type=int, hidden=True, help="`serve`'s end of a pipe: first prepare.")
@click.option("--served", is_flag=True, hidden=True, help="`serve` holds the database for it.")
def command(tell: int | None, served: bool) -> None:
    """Run the background worker alone: forecasts, sweep, outbox."""
    settings = load_settings()
    if tell is not None:
        prepared = _prepared(settings)
        with os.fdopen(tell, "w") as pipe:
            json.dump(prepared, pipe)
        if "error" in prepared:
            raise SystemExit(1)
    else:
        if not served:
            try:
                holding.hold(settings.database_url, "a worker alone")
            except holding.Held as why:
                raise click.ClickException(str(why)) from why
        with open_database(settings):
            pass
    worker.run(settings)


def _prepared(settings: Settings) -> dict[str, str | None]:
    """The set-up code of a database that is new, or why it cannot be served from."""
    try:
        make_if_empty(settings)
        with open_database(settings) as database:
            return {"setup_code": setup_code(database)}
    except click.ClickException as error:
        return {"error": error.message}
    except (SQLAlchemyError, InDoubt) as error:
        words = in_words(error)
        if words is None:
            raise
        return {"error": words}

"""`python -m queueapp COMMAND`: what the clinic's own machine is told."""

import importlib
import os
import sys
from typing import Any

import click

from queueapp import config, logs
from queueapp.commands.settings import load_settings
from queueapp.loading import loading

# Loaded when they are asked for: each brings libraries that the others do not need.
_ELSEWHERE = {
    "backtest": "queueapp.commands.backtest:command",
    "backup": "queueapp.commands.backup:backup",
    "bench": "queueapp.commands.bench:group",
    "db": "queueapp.commands.schema:group",
    "demo": "queueapp.commands.demo:command",
    "export": "queueapp.commands.exporting:group",
    "import": "queueapp.commands.importing:group",
    "metrics": "queueapp.commands.metrics:command",
    "purge": "queueapp.commands.purge:command",
    "replay": "queueapp.commands.replay:command",
    "restore": "queueapp.commands.backup:restore",
    "token": "queueapp.commands.logins:token",
    "user": "queueapp.commands.logins:user",
    "work": "queueapp.commands.work:command",
}


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *_ELSEWHERE])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _ELSEWHERE:
            return super().get_command(context, name)
        module, _, attribute = _ELSEWHERE[name].partition(":")
        if module not in sys.modules:
            with loading():
                importlib.import_module(module)
        command: click.Command = getattr(sys.modules[module], attribute)
        return command

    def invoke(self, context: click.Context) -> Any:
        """Run the command; what ails the database is said in words, not as a traceback."""
        try:
            return super().invoke(context)
        except Exception as error:
            # Whoever raises it has loaded this; `serve` itself loads no database.
            faults = sys.modules.get("queueapp.db.faults")
            if words := faults and faults.in_words(error):
                raise click.ClickException(words) from error
            raise


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
    from queueapp import holding, serving

    os.environ |= {"QUEUEAPP_HOST": host, "QUEUEAPP_PORT": str(port)}
    settings = load_settings()
    is_sqlite = settings.database_url.startswith("sqlite")
    if workers > 1 and (is_sqlite or not settings.redis_url):
        raise click.ClickException(
            "Several workers need PostgreSQL and Redis: set DATABASE_URL=postgresql://… and "
            "REDIS_URL=redis://…, or leave --workers at 1."
        )
    try:
        serving.wait_for_port(host, port)
        held = holding.hold(settings.database_url, settings.public_url)
    except (serving.CannotServe, holding.Held) as why:
        raise click.ClickException(str(why)) from why

    def told(code: str | None) -> None:
        click.echo(f"queueapp is at {settings.public_url}/", err=True)
        if code:
            click.echo(f"Set up your clinic there; the set-up code is {code}", err=True)

    try:
        raise SystemExit(serving.serve(host, port, workers, told, held))
    except serving.CannotServe as why:
        raise click.ClickException(str(why)) from why


def main() -> None:
    """The entry point of `python -m queueapp`."""
    group(prog_name="python -m queueapp")

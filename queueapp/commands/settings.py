"""The settings as commands read them; apart from the rest, as `serve` needs no database."""

import click

from queueapp import config


def load_settings() -> config.Settings:
    """The environment's settings; a wrong one ends the command with its message."""
    try:
        return config.load()
    except config.ConfigError as error:
        raise click.ClickException(str(error)) from error

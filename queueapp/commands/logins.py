"""`user` and `token`: logins of staff, and of programs."""

import os

import click

from queueapp.actions import logins
from queueapp.commands.base import database as open_database
from queueapp.commands.base import utc_now
from queueapp.commands.settings import load_settings
from queueapp.domain.actor import Role

_SITE = click.option("--site", help="The site's slug; an admin's has none.")
_ROLE = click.option("--role", required=True, type=click.Choice([r.value for r in Role]))


@click.group()
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
@_ROLE
@_SITE
def user_add(email: str, name: str, role: str, site: str | None) -> None:
    """Add a login; the password is asked for (or taken from QUEUEAPP_PASSWORD)."""
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
    with open_database(load_settings()) as database, database.write() as session:
        logins.disable_staff(session, utc_now(), email)
    click.echo(f"{email} cannot sign in any more.")


@user.command("password")
@click.argument("email")
def user_password(email: str) -> None:
    """Set a new password; whoever was signed in is signed out."""
    with open_database(load_settings()) as database:
        hashed = logins.hash_password(_new_password())
        with database.write() as session:
            logins.set_password(session, email, hashed)
    click.echo(f"{email} has a new password.")


@click.group()
def token() -> None:
    """API tokens of programs."""


@token.command("add")
@_ROLE
@_SITE
@click.option("--name", default="", help="What it is for.")
def token_add(role: str, site: str | None, name: str) -> None:
    """Make a bearer token; it is printed once, alone on standard output."""
    with open_database(load_settings()) as database, database.write() as session:
        made = logins.issue_token(session, utc_now(), role=Role(role), site=site, name=name)
    click.echo(made)

"""`import`: a clinic's history and its booked times, from CSV."""

from collections.abc import Iterable
from pathlib import Path

import click

from queueapp.commands import base
from queueapp.commands.history import write_history
from queueapp.commands.import_bookings import book_rows
from queueapp.commands.settings import load_settings
from queueapp.domain.actor import SYSTEM
from queueapp.integrations.appointment_list import read_appointments
from queueapp.integrations.visit_log import BadRow, LogError, read_log, write_rejected

_SHOWN = 20

file_argument = click.argument("file", type=base.existing_file)
site_option = click.option("--site", required=True, help="The site's slug.")
zone_option = click.option(
    "--timezone", help="Whose wall clock times without an offset are; the site's unless given."
)
strict_option = click.option("--strict", is_flag=True, help="Stop at the first bad row.")


@click.group("import")
def group() -> None:
    """Take in a visit log or a list of appointments."""


@group.command("log")
@file_argument
@site_option
@zone_option
@strict_option
@base.json_option
def log(file: Path, site: str, timezone: str | None, strict: bool, json_file: str | None) -> None:
    """Finished visits from a visit log; what was taken before is left out.

    Services, clinicians, rooms and reasons that the site does not know are added. Without
    --strict good rows are taken and bad ones written to FILE.rejected.csv; with it, nothing is
    taken unless every row is good.
    """
    now = base.utc_now()
    with base.database(load_settings()) as db:
        with db.read() as session:
            zone = timezone or base.site_called(session, site).timezone
        try:
            found = read_log(file, zone, strict=strict)
        except LogError as error:
            raise click.ClickException(str(error)) from error
        if found.unknown_columns:
            _say(f"Columns not known and left out: {', '.join(found.unknown_columns)}.")
        late = [row for row in found.rows if row.ended_at and row.ended_at > now]
        if late:
            raise click.ClickException(f"{late[0].entry_id} ends in the future; nothing was taken.")
        _report(file, found.header, found.bad, strict)
        with base.progress() as bar, db.write() as session:
            task = bar.add_task("Importing", total=len(found.rows))
            row = base.site_called(session, site)
            written = write_history(
                session,
                SYSTEM,
                now,
                site=row,
                rows=found.rows,
                advance=lambda n: bar.advance(task, n),
            )
    figures = {
        "read": len(found.rows) + len(found.bad),
        "entries": written.entries,
        "bookings": written.bookings,
        "already_there": written.already_there,
        "rejected": len(found.bad),
        "added": list(written.added),
    }
    _say(
        f"{written.entries} entries and {written.bookings} bookings taken, "
        f"{written.already_there} were there already, {len(found.bad)} rejected."
    )
    if written.added:
        _say(f"Added to the site: {', '.join(written.added)}.")
    base.write_json(json_file, figures)


@group.command("appointments")
@file_argument
@site_option
@zone_option
@strict_option
@base.json_option
def appointments(
    file: Path, site: str, timezone: str | None, strict: bool, json_file: str | None
) -> None:
    """Booked times from CSV: service,clinician,starts_at,ends_at,name,birth_date,phone,code.

    `service`, `starts_at` and `name` are needed; without a clinician it is a place in the
    service's pool. A time that is taken, or a code that is in use, is a bad row.
    """
    now = base.utc_now()
    with base.database(load_settings()) as db:
        with db.read() as session:
            zone = timezone or base.site_called(session, site).timezone
        try:
            found = read_appointments(file, zone, strict=strict)
        except LogError as error:
            raise click.ClickException(str(error)) from error
        if found.unknown_columns:
            _say(f"Columns not known and left out: {', '.join(found.unknown_columns)}.")
        if strict:
            _report(file, found.header, found.bad, strict)
        with db.write() as session:
            taken, there, refused = book_rows(session, now, base.site_called(session, site), found)
            bad = sorted([*found.bad, *refused], key=lambda b: b.line)
            # Raised inside the transaction, so that nothing of a strict import is kept.
            _report(file, found.header, bad, strict)
    _say(f"{taken} appointments booked, {there} were there already, {len(bad)} rejected.")
    base.write_json(json_file, {"booked": taken, "already_there": there, "rejected": len(bad)})


def _report(file: Path, header: Iterable[str], bad: Iterable[BadRow], strict: bool) -> None:
    bad = list(bad)
    for row in bad[:_SHOWN]:
        _say(f"{file.name}, {row}")
    if len(bad) > _SHOWN:
        _say(f"… and {len(bad) - _SHOWN} more.")
    if not bad:
        return
    if strict:
        raise click.ClickException("Nothing was taken (--strict).")
    _say(f"Bad rows are in {write_rejected(file, list(header), bad)}.")


def _say(words: str) -> None:
    click.echo(words, err=True)

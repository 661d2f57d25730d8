"""`backtest`: how good the quoted wait would have been on a log, beside the published baselines."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from queueapp.commands import base
from queueapp.domain.localtime import parse_zone
from queueapp.domain.passages import Passage
from queueapp.domain.refusal import Refused
from queueapp.domain.rules import SiteRules
from queueapp.integrations.visit_log import LogError, LogRow, read_log
from queueapp.waits.backtest import NothingToScoreError, backtest, figures

_SHOWN = 5
_WIDE = 100
_NO_TIME = timedelta(seconds=1)
_LISTS = ("--train", "--test")


class _WithLists(click.Command):
    """Lets one option be followed by several files."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        listing, has_file = "", False
        for one in args:
            if one.startswith("-"):
                listing, has_file = (one if one in _LISTS else ""), False
            elif listing and has_file:
                spread.append(listing)
            elif listing:
                has_file = True
            spread.append(one)
        return super().parse_args(ctx, spread)


def _credits(
    ctx: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> dict[str, float]:
    found = {}
    for value in values:
        label, _, seconds = value.partition("=")
        if not label or not seconds.isdecimal():
            raise click.BadParameter(f"“{value}”: give a class and seconds, as in priority=90.")
        found[label] = float(seconds)
    return found


@click.command("backtest", cls=_WithLists)
@click.option("--train", "train_files", multiple=True, required=True, type=base.existing_file,
              metavar="FILE…", help="Visit logs to learn from.")  # fmt: skip
@click.option("--test", "test_files", multiple=True, required=True, type=base.existing_file,
              metavar="FILE…", help="Visit logs whose waits are told and scored.")  # fmt: skip
@click.option("--class-credit", multiple=True, callback=_credits, metavar="CLASS=SECONDS",
              help="A class whose target is that much shorter.")  # fmt: skip
@click.option("--limit-days", type=click.IntRange(1), help="Only the first days of the test.")
@click.option("--timezone", default="UTC", show_default=True,
              help="Whose wall clock times without an offset are.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@base.json_option
def command(
    train_files: tuple[Path, ...],
    test_files: tuple[Path, ...],
    class_credit: dict[str, float],
    limit_days: int | None,
    timezone: str,
    seed: int,
    json_file: str | None,
) -> None:
    """Accuracy of the quoted wait on visit logs, beside the published baselines.

    Every wait is told at its arrival from what was known then; what is learned is renewed after
    each test day.
    """
    try:
        zone = parse_zone(timezone)
    except Refused as refused:
        raise click.UsageError(refused.message) from refused
    names: dict[str, int] = {}
    train = passages_of(_read(train_files, timezone), class_credit, names)
    test = passages_of(_read(test_files, timezone), class_credit, names, first=len(train))
    try:
        found = _told(train, test, zone, seed, limit_days)
    except NothingToScoreError as error:
        raise click.ClickException(str(error)) from error
    if json_file != "-":
        _show(found)
    base.write_json(json_file, found)


def passages_of(
    rows: Iterable[LogRow], credits: Mapping[str, float], names: dict[str, int], *, first: int = 0
) -> list[Passage]:
    """Rows as passages, numbered from `first` in their order, without those that never arrived.

    `names` numbers services and clinicians and is added to. The due time is the log's own; else
    the wait allowed starts at the arrival, or at the time booked where the patient was there by
    then.
    """
    came = [row for row in rows if row.arrived_at is not None]
    # Neither names nor ends: the calls are one clinician's, each of which ends the one before.
    is_alone = not any(row.finished_at or row.clinician for row in came)
    found = []
    for number, row in enumerate(came, first):
        called = row.called_at or row.started_at
        # When they went is not known: they stand in nobody's way and teach nothing.
        left = row.left_at or row.at + _NO_TIME
        due = row.due_by or _reference(row) + (row.target or timedelta(0))
        found.append(
            Passage(
                number=number,
                service=names.setdefault(f"service {row.service}", len(names)),
                entry_class=row.entry_class,
                arrived=row.at.timestamp(),
                due=due.timestamp() - credits.get(row.entry_class, 0.0),
                called=called.timestamp() if called else None,
                ended=_seconds(row.finished_at or row.left_at) if called else None,
                left=None if called else _seconds(left),
                clinician=(
                    names.setdefault(f"clinician {row.clinician}", len(names))
                    if row.clinician or is_alone
                    else None
                ),
                served=row.outcome in ("finished", "transferred"),
            )
        )
    return found


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def _reference(row: LogRow) -> datetime:
    if row.scheduled_at is None or row.at > row.scheduled_at + SiteRules().grace:
        return row.at
    return row.scheduled_at


def _read(files: Iterable[Path], timezone: str) -> list[LogRow]:
    rows: list[LogRow] = []
    for file in files:
        try:
            found = read_log(file, timezone)
        except LogError as error:
            raise click.ClickException(str(error)) from error
        if found.unknown_columns:
            click.echo(f"{file.name}: columns not known and left out: "
                       f"{', '.join(found.unknown_columns)}.", err=True)  # fmt: skip
        for bad in found.bad[:_SHOWN]:
            click.echo(f"{file.name}, {bad}", err=True)
        if len(found.bad) > _SHOWN:
            click.echo(f"… and {len(found.bad) - _SHOWN} more rows left out.", err=True)
        rows += found.rows
    return rows


def _told(
    train: list[Passage], test: list[Passage], zone: ZoneInfo, seed: int, limit_days: int | None
) -> dict[str, object]:
    with base.progress() as bar:
        replayed, days = bar.add_task("Playing the log", total=None), bar.add_task("Test days")
        return figures(
            backtest(
                train,
                test,
                zone,
                seed=seed,
                limit_days=limit_days,
                on_replay=lambda done, total: bar.update(replayed, completed=done, total=total),
                on_day=lambda done, total: bar.update(days, completed=done, total=total),
            )
        )


def _show(found: dict[str, object]) -> None:
    for title in ("methods", "ahead_3_plus"):
        methods = found.get(title)
        if not isinstance(methods, dict):
            continue
        count = found["n" if title == "methods" else "n_ahead_3_plus"]
        table = Table(box=None, title=f"{title.replace('_', ' ')}: {count} waits")
        table.add_column("", no_wrap=True)
        for name in next(iter(methods.values())):
            table.add_column(name, justify="right")
        for method, values in methods.items():
            table.add_row(method, *(f"{v:.2f}" for v in values.values()))
        Console(width=_WIDE).print(table)

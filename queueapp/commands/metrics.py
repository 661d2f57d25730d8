"""`metrics`: the figures of a range on the command line, the API's own."""

from datetime import datetime

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from queueapp.commands import base
from queueapp.commands.settings import load_settings
from queueapp.db.models import Service, Site
from queueapp.db.queries.figures import load_metrics
from queueapp.domain.localtime import local_to_utc
from queueapp.domain.spans import Span
from queueapp.web.api.metrics import MetricsOut

_EDGE = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command("metrics")
@click.option("--site", required=True, help="The site's slug.")
@click.option("--from", "since", required=True, type=_EDGE,
              help="First moment on the site's clock: YYYY-MM-DD or YYYY-MM-DDTHH:MM.")  # fmt: skip
@click.option("--to", "until", required=True, type=_EDGE,
              help="The first moment after the range; a date is its midnight.")  # fmt: skip
@click.option("--service", help="One service, by slug.")
@click.option("--class", "entry_class", help="One class: booked, walk_in, urgent …")
@base.json_option
def command(
    site: str,
    since: datetime,
    until: datetime,
    service: str | None,
    entry_class: str | None,
    json_file: str | None,
) -> None:
    """Waits and targets of the entries that arrived from --from up to --to."""
    if until <= since:
        raise click.UsageError("--to is not included and must be later than --from.")
    with base.database(load_settings()) as db, db.read() as session:
        row = base.site_called(session, site)
        chosen = _service(session, row, service) if service else None
        span = Span(*(local_to_utc(row.timezone, e.date(), e.time()) for e in (since, until)))
        found = MetricsOut.of(
            load_metrics(session, row, span, service=chosen, entry_class=entry_class)
        )
    figures = found.model_dump()
    if json_file != "-":
        _show(figures)
    base.write_json(json_file, figures)


def _service(session: Session, site: Site, slug: str) -> Service:
    services = session.query(Service).filter_by(site_id=site.id).order_by(Service.position).all()
    for one in services:
        if one.slug == slug:
            return one
    slugs = ", ".join(s.slug for s in services) or "none"
    raise click.UsageError(f"There is no service “{slug}”. Services here: {slugs}.")


def _show(figures: dict[str, float | int | None]) -> None:
    table = Table(box=None, show_header=False)
    for name, value in figures.items():
        table.add_row(name, "–" if value is None else f"{value:.4g}" if "share" in name else
                      f"{value:.1f}" if name.endswith("_s") else str(value))  # fmt: skip
    Console().print(table)

"""`purge`: forget what was kept long enough."""

from collections import Counter
from contextlib import closing
from datetime import datetime

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import purging
from queueapp.actions.purging import Kind
from queueapp.commands import base
from queueapp.commands.settings import load_settings
from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM
from queueapp.web import idempotency

AT_ONCE = 500


@click.command("purge")
@click.option("--dry-run", is_flag=True, help="Count what is due, and change nothing.")
@base.json_option
def command(dry_run: bool, json_file: str | None) -> None:
    """Forget people and their words, messages, and old records, once they were kept long enough.

    For how long, each clinic says under Admin, Settings, Forgetting; 0 is never. What happened
    stays in the record and the figures, of nobody. Run it by a timer, each night; backups made
    before still hold what is gone, so let them expire too.
    """
    now = base.utc_now()
    with base.database(load_settings()) as db:
        with db.read() as session:
            sites = session.execute(sa.select(Site.id, Site.slug).order_by(Site.id)).all()
        figures: dict[str, dict[str, int]] = {}
        with base.progress() as bar:
            task = bar.add_task("Purging", total=len(sites) + 1)
            for site_id, slug in sites:
                figures[slug] = _purge_site(db, now, site_id, dry_run)
                bar.advance(task)
            figures["all"] = _purge_rest(db, now, dry_run)
            bar.advance(task)
        if db.is_sqlite and not dry_run:
            # What is overwritten in the file still stands in its log.
            with closing(db.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    verb = "would be forgotten" if dry_run else "forgotten"
    for slug, gone in figures.items():
        words = ", ".join(f"{n:,} {name}" for name, n in gone.items() if n)
        click.echo(f"{slug}: {words or 'nothing'} {verb}.", err=True)
    base.write_json(json_file, {"dry_run": dry_run, "purged": figures})


def _purge_site(db: Database, now: datetime, site_id: int, dry_run: bool) -> dict[str, int]:
    with db.read() as session:
        kinds = list(purging.kinds_of(session, now, session.get_one(Site, site_id)))
    gone: Counter[str] = Counter()
    for kind in kinds:
        if dry_run:
            with db.read() as session:
                gone[kind.name] = purging.count(session, kind)
            continue
        gone[kind.name] += _purge_kind(db, now, kind, site_id)
    return dict(gone)


def _purge_rest(db: Database, now: datetime, dry_run: bool) -> dict[str, int]:
    gone: Counter[str] = Counter()
    for kind in purging.kinds_of_all(now):
        if dry_run:
            with db.read() as session:
                gone[kind.name] = purging.count(session, kind)
        else:
            gone[kind.name] = _purge_kind(db, now, kind, None)
    if not dry_run:
        with db.write() as session:
            gone["answers to repeated requests"] = idempotency.sweep(session, now)
    return dict(gone)


def _purge_kind(db: Database, now: datetime, kind: Kind, site_id: int | None) -> int:
    gone, last = 0, 0
    while True:
        with db.write() as session:
            ids = purging.purge_some(session, kind, after=last, most=AT_ONCE)
            if ids and site_id is not None:
                _note(session, now, site_id, kind, len(ids))
        if not ids:
            return gone
        gone, last = gone + len(ids), ids[-1]


def _note(session: Session, now: datetime, site_id: int, kind: Kind, gone: int) -> None:
    purging.note_purged(session, SYSTEM, now, site_id=site_id, name=kind.name, gone=gone)

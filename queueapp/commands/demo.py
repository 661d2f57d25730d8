"""`demo`: a clinic to look at, to measure against, or as a log needs it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.tickets import token_hash
from queueapp.commands import base, demo_clinic
from queueapp.commands.demo_history import days_log, resolution_of
from queueapp.commands.demo_log import LOG_CLINIC, furnish_from_log, read_for_demo
from queueapp.commands.demo_today import everyone_on_shift, mark_missed, stage_today
from queueapp.commands.history import history_is_there, write_history
from queueapp.commands.settings import load_settings
from queueapp.db.models import Device, Room, Site, Visit
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM, Actor, ActorKind, Role
from queueapp.domain.localtime import ONE_DAY

_ON_SHIFT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Way:
    """How one person gets in: an address, and a login where one is needed."""

    person: str
    address: str
    login: str = ""
    password: str = ""


@click.command("demo")
@click.option("--days", type=click.IntRange(0, 366), default=28, help="Days of history.")
@click.option("--empty", is_flag=True, help="No history, bookings or people; never closed.")
@click.option("--from-log", type=base.existing_file, help="What this visit log needs, instead.")
@base.json_option
def command(days: int, empty: bool, from_log: Path | None, json_file: str | None) -> None:
    """A demo clinic, site `demo`: safe to repeat, alive at any hour.

    Its usual hours are 08:00 to 20:00. Looked at outside them it stands open day and night for
    that day, so that there are always people in it. It prints how each person gets in.
    """
    if empty and from_log:
        raise click.UsageError("Choose one of --empty and --from-log.")
    settings = load_settings()
    with base.database(settings) as db:
        now = base.utc_now()
        if from_log:
            log = read_for_demo(from_log)
            links = _bare(db, now, LOG_CLINIC, lambda s, site: furnish_from_log(s, site, log))
        elif empty:
            links = _bare(db, now, f"{demo_clinic.NAME} (empty)", demo_clinic.furnish)
        else:
            links = _lively(db, now, days)
    ways = ways_in(settings.public_url, links)
    if json_file != "-":
        click.echo(f"The demo clinic is ready. On this machine its addresses are:\n{table(ways)}")
    base.write_json(json_file, {"site": demo_clinic.SLUG, "ways": [asdict(w) for w in ways]})


def _bare(
    db: Database, now: datetime, name: str, furnish: Callable[[Session, Site], None]
) -> demo_clinic.Links:
    with db.write() as session:
        used = _has_had_people(session)
        site = demo_clinic.demo_site(session, name=name, fresh=True, used=used)
        demo_clinic.add_office(session, site)
        furnish(session, site)
        demo_clinic.open_round_the_clock(session, site)
        demo_clinic.keep_day_whole(session, site, now)
        everyone_on_shift(session, site, now, now + _ON_SHIFT)
        return _screens(session, site, now)


def _lively(db: Database, now: datetime, days: int) -> demo_clinic.Links:
    with db.write() as session:
        site = demo_clinic.demo_site(session, name=demo_clinic.NAME, fresh=False)
        demo_clinic.add_office(session, site)
        demo_clinic.furnish(session, site)
        demo_clinic.open_weekly(session, site)
        demo_clinic.stay_open_around(session, site, now)
        demo_clinic.keep_day_whole(session, site, now, from_hour=2)
        links = _screens(session, site, now)
        today = site.day_at(now)
        past = [today - n * ONE_DAY for n in range(days, 0, -1)]
        rows = days_log(site.timezone, past)
        if not history_is_there(session, site, rows):
            write_history(
                session,
                SYSTEM,
                now,
                site=site,
                rows=rows,
                live_record=True,
                resolution=resolution_of,
            )
        site_id = site.id
        kiosk_id = session.scalars(
            sa.select(Device.id).where(Device.token_hash == token_hash(links.kiosk))
        ).one()
    kiosk = Actor(ActorKind.DEVICE, kiosk_id, "Kiosk at the door")
    if stage_today(db, site_id, now, kiosk):
        with db.write() as session:
            mark_missed(session, site_id, now)
    return links


def _has_had_people(session: Session) -> bool:
    site = sa.select(Site.id).where(Site.slug == demo_clinic.SLUG).scalar_subquery()
    return session.scalar(sa.select(Visit.id).where(Visit.site_id == site).limit(1)) is not None


def _screens(session: Session, site: Site, now: datetime) -> demo_clinic.Links:
    rooms: list[Room] = [r for r in session.scalars(demo_clinic.rooms_of(site)) if not r.retired]
    return demo_clinic.pair_screens(session, site, now, rooms)


def ways_in(public_url: str, links: demo_clinic.Links) -> list[Way]:
    """One way per person and screen."""
    slug, password = demo_clinic.SLUG, demo_clinic.PASSWORD
    office = {role: email for _, email, role in demo_clinic.OFFICE}
    sign_in = f"{public_url}/sign-in"
    found = [
        Way("Kiosk", f"{public_url}/device/{links.kiosk}"),
        Way("Phone", f"{public_url}/phone/{slug}"),
        Way("Desk", f"{public_url}/desk/{slug}", office[Role.RECEPTIONIST], password),
    ]
    found += [Way(name, f"{public_url}/device/{token}") for name, token in links.rooms]
    found += [Way(name, sign_in, email, password) for name, email in links.clinicians]
    found += [
        Way("Lobby", f"{public_url}/device/{links.lobby}"),
        Way("Board", f"{public_url}/board/{slug}", office[Role.MANAGER], password),
        Way("Admin", f"{public_url}/admin/{slug}", office[Role.ADMIN], password),
    ]
    return found


def table(ways: list[Way]) -> str:
    """The ways in as lines of text."""
    width = max(len(w.person) for w in ways)
    lines = []
    for way in ways:
        login = f"  as {way.login}, password {way.password}" if way.login else ""
        lines.append(f"  {way.person:<{width}}  {way.address}{login}")
    return "\n".join(lines)

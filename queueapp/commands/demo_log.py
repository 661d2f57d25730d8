"""A site as a visit log needs it: its services, classes, clinicians with their skills, rooms."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.commands import demo_clinic
from queueapp.commands.history_names import clinicians_of, slug_of
from queueapp.db.models import Clinician, ClinicianService, Room, Service, Site
from queueapp.domain.visit import EntryClass
from queueapp.integrations.visit_log import LogError, LogRow, read_log

LOG_CLINIC = "Clinic of a log"
_REGULAR = timedelta(minutes=5)
_SOONER = {"priority": timedelta(seconds=90), "urgent": timedelta(seconds=180)}
# Only check-in and onward legs set these classes; a ticket stands for them under another label.
_TICKET_LABELS = {EntryClass.BOOKED.value: "appointment", EntryClass.ONWARD.value: "next_leg"}


def read_for_demo(path: Path) -> list[LogRow]:
    """The good rows of a log; it ends the command when there is none."""
    try:
        log = read_log(path, demo_clinic.ZONE)
    except LogError as error:
        raise click.ClickException(str(error)) from error
    if not log.rows:
        raise click.ClickException(f"{path} holds no row that can be used.")
    return list(log.rows)


def ticket_class(entry_class: str) -> str:
    """The label under which a log's entry takes a ticket."""
    return _TICKET_LABELS.get(entry_class, entry_class)


def skills_seen(rows: Iterable[LogRow]) -> dict[str, set[str]]:
    """Services by clinician: whatever each served at least once."""
    skills: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.clinician and row.started_at:
            skills[row.clinician].add(row.service)
    return skills


def furnish_from_log(session: Session, site: Site, rows: list[LogRow]) -> None:
    """Services with a target per class, clinicians with the skills seen, one room each."""
    services = {}
    classes = sorted({ticket_class(row.entry_class) for row in rows})
    for n, name in enumerate(sorted({row.service for row in rows})):
        services[name] = demo_clinic.one(session, Service, site_id=site.id, slug=slug_of(name))(
            name=name, position=n, planned=timedelta(minutes=5)
        )
        targets = {c: _REGULAR - _SOONER.get(c, timedelta(0)) for c in classes}
        demo_clinic.set_targets(session, services[name], targets)
    known = {c.name: c for c in clinicians_of(session, site.id)}
    for n, (name, given) in enumerate(sorted(skills_seen(rows).items()), start=1):
        demo_clinic.one(session, Room, site_id=site.id, name=f"Room {n}")(position=n)
        clinician = known.get(name)
        if clinician is None:
            clinician = Clinician(name=name)
            session.add(clinician)
            session.flush()
        has = set(
            session.scalars(
                sa.select(ClinicianService.service_id).where(
                    ClinicianService.clinician_id == clinician.id
                )
            )
        )
        session.add_all(
            ClinicianService(clinician_id=clinician.id, service_id=services[s].id)
            for s in sorted(given)
            if services[s].id not in has
        )
    session.flush()

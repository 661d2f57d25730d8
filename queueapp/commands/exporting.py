"""`export`: a site's history as a visit log."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.commands import base
from queueapp.commands.settings import load_settings
from queueapp.db.models import (
    Appointment,
    Call,
    Clinician,
    Promise,
    QueueEntry,
    Reason,
    Room,
    Service,
    Site,
    Visit,
)
from queueapp.db.queries.wait_rows import counted
from queueapp.domain.localtime import ONE_DAY, local_to_utc
from queueapp.domain.visit import OPEN_STATES, AppointmentState, CallOutcome, EntryState
from queueapp.integrations.visit_log import LogRow, write_log

_DAY = click.DateTime(["%Y-%m-%d"])
_DONE = (EntryState.FINISHED, EntryState.TRANSFERRED)


@click.group("export")
def group() -> None:
    """Give out a visit log."""


@group.command("log")
@click.option("--site", required=True, help="The site's slug.")
@click.option("--from", "since", required=True, type=_DAY, help="First day, YYYY-MM-DD.")
@click.option("--to", "until", required=True, type=_DAY, help="Last day, included.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@base.json_option
def log(site: str, since: datetime, until: datetime, file: Path, json_file: str | None) -> None:
    """Entries that arrived on those days (and bookings of them that never came), oldest first.

    Days are those of the site's calendar. FILE is gzipped when its name ends in .gz. Who is still
    waiting or being seen is left out, and said.
    """
    if until < since:
        raise click.UsageError("--to must not be before --from.")
    with base.database(load_settings()) as db, db.read() as session:
        row = base.site_called(session, site)
        rows = log_rows(session, row, since.date(), until.date())
        count = write_log(file, rows, row.timezone)
        open_still = _still_open(session, row, since.date(), until.date())
    click.echo(f"{count} rows written to {file}.", err=True)
    if open_still:
        click.echo(f"{open_still} entries have not ended yet and are left out.", err=True)
    base.write_json(json_file, {"rows": count, "still_open": open_still})


def log_rows(session: Session, site: Site, first: date, last: date) -> list[LogRow]:
    """The rows of those local days, both included, by time, then number."""
    since, until = _span(site, first, last)
    rows = [*_entries(session, site, since, until), *_missed(session, site, since, until)]
    return [row for _, row in sorted(rows, key=lambda pair: (pair[1].at, pair[0]))]


def _span(site: Site, first: date, last: date) -> tuple[datetime, datetime]:
    midnight = datetime.min.time()
    return (
        local_to_utc(site.timezone, first, midnight),
        local_to_utc(site.timezone, last + ONE_DAY, midnight),
    )


def _entries(
    session: Session, site: Site, since: datetime, until: datetime
) -> Iterator[tuple[int, LogRow]]:
    # As the figures count it: a call that was withdrawn counts nowhere.
    first_call = (
        sa.select(sa.func.min(Call.called_at))
        .where(
            Call.entry_id == QueueEntry.id,
            sa.or_(Call.outcome.is_(None), Call.outcome != CallOutcome.WITHDRAWN),
        )
        .correlate(QueueEntry)
        .scalar_subquery()
    )
    query = (
        sa.select(QueueEntry, Visit, Service.name, Reason.words, Clinician.name, Room.name)
        .add_columns(Promise.low_at, Promise.high_at, first_call)
        .join(Visit, Visit.id == QueueEntry.visit_id)
        .join(Service, Service.id == QueueEntry.service_id)
        .outerjoin(Reason, Reason.id == QueueEntry.reason_id)
        .outerjoin(Clinician, Clinician.id == QueueEntry.clinician_id)
        .outerjoin(Room, Room.id == QueueEntry.room_id)
        .outerjoin(Promise, sa.and_(Promise.entry_id == QueueEntry.id, Promise.number == 1))
        .where(
            QueueEntry.site_id == site.id,
            QueueEntry.arrived_at >= since,
            QueueEntry.arrived_at < until,
            QueueEntry.state.not_in(OPEN_STATES),
            counted(),
        )
    )
    for entry, visit, service, reason, clinician, room, low, high, called in session.execute(query):
        ended = None if entry.end_unknown else entry.ended_at
        done = entry.state in _DONE
        yield (
            entry.id,
            LogRow(
                entry_id=str(entry.id),
                service=service,
                entry_class=entry.entry_class,
                outcome=entry.state.value,
                scheduled_at=entry.scheduled_at,
                arrived_at=entry.arrived_at,
                called_at=called or entry.called_at,
                started_at=entry.started_at,
                finished_at=ended if done else None,
                left_at=None if done else ended,
                clinician=clinician or "",
                visit_id=visit.key,
                ticket=visit.ticket,
                room=room or "",
                reason=reason or "",
                target=entry.target,
                promised_from=low,
                promised_to=high,
                stepped_out=entry.stepped_out or timedelta(0),
                due_by=entry.due_by,
            ),
        )


def _missed(
    session: Session, site: Site, since: datetime, until: datetime
) -> Iterator[tuple[int, LogRow]]:
    query = (
        sa.select(Appointment, Service.name, Reason.words, Clinician.name)
        .join(Service, Service.id == Appointment.service_id)
        .outerjoin(Reason, Reason.id == Appointment.reason_id)
        .outerjoin(Clinician, Clinician.id == Appointment.clinician_id)
        .where(
            Appointment.site_id == site.id,
            Appointment.state.in_((AppointmentState.NO_SHOW, AppointmentState.CANCELLED)),
            Appointment.visit_id.is_(None),
            # A hold that ran out was nobody's booking.
            sa.or_(Appointment.patient_id.is_not(None), Appointment.held_until.is_(None)),
            Appointment.starts_at >= since,
            Appointment.starts_at < until,
        )
    )
    for booking, service, reason, clinician in session.execute(query):
        yield (
            booking.id,
            LogRow(
                entry_id=f"a{booking.id}",
                service=service,
                entry_class="booked",
                outcome=booking.state.value,
                scheduled_at=booking.starts_at,
                clinician=clinician or "",
                reason=reason or "",
            ),
        )


def _still_open(session: Session, site: Site, first: date, last: date) -> int:
    since, until = _span(site, first, last)
    return (
        session.scalar(
            sa.select(sa.func.count()).where(
                QueueEntry.site_id == site.id,
                QueueEntry.arrived_at >= since,
                QueueEntry.arrived_at < until,
                QueueEntry.state.in_(OPEN_STATES),
            )
        )
        or 0
    )

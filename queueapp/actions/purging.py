"""What is forgotten once it was kept long enough; the record of what happened stays, of nobody.

A few rows at a time, each few in a transaction of their own, as a clinic goes on meanwhile.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_record import record_change
from queueapp.actions.purging_people import NOBODY, due_people
from queueapp.db.models import (
    AdminChange,
    Appointment,
    BookingLink,
    DeskItem,
    DraftBooking,
    Feedback,
    Look,
    Note,
    OutboxMessage,
    Pairing,
    Patient,
    PatientChange,
    QueueEntry,
    SignIn,
    Site,
    StaffLink,
    VainLookup,
    Visit,
)
from queueapp.domain.actor import Actor

SUBJECT = "kept"
# What nobody has use for once it is over, at whichever clinic.
_TECHNICAL = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one kind that are due: `which` finds them; `becomes` is what is left of each."""

    name: str
    table: Any
    which: sa.ColumnElement[bool]
    becomes: Mapping[str, Any] | None = None


def kinds_of(session: Session, now: datetime, site: Site) -> Iterator[Kind]:
    """What is due at one clinic, by its own figures; 0 keeps for good."""
    rules = site.rules
    if rules.keep_people:
        yield from _of_people(session, now, site, now - rules.keep_people)
    if rules.keep_messages:
        before = now - rules.keep_messages
        here = OutboxMessage.site_id == site.id
        yield Kind("messages", OutboxMessage, here & (OutboxMessage.created_at < before))
        drafts = (DraftBooking.site_id == site.id) & (DraftBooking.parked_at < before)
        yield Kind("bookings half typed", DraftBooking, drafts)
    if rules.keep_record:
        before = now - rules.keep_record
        looks = (Look.site_id == site.id) & (Look.looked_at < before)
        yield Kind("looks at details", Look, looks)
        changes = (AdminChange.site_id == site.id) & (AdminChange.changed_at < before)
        yield Kind("changes of the clinic", AdminChange, changes)
    codes = (Pairing.site_id == site.id) & (Pairing.expires_at < now - _TECHNICAL)
    yield Kind("pairing codes", Pairing, codes)


def kinds_of_all(now: datetime) -> Iterator[Kind]:
    """What is due and belongs to no clinic."""
    before = now - _TECHNICAL
    yield Kind("links for passwords", StaffLink, StaffLink.expires_at < before)
    yield Kind("sign-ins", SignIn, SignIn.started_at < before)
    yield Kind("look-ups in vain", VainLookup, VainLookup.tried_at < before)


def _of_people(session: Session, now: datetime, site: Site, before: datetime) -> Iterator[Kind]:
    over = sa.select(Visit.id).where(Visit.site_id == site.id, Visit.departed_at < before)
    booked = sa.select(Appointment.id).where(
        Appointment.site_id == site.id, Appointment.ends_at < before
    )
    yield Kind("notes", Note, Note.visit_id.in_(over))
    yield Kind(
        "notes of waits",
        QueueEntry,
        (QueueEntry.site_id == site.id) & (QueueEntry.note != "") & QueueEntry.visit_id.in_(over),
        {"note": ""},
    )
    told = sa.or_(Feedback.wording != "", Feedback.thanks != "", Feedback.reach != "")
    yield Kind(
        "words of feedback",
        Feedback,
        (Feedback.site_id == site.id) & (Feedback.told_at < before) & told,
        {"wording": "", "thanks": "", "reach": ""},
    )
    yield Kind(
        "details of desk items",
        DeskItem,
        (DeskItem.site_id == site.id)
        & (DeskItem.closed_at < before)
        & (sa.cast(DeskItem.details, sa.String) != "{}"),
        {"details": {}},
    )
    links = BookingLink.appointment_id.in_(booked)
    yield Kind("links of bookings", BookingLink, (BookingLink.site_id == site.id) & links)
    people = due_people(session, now, site)
    changed = PatientChange.patient_id.in_(sa.select(Patient.id).where(people))
    yield Kind("former details", PatientChange, changed)
    yield Kind("people", Patient, people, {**NOBODY, "purged_at": now})


def count(session: Session, kind: Kind) -> int:
    """How many rows are due."""
    return session.scalar(sa.select(sa.func.count()).select_from(kind.table).where(kind.which)) or 0


def purge_some(session: Session, kind: Kind, *, after: int, most: int) -> Sequence[int]:
    """Forget at most so many rows of the kind with ids beyond `after`; their ids, in order."""
    if session.get_bind().dialect.name == "sqlite":
        # Else the words would stay in the file until something is written over them.
        session.connection().exec_driver_sql("PRAGMA secure_delete=ON")
    which = sa.select(kind.table.id).where(kind.which, kind.table.id > after)
    ids = session.scalars(which.order_by(kind.table.id).limit(most)).all()
    if ids:
        these = kind.table.id.in_(ids)
        change: sa.Update | sa.Delete = sa.delete(kind.table)
        if kind.becomes is not None:
            change = sa.update(kind.table).values(kind.becomes)
        # Looked at again: who was due may have come back since.
        change = change.where(these, kind.which)
        session.execute(change.execution_options(synchronize_session=False))
    return ids


def note_purged(
    session: Session, actor: Actor, now: datetime, *, site_id: int, name: str, gone: int
) -> None:
    """Keep in the clinic's record that so many rows of a kind were forgotten, in one line a run."""
    line = session.scalars(
        sa.select(AdminChange).where(
            AdminChange.site_id == site_id,
            AdminChange.subject == SUBJECT,
            AdminChange.changed_at == now,
            AdminChange.actor == actor.key,
        )
    ).one_or_none()
    if line is None:
        record_change(
            session, actor, now, site_id=site_id, verb="purged", subject=SUBJECT, subject_id=None,
            name="", after={name: gone},
        )  # fmt: skip
        return
    _, so_far = line.changes.get(name, (None, 0))
    line.changes = {**line.changes, name: [None, so_far + gone]}

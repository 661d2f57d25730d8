"""Looking for a person at the desk: by name, ticket, code, birth date or the end of a phone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from queueapp.db.models import Appointment, Patient, QueueEntry, Site, Visit
from queueapp.domain.codes import plain_code
from queueapp.domain.names import folded
from queueapp.domain.visit import OPEN_STATES, AppointmentState

_MOST = 20
_BACK = timedelta(days=31)
_AHEAD = timedelta(days=120)
_SHORTEST_PHONE = 3


@dataclass(frozen=True, slots=True)
class Found:
    """Those who were here on the service day, and bookings of other days or not come yet.

    `more` says that there are more than are shown.
    """

    today: tuple[QueueEntry, ...]
    bookings: tuple[Appointment, ...]
    more: bool = False


def find_people(
    session: Session, site: Site, now: datetime, words: str, born: date | None = None
) -> Found:
    """Everybody meant by `words`, or born on `born`: today's visits first, then bookings by time.

    A name is meant when each typed word begins one of its words, whatever the accents. Today's are
    compared here; other days' are picked by the database, which on SQLite knows the case of ASCII
    letters alone.
    """
    day = site.day_at(now)
    entries = session.scalars(
        sa.select(QueueEntry)
        .join(Visit, Visit.id == QueueEntry.visit_id)
        .where(
            QueueEntry.site_id == site.id,
            sa.or_(Visit.day == day, QueueEntry.state.in_(OPEN_STATES)),
        )
        .options(
            selectinload(QueueEntry.visit).selectinload(Visit.patient),
            selectinload(QueueEntry.service),
        )
        .order_by(QueueEntry.ended_at.is_not(None), QueueEntry.id.desc())
    )
    today: dict[int, QueueEntry] = {}
    for entry in entries:
        visit = entry.visit
        if visit.ticket.casefold() == words.casefold() or _is(visit.patient, words, born):
            today.setdefault(visit.id, entry)
    booked = [
        one
        for one in session.scalars(_bookings(site, now, words, born))
        if one.visit_id not in today
    ]
    more = len(today) > _MOST or len(booked) > _MOST
    return Found(tuple(list(today.values())[:_MOST]), tuple(booked[:_MOST]), more)


def _bookings(site: Site, now: datetime, words: str, born: date | None) -> sa.Select[Appointment]:
    if born is not None:
        meant: sa.ColumnElement[bool] = Patient.birth_date == born
    else:
        digits = _digits(words)
        meant = Appointment.code == plain_code(words)
        name = [_in_name(word) for word in words.split()]
        if name:
            meant = sa.or_(meant, sa.and_(*name))
        if len(digits) >= _SHORTEST_PHONE:
            meant = sa.or_(meant, Patient.phone.endswith(digits))
    return (
        sa.select(Appointment)
        .outerjoin(Patient, Patient.id == Appointment.patient_id)
        .where(
            Appointment.site_id == site.id,
            Appointment.starts_at.between(now - _BACK, now + _AHEAD),
            Appointment.state != AppointmentState.HELD,
            meant,
        )
        .options(
            selectinload(Appointment.patient),
            selectinload(Appointment.service),
            selectinload(Appointment.clinician),
        )
        # What is still to come first, soonest first; then what has been.
        .order_by(Appointment.starts_at < now, Appointment.starts_at, Appointment.id)
        .limit(_MOST + 1)
    )


def _in_name(word: str) -> sa.ColumnElement[bool]:
    return sa.or_(
        *(
            column.istartswith(word, autoescape=True)
            | column.icontains(f" {word}", autoescape=True)
            | column.icontains(f"-{word}", autoescape=True)
            for column in (Patient.name, Patient.chosen_name)
        )
    )


def _is(patient: Patient | None, words: str, born: date | None) -> bool:
    if patient is None:
        return False
    if born is not None:
        return patient.birth_date == born
    digits = _digits(words)
    if len(digits) >= _SHORTEST_PHONE and _digits(patient.phone).endswith(digits):
        return True
    wanted = folded(words)
    return bool(wanted) and any(
        _begins(wanted, folded(name)) for name in (patient.name, patient.chosen_name)
    )


def _begins(wanted: Iterable[str], name: Iterable[str]) -> bool:
    known = list(name)
    return all(any(word.startswith(one) for word in known) for one in wanted)


def _digits(words: str) -> str:
    plain = "".join(words.split())
    return plain.lstrip("+") if plain.lstrip("+").isdigit() else ""

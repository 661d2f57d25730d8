"""Opening hours: the week, and days that differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.admin_record import check_version, record_change
from queueapp.db.models import Appointment, OpeningException, OpeningHour, Site
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.hours import WEEKDAYS
from queueapp.domain.localtime import ONE_DAY, local_to_utc
from queueapp.domain.refusal import conflict, invalid, not_found
from queueapp.domain.visit import AppointmentState

WEEK, DAY = "hours", "day"


@dataclass(frozen=True, slots=True)
class GivenHours:
    """A stretch in which the doors are open; equal midnights are round the clock."""

    weekday: int
    opens: time
    closes: time


def hours_state(session: Session, site_id: int) -> dict[str, Any]:
    """The week, one field a day: `["08:00-12:00", …]`, empty when closed."""
    week: dict[str, list[str]] = {name: [] for name in WEEKDAYS}
    for rule in session.scalars(
        sa.select(OpeningHour)
        .where(OpeningHour.site_id == site_id)
        .order_by(OpeningHour.weekday, OpeningHour.opens, OpeningHour.id)
    ):
        week[WEEKDAYS[rule.weekday]].append(_said(rule.opens, rule.closes))
    return week


def _said(opens: time, closes: time) -> str:
    return f"{opens:%H:%M}-{closes:%H:%M}"


def set_hours(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    version: str,
    given: Sequence[GivenHours],
) -> bool:
    """Have the doors be open as given, every week; False when nothing differed.

    Raises Refused (invalid `days.<weekday>…`; conflict `changed_meanwhile`).
    """
    site = lock_site(session, site_id)
    before = hours_state(session, site_id)
    check_version(session, before, version, subject=WEEK, subject_id=site_id, zone=site.timezone)
    _check(given)
    session.execute(sa.delete(OpeningHour).where(OpeningHour.site_id == site_id))
    session.add_all(
        OpeningHour(site_id=site_id, weekday=g.weekday, opens=g.opens, closes=g.closes)
        for g in given
    )
    session.flush()
    return record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="changed",
        subject=WEEK,
        subject_id=site_id,
        name="Opening hours",
        before=before,
        after=hours_state(session, site_id),
    )


def _check(given: Sequence[GivenHours]) -> None:
    if not given:
        raise invalid("days.0.opens", "Open on at least one day: a clinic needs opening hours.")
    by_day: dict[int, list[GivenHours]] = {}
    for one in given:
        by_day.setdefault(one.weekday, []).append(one)
    for weekday, stretches in by_day.items():
        for first, second in pairwise(stretches):
            if first.closes <= first.opens or second.opens < first.closes:
                raise invalid(
                    f"days.{weekday}.opens_again",
                    f"{WEEKDAYS[weekday]}: open again after closing, not before.",
                )


def add_day(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    day: date,
    opens: time | None,
    closes: time | None,
    note: str = "",
) -> int:
    """Other hours on one day, or closed without times; how many bookings stand on that day.

    Raises Refused (invalid `day`, `closes`; conflict `day_taken`).
    """
    site = lock_site(session, site_id)
    if day < site.day_at(now):
        raise invalid("day", "Give a day that is not past.")
    if (opens is None) != (closes is None):
        raise invalid("closes", "Give both times, or neither for a closed day.")
    there = session.scalars(
        sa.select(OpeningException).where(
            OpeningException.site_id == site_id, OpeningException.day == day
        )
    ).all()
    if there and (opens is None or any(one.opens is None for one in there)):
        raise conflict("day_taken", f"{day:%d.%m.%Y} has its own hours. Remove them first.")
    row = OpeningException(
        site_id=site_id, day=day, opens=opens, closes=closes, note=" ".join(note.split())[:120]
    )
    session.add(row)
    session.flush()
    record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="added",
        subject=DAY,
        subject_id=row.id,
        name=f"{day:%d.%m.%Y}",
        after=_state(row),
    )
    return _booked(session, site, day)


def remove_day(
    session: Session, actor: Actor, now: datetime, *, site_id: int, exception_id: int
) -> None:
    """Have the usual hours hold again. Raises Refused (not found)."""
    lock_site(session, site_id)
    row = session.get(OpeningException, exception_id)
    if row is None or row.site_id != site_id:
        raise not_found("The day")
    before, name = _state(row), f"{row.day:%d.%m.%Y}"
    session.delete(row)
    record_change(
        session,
        actor,
        now,
        site_id=site_id,
        verb="removed",
        subject=DAY,
        subject_id=exception_id,
        name=name,
        before=before,
    )


def _state(row: OpeningException) -> dict[str, Any]:
    return {
        "hours": _said(row.opens, row.closes) if row.opens and row.closes else "closed",
        "note": row.note,
    }


def _booked(session: Session, site: Site, day: date) -> int:
    count = session.scalar(
        sa.select(sa.func.count()).where(
            Appointment.site_id == site.id,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at >= local_to_utc(site.timezone, day, time(0)),
            Appointment.starts_at < local_to_utc(site.timezone, day + ONE_DAY, time(0)),
        )
    )
    return count or 0

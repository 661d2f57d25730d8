"""The demo clinic's today: bookings, and people who came, were called and seen, up to now.

All of it goes through the actions, with the times at which it would have happened, so that
events, promises and places are true.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import calls, check_ins, presence, service, shifts
from queueapp.actions.booking_ends import no_show
from queueapp.actions.shift_rooms import in_room
from queueapp.commands.demo_afterwards import say_afterwards
from queueapp.commands.demo_bookings import book_ahead, upcoming
from queueapp.commands.demo_clinic import rooms_of
from queueapp.commands.demo_guests import SCRIPTED, WALK_INS, arrive, later_steps
from queueapp.commands.history_names import clinicians_of
from queueapp.db.models import Appointment, Clinician, QueueEntry, Shift, Site, Visit
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM, Actor, ActorKind
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import (
    OPEN_STATES,
    AppointmentState,
    EntryState,
    Resolution,
)

_BEFORE = 75
_STALE = timedelta(hours=4)
_LONGEST_SHIFT = timedelta(hours=13)
_ALIVE = 6
_MINUTE = timedelta(minutes=1)
# Whoever works here leaves the last one called and not yet come in, for the screens to show.
_LEAVES_CALLED = "Chidi Okafor"
_AT_WORK = 4


@dataclass(slots=True)
class _Room:
    """A clinician at work while today is played up to now; `until` is a minute, 0 is now."""

    actor: Actor
    clinician: Clinician
    room_id: int
    entry_id: int | None = None
    until: float = -1000.0
    absent: bool = False


def stage_today(db: Database, site_id: int, now: datetime, kiosk: Actor) -> bool:
    """Fill today up to `now`; False when enough people are there already."""
    with db.write() as session:
        _tidy(session, session.get_one(Site, site_id), now)
        waiting = sa.select(sa.func.count()).where(
            QueueEntry.site_id == site_id, QueueEntry.state.in_(OPEN_STATES)
        )
        if (session.scalar(waiting) or 0) >= _ALIVE:
            return False
        site = session.get_one(Site, site_id)
        began = now - _BEFORE * _MINUTE
        at_work = _open_shifts(session, site, began, now)
        dice = Random(f"{site.slug} {now:%Y-%m-%d %H}")
        book_ahead(session, site, began + _MINUTE, now, dice, SCRIPTED)
    _play(db, site_id, now, kiosk, at_work, dice)
    with db.write() as session:
        say_afterwards(session, site_id, began, now)
    return True


def everyone_on_shift(session: Session, site: Site, now: datetime, ends: datetime) -> None:
    """Every clinician of the site on an open shift, each in a room of their own, until `ends`."""
    at_work = set(
        session.scalars(
            sa.select(Shift.clinician_id).where(
                Shift.actual_from.is_not(None), Shift.actual_to.is_(None)
            )
        )
    )
    used = set(
        session.scalars(
            sa.select(Shift.room_id).where(
                Shift.site_id == site.id, Shift.actual_from.is_not(None), Shift.actual_to.is_(None)
            )
        )
    )
    rooms = [r for r in session.scalars(rooms_of(site)) if r.id not in used and not r.retired]
    free = [c for c in clinicians_of(session, site.id) if c.id not in at_work and not c.retired]
    for clinician, room in zip(free, rooms, strict=False):
        shifts.open_shift(
            session, SYSTEM, now, room_id=room.id, clinician_id=clinician.id, planned_to=ends
        )


def _tidy(session: Session, site: Site, now: datetime) -> None:
    """End what was left from an earlier day, so that today starts with today's people."""
    old = session.scalars(
        sa.select(QueueEntry).where(
            QueueEntry.site_id == site.id,
            QueueEntry.state.in_(OPEN_STATES),
            QueueEntry.arrived_at < now - _STALE,
        )
    ).all()
    for entry in old:
        session.refresh(entry)
        if entry.state is EntryState.IN_SERVICE:
            service.finish(session, SYSTEM, now, entry_id=entry.id)
        elif entry.state in OPEN_STATES and entry.visit.departed_at is None:
            try:
                presence.leave(session, SYSTEM, now, visit_id=entry.visit_id, why="demo_day_over")
            except Refused:
                continue  # Another leg of the visit is with a clinician, who ends it.
    long_open = session.scalars(
        sa.select(Shift).where(
            Shift.site_id == site.id,
            Shift.actual_from < now - _LONGEST_SHIFT,
            Shift.actual_to.is_(None),
        )
    ).all()
    for shift in long_open:
        if not in_room(session, shift):
            shifts.close_shift(session, SYSTEM, now, shift_id=shift.id)


def _open_shifts(session: Session, site: Site, began: datetime, now: datetime) -> list[_Room]:
    everyone = clinicians_of(session, site.id)[:_AT_WORK]
    rooms = [room for room in session.scalars(rooms_of(site)) if not room.retired]
    found = []
    for clinician, room in zip(everyone, rooms, strict=False):
        there = session.scalars(
            sa.select(Shift).where(
                Shift.clinician_id == clinician.id,
                Shift.actual_from.is_not(None),
                Shift.actual_to.is_(None),
            )
        ).one_or_none()
        if there is None:
            try:
                there = shifts.open_shift(
                    session,
                    SYSTEM,
                    began,
                    room_id=room.id,
                    clinician_id=clinician.id,
                    planned_to=now + timedelta(hours=5),
                )
            except Refused:
                continue  # Somebody was put into that room by hand; the demo leaves it so.
        if there.site_id == site.id and there.room_id is not None:
            actor = Actor(ActorKind.STAFF, clinician.staff_id, clinician.shown_name)
            found.append(_Room(actor, clinician, there.room_id))
    return found


def _play(
    db: Database,
    site_id: int,
    now: datetime,
    kiosk: Actor,
    at_work: Sequence[_Room],
    dice: Random,
) -> None:
    with db.read() as session:
        coming = upcoming(session, site_id, now - 70 * _MINUTE, now + 25 * _MINUTE)
    comes: dict[int, list[int]] = {}
    for n, (appointment_id, starts_at) in enumerate(coming):
        if n % 6 == 3:
            continue  # One in six has not come: expected, or marked as not come.
        early = dice.randrange(-1, 9)
        minute = round((starts_at - now) / _MINUTE) - early
        if minute < 0:
            comes.setdefault(minute, []).append(appointment_id)
    for minute in range(-_BEFORE + 2, 1):
        at = now + minute * _MINUTE if minute else now - timedelta(seconds=25)
        with db.write() as session:
            for appointment_id in comes.get(minute, ()):
                check_ins.check_in(session, kiosk, at, appointment_id=appointment_id)
            for guest in (g for g in WALK_INS if g.minute == minute):
                arrive(session, site_id, guest, kiosk, at, dice)
            later_steps(session, site_id, minute, at, kiosk)
            for room in at_work:
                _work(session, room, minute, at, dice)


def _work(session: Session, room: _Room, minute: int, at: datetime, dice: Random) -> None:
    if room.until > minute:
        return
    if room.entry_id is not None:
        if room.absent:
            calls.did_not_answer(session, room.actor, at, entry_id=room.entry_id)
        else:
            ended = dice.choices(list(Resolution), (7, 2, 1))[0]
            service.finish(session, room.actor, at, entry_id=room.entry_id, resolution=ended)
        room.entry_id = None
        room.until = minute + 1
        return
    try:
        entry = calls.call_next(session, room.actor, at, room_id=room.room_id)
    except Refused:
        return  # Someone is still in the room from before.
    if entry is None:
        return
    room.entry_id, room.absent = entry.id, _stays_away(session, entry)
    last = room.clinician.name == _LEAVES_CALLED
    if room.absent:
        room.until = minute + 2
    elif minute >= (-2 if last else 0):
        room.until = 1
    else:
        planned = (entry.reason.planned if entry.reason else entry.service.planned) / _MINUTE
        length = max(2.0, round(planned * dice.uniform(0.7, 1.4)))
        started = at + timedelta(seconds=dice.randrange(15, 30))
        service.start(session, room.actor, started, entry_id=entry.id)
        room.until = minute + length
        if last and room.until > -2:
            room.until = max(minute + 1, -3)


def _stays_away(session: Session, entry: QueueEntry) -> bool:
    visit = session.get_one(Visit, entry.visit_id)
    name = visit.patient.name if visit.patient else ""
    return any(g.absent and g.name == name for g in WALK_INS)


def mark_missed(session: Session, site_id: int, now: datetime) -> None:
    """The longest-missed booking of today is marked as not come; the others stay expected."""
    late = session.scalars(
        sa.select(Appointment)
        .where(
            Appointment.site_id == site_id,
            Appointment.state == AppointmentState.BOOKED,
            Appointment.starts_at.between(now - timedelta(hours=3), now - timedelta(minutes=45)),
        )
        .order_by(Appointment.starts_at)
    ).first()
    if late is not None:
        no_show(session, SYSTEM, now - timedelta(minutes=5), appointment_id=late.id)

"""Weekly habits of a clinician: what held on a past day stays, what is new holds from a day on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.shift_plan import plan_shifts
from queueapp.db.models import Room, ShiftPattern, Site
from queueapp.domain.actor import Actor
from queueapp.domain.hours import WEEKDAYS
from queueapp.domain.localtime import ONE_DAY
from queueapp.domain.refusal import invalid


@dataclass(frozen=True, slots=True)
class GivenHabit:
    """A weekly stretch in wall time (0 is Monday), perhaps with a break, usually in a room.

    `ends` at or before `starts` is on the next day.
    """

    weekday: int
    starts: time
    ends: time
    break_starts: time | None = None
    break_ends: time | None = None
    room_id: int | None = None


def habits_from_on(session: Session, site_id: int, clinician_id: int, day: date) -> list[Any]:
    """The patterns that hold on `day` or later, by weekday and time."""
    return list(
        session.scalars(
            sa.select(ShiftPattern)
            .where(
                ShiftPattern.site_id == site_id,
                ShiftPattern.clinician_id == clinician_id,
                sa.or_(ShiftPattern.valid_to.is_(None), ShiftPattern.valid_to >= day),
            )
            .order_by(ShiftPattern.weekday, ShiftPattern.starts, ShiftPattern.id)
        )
    )


def habits_state(session: Session, site_id: int, clinician_id: int, day: date) -> list[Any]:
    """The habits as the record and the version know them."""
    names = {r.id: r.name for r in session.scalars(sa.select(Room).where(Room.site_id == site_id))}
    return [
        {
            **_key(pattern),
            "weekday": WEEKDAYS[pattern.weekday],
            "room": names.get(pattern.room_id or 0),
            "from": pattern.valid_from.isoformat(),
            "to": pattern.valid_to.isoformat() if pattern.valid_to else None,
        }
        for pattern in habits_from_on(session, site_id, clinician_id, day)
    ]


def _key(habit: ShiftPattern | GivenHabit) -> dict[str, Any]:
    times = (habit.starts, habit.ends, habit.break_starts, habit.break_ends)
    starts, ends, break_starts, break_ends = (t.isoformat("minutes") if t else None for t in times)
    return {
        "weekday": habit.weekday,
        "starts": starts,
        "ends": ends,
        "break_starts": break_starts,
        "break_ends": break_ends,
        "room": habit.room_id,
    }


def set_habits(
    session: Session,
    actor: Actor,
    now: datetime,
    site: Site,
    clinician_id: int,
    given: Sequence[GivenHabit],
    holds_from: date | None,
) -> None:
    """Have the week be as given from `holds_from` (default today) on.

    Where today is begun already its new shifts are planned at once. Raises Refused (invalid
    `habits.<n>.starts`, `.ends`, `.break_ends`, `.room`, `habits_from`).
    """
    today = site.day_at(now)
    day = holds_from or today
    if day < today:
        raise invalid("habits_from", "Weekly hours cannot change for days that are past.")
    _check(session, site.id, given)
    wanted = [_key(habit) for habit in given]
    for pattern in habits_from_on(session, site.id, clinician_id, day):
        if _key(pattern) in wanted and (pattern.valid_to is None):
            wanted.remove(_key(pattern))
            # What was to begin later begins now.
            pattern.valid_from = min(pattern.valid_from, day)
        elif pattern.valid_from >= day:
            session.delete(pattern)
        else:
            pattern.valid_to = day - ONE_DAY
    for habit in given:
        if _key(habit) in wanted:
            wanted.remove(_key(habit))
            session.add(
                ShiftPattern(
                    site_id=site.id,
                    clinician_id=clinician_id,
                    room_id=habit.room_id,
                    weekday=habit.weekday,
                    starts=habit.starts,
                    ends=habit.ends,
                    break_starts=habit.break_starts,
                    break_ends=habit.break_ends,
                    valid_from=day,
                )
            )
    session.flush()
    if day == today == site.opened_day:
        plan_shifts(session, actor, now, site_id=site.id, day=today)


def _check(session: Session, site_id: int, given: Sequence[GivenHabit]) -> None:
    rooms = set(session.scalars(sa.select(Room.id).where(Room.site_id == site_id)))
    spans: dict[int, list[tuple[int, int]]] = {}
    for n, habit in enumerate(given):
        if habit.starts == habit.ends:
            raise invalid(f"habits.{n}.ends", "Give an end that differs from the start.")
        if (habit.break_starts is None) != (habit.break_ends is None):
            raise invalid(f"habits.{n}.break_ends", "Give both times of the break, or neither.")
        start, end = _minutes(habit.starts, habit.ends)
        if habit.break_starts is not None and habit.break_ends is not None:
            pause = [_after(start, habit.break_starts), _after(start, habit.break_ends)]
            if not start <= pause[0] < pause[1] <= end:
                raise invalid(f"habits.{n}.break_ends", "Give a break within these hours.")
        if habit.room_id is not None and habit.room_id not in rooms:
            raise invalid(f"habits.{n}.room", "Choose one of this clinic's rooms.")
        for other in spans.get(habit.weekday, []):
            if start < other[1] and other[0] < end:
                raise invalid(f"habits.{n}.starts", "This overlaps the stretch before it.")
        spans.setdefault(habit.weekday, []).append((start, end))


def _minutes(starts: time, ends: time) -> tuple[int, int]:
    start = starts.hour * 60 + starts.minute
    end = ends.hour * 60 + ends.minute
    return start, end if end > start else end + 24 * 60


def _after(start: int, wall: time) -> int:
    minute = wall.hour * 60 + wall.minute
    return minute if minute >= start else minute + 24 * 60

"""Stops within a shift, and running late."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.actions.shift_rooms import lock_open_shift
from queueapp.db.models import Pause, Shift
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, invalid

LONGEST_DELAY = timedelta(hours=12)


def pause(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    shift_id: int,
    reason: str,
    until: datetime | None = None,
) -> Pause:
    """No one is called by the shift until it resumes; `until` is when that is expected.

    Raises Refused (invalid `reason`, `until`; conflict `not_open`, `already_paused`).
    """
    shift = lock_open_shift(session, shift_id)
    reason = reason.strip()
    if not 0 < len(reason) <= 120:
        raise invalid("reason", "Say why, in at most 120 characters.")
    if until is not None and until <= now:
        raise invalid("until", "Give a time that is later than now.")
    if pause_of(session, shift) is not None:
        raise conflict("already_paused", f"{shift.clinician.shown_name} is already on a pause.")
    begun = Pause(shift_id=shift.id, reason=reason, started_at=now, until=until)
    session.add(begun)
    session.flush()
    data = {"pause": begun.id, "until": until.isoformat() if until else None}
    _note(session, actor, now, Kind.PAUSED, shift, data)
    return begun


def resume(session: Session, actor: Actor, now: datetime, *, shift_id: int) -> Pause:
    """The pause is over. Raises Refused (conflict `not_open`, `not_paused`)."""
    shift = lock_open_shift(session, shift_id)
    begun = pause_of(session, shift)
    if begun is None:
        raise conflict("not_paused", f"{shift.clinician.shown_name} is not on a pause.")
    begun.ended_at = now
    _note(session, actor, now, Kind.RESUMED, shift, {"pause": begun.id})
    return begun


def declare_delay(
    session: Session, actor: Actor, now: datetime, *, shift_id: int, delay: timedelta
) -> Shift:
    """The shift runs late by `delay` (0: no longer). Raises Refused (invalid `delay`)."""
    if not timedelta(0) <= delay <= LONGEST_DELAY:
        raise invalid("delay", "Give a delay from 0 minutes to 12 hours.")
    shift = base.get_shift(session, shift_id)
    if shift.actual_to is not None:
        raise conflict("not_open", f"The shift of {shift.clinician.shown_name} is over.")
    shift.declared_delay, shift.delay_declared_at = delay, now
    seconds = round(delay.total_seconds())
    _note(session, actor, now, Kind.DELAY_DECLARED, shift, {"delay_s": seconds})
    return shift


def pause_of(session: Session, shift: Shift) -> Pause | None:
    """The shift's pause that has not ended."""
    return session.scalars(
        sa.select(Pause).where(Pause.shift_id == shift.id, Pause.ended_at.is_(None))
    ).one_or_none()


def _note(
    session: Session,
    actor: Actor,
    now: datetime,
    kind: Kind,
    shift: Shift,
    data: Mapping[str, object],
) -> None:
    base.note(
        session,
        actor,
        now,
        kind,
        site_id=shift.site_id,
        shift_id=shift.id,
        room_id=shift.room_id,
        data=data,
    )

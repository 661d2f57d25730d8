"""Who works, where and when: opening, handing over and closing shifts."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.actions.desk_items import look_for_stranded
from queueapp.actions.intake import closes_at
from queueapp.actions.shift_pauses import declare_delay, pause, pause_of, resume
from queueapp.actions.shift_plan import plan_shifts
from queueapp.actions.shift_rooms import (
    change_room,
    in_room,
    lock_open_shift,
    shifts_in,
    tickets,
    usable_room,
)
from queueapp.db.models import Call, Clinician, Shift, ShiftService, Site
from queueapp.db.queries.duty import services_of
from queueapp.db.unit import lock_site
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import conflict, invalid

__all__ = [
    "change_room",
    "close_shift",
    "declare_delay",
    "hand_over",
    "open_shift",
    "pause",
    "plan_shifts",
    "put_clinician_in_room",
    "resume",
]


def open_shift(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    room_id: int,
    clinician_id: int,
    planned_to: datetime | None = None,
    services: Sequence[int] | None = None,
    occurred_at: datetime | None = None,
) -> Shift:
    """Begin the clinician's planned shift of today in a room, or a new one for a temp.

    Without `planned_to` a new one lasts until the doors close; without `services` it gives what
    the clinician can. Raises Refused (invalid `clinician`, `room`, `services`, `planned_to`,
    `occurred_at`; conflict `already_open`, `room_taken`).
    """
    site = lock_site(session, base.get_room(session, room_id).site_id)
    when = base.happened(now, occurred_at)
    clinician = _clinician(session, clinician_id)
    _check_free(session, clinician)
    usable_room(session, site.id, room_id, clinician_id)
    shift = _begin(session, site, when, clinician, room_id, planned_to, services)
    base.note(
        session,
        actor,
        now,
        Kind.SHIFT_OPENED,
        site_id=site.id,
        occurred_at=when,
        shift_id=shift.id,
        room_id=room_id,
        data={"clinician": clinician_id},
    )
    look_for_stranded(session, actor, now, site=site)
    return shift


def hand_over(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    shift_id: int,
    to_clinician_id: int,
    occurred_at: datetime | None = None,
) -> Shift:
    """One goes, another takes over in the same room, and with it whoever is called or in there.

    Raises Refused as `open_shift` and `close_shift` do, but for people in the room.
    """
    leaving, site, when = _open_one(session, now, shift_id, occurred_at)
    if leaving.room_id is None or to_clinician_id == leaving.clinician_id:
        raise invalid("clinician", "Choose another clinician to take over.")
    clinician = _clinician(session, to_clinician_id)
    _check_free(session, clinician)
    _end(session, leaving, when)
    session.flush()
    taking = _begin(session, site, when, clinician, leaving.room_id, None, None)
    moved = in_room(session, leaving)
    for entry in moved:
        entry.shift_id, entry.clinician_id = taking.id, taking.clinician_id
    session.execute(
        sa.update(Call)
        .where(Call.entry_id.in_([e.id for e in moved]), Call.outcome.is_(None))
        .values(shift_id=taking.id)
    )
    base.note(
        session,
        actor,
        now,
        Kind.SHIFT_HANDED_OVER,
        site_id=site.id,
        occurred_at=when,
        shift_id=taking.id,
        room_id=taking.room_id,
        data={"from_shift": leaving.id, "entries": [entry.id for entry in moved]},
    )
    look_for_stranded(session, actor, now, site=site)
    return taking


def close_shift(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    shift_id: int,
    occurred_at: datetime | None = None,
) -> Shift:
    """The clinician goes home; those whom no one can serve any more come to the desk.

    Raises Refused (conflict `not_open`; `in_room`, naming the tickets still called or in there).
    """
    shift, site, when = _open_one(session, now, shift_id, occurred_at)
    there = in_room(session, shift)
    if there:
        raise conflict(
            "in_room",
            f"{tickets(there)} is still called or in the room. Finish there first, or "
            "hand the shift over.",
            entries=[entry.id for entry in there],
        )
    _end(session, shift, when)
    base.note(
        session,
        actor,
        now,
        Kind.SHIFT_CLOSED,
        site_id=site.id,
        occurred_at=when,
        shift_id=shift.id,
        room_id=shift.room_id,
    )
    look_for_stranded(session, actor, now, site=site)
    return shift


def put_clinician_in_room(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int,
    room_id: int,
    clinician_id: int | None,
) -> Shift | None:
    """Who works in the room from now on; None frees it. Whoever works there already may stay.

    A full room's clinicians leave it for the new one. Raises Refused as `open_shift`,
    `change_room` and `close_shift` do.
    """
    lock_site(session, site_id)
    room = base.get_room(session, room_id)
    if room.site_id != site_id:
        raise invalid("room", "Choose one of this clinic's rooms.")
    there = shifts_in(session, room_id)
    here = next((s for s in there if s.clinician_id == clinician_id), None)
    if here is not None:
        return here
    if clinician_id is None or len(there) >= room.places:
        for other in there:
            close_shift(session, actor, now, shift_id=other.id)
    if clinician_id is None:
        return None
    elsewhere = _open_shift_of(session, clinician_id)
    if elsewhere is not None and elsewhere.site_id == site_id:
        return change_room(session, actor, now, shift_id=elsewhere.id, room_id=room_id)
    return open_shift(session, actor, now, room_id=room_id, clinician_id=clinician_id)


def _clinician(session: Session, clinician_id: int) -> Clinician:
    clinician = session.get(Clinician, clinician_id)
    if clinician is None or clinician.retired:
        raise invalid("clinician", "Choose a clinician who works here.")
    return clinician


def _open_shift_of(session: Session, clinician_id: int) -> Shift | None:
    return session.scalars(
        sa.select(Shift).where(
            Shift.clinician_id == clinician_id,
            Shift.actual_from.is_not(None),
            Shift.actual_to.is_(None),
        )
    ).one_or_none()


def _check_free(session: Session, clinician: Clinician) -> None:
    there = _open_shift_of(session, clinician.id)
    if there is not None:
        where = f" in {there.room.name}" if there.room else ""
        raise conflict(
            "already_open",
            f"{clinician.shown_name} is already on shift{where}. Move or close that shift first.",
            shift=there.id,
            room=there.room_id,
        )


def _open_one(
    session: Session, now: datetime, shift_id: int, occurred_at: datetime | None
) -> tuple[Shift, Site, datetime]:
    shift = lock_open_shift(session, shift_id)
    when = base.happened(now, occurred_at, shift.actual_from)
    return shift, session.get_one(Site, shift.site_id), when


def _begin(
    session: Session,
    site: Site,
    when: datetime,
    clinician: Clinician,
    room_id: int,
    planned_to: datetime | None,
    services: Sequence[int] | None,
) -> Shift:
    if planned_to is not None and planned_to <= when:
        raise invalid("planned_to", "Give an end that is later than the start.")
    given = (
        None if services is None else [base.get_service(session, site.id, s).id for s in services]
    )
    shift = _planned(session, site, when, clinician.id)
    if shift is None and given is None:
        given = services_of(session, site.id, clinician.id)
    if given is not None and not given:
        raise invalid("services", f"Choose at least one service that {clinician.shown_name} gives.")
    shift = shift or Shift(
        site_id=site.id,
        clinician_id=clinician.id,
        day=site.day_at(when),
        planned_from=when,
        planned_to=planned_to or _doors_close(session, site, when),
    )
    try:
        with session.begin_nested():  # nothing may be pending before: it would flush outside
            shift.actual_from, shift.room_id = when, room_id
            shift.planned_to = planned_to or shift.planned_to
            if given is not None:
                shift.services = [ShiftService(service_id=n) for n in sorted(set(given))]
            session.add(shift)
    except IntegrityError:
        raise conflict(
            "already_open", f"{clinician.shown_name} has just begun a shift elsewhere."
        ) from None
    return shift


def _planned(session: Session, site: Site, when: datetime, clinician_id: int) -> Shift | None:
    day = site.day_at(when)
    return session.scalars(
        sa.select(Shift)
        .where(
            Shift.site_id == site.id,
            Shift.clinician_id == clinician_id,
            Shift.day == day,
            Shift.actual_from.is_(None),
            Shift.actual_to.is_(None),
            Shift.planned_to > when,
        )
        .order_by(Shift.planned_from, Shift.id)
        .limit(1)
    ).one_or_none()


def _doors_close(session: Session, site: Site, when: datetime) -> datetime:
    day = site.day_at(when)
    latest = site.span_of(day).end
    return min(closes_at(session, site, when) or latest, latest)


def _end(session: Session, shift: Shift, when: datetime) -> None:
    shift.actual_to = when
    begun = pause_of(session, shift)
    if begun is not None:
        begun.ended_at = max(when, begun.started_at)

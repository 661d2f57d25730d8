"""What all booking verbs share: where a time is wanted, the locks, the holds that ran out."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import base
from queueapp.db.models import Appointment, Clinician, Pool, Shift
from queueapp.domain.actor import Actor
from queueapp.domain.events import Kind
from queueapp.domain.refusal import Refused, conflict, invalid, not_found
from queueapp.domain.visit import BUSY_APPOINTMENT_STATES, AppointmentState

# No vowels, so no words; nothing that reads like another: no 0 O, 1 I L, 2 Z, 5 S, 8 B, Q.
CODE_LETTERS = "CDFGHJKMNPRTVWXY34679"
CODE_LENGTH = 6
_IN_WORDS = {
    AppointmentState.HELD: "is only held so far",
    AppointmentState.BOOKED: "is booked",
    AppointmentState.CHECKED_IN: "is already checked in",
    AppointmentState.FULFILLED: "was kept",
    AppointmentState.CANCELLED: "was cancelled",
    AppointmentState.NO_SHOW: "was not kept",
}
_SHIFTS_AT = sa.select(Shift).where(
    Shift.site_id == sa.bindparam("site"),
    Shift.clinician_id == sa.bindparam("clinician"),
    Shift.planned_from <= sa.bindparam("starts_at"),
    Shift.planned_to > sa.bindparam("starts_at"),
)
# By how much a booking's clinician has said to run late, in the shifts it lies in and not ended.
DELAY = (
    sa.select(sa.func.max(Shift.declared_delay))
    .where(
        Shift.site_id == Appointment.site_id,
        Shift.clinician_id == Appointment.clinician_id,
        Shift.planned_from <= Appointment.starts_at,
        Shift.planned_to > Appointment.starts_at,
        Shift.actual_to.is_(None),
    )
    .correlate(Appointment)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Override:
    """A wanted double booking, or a time outside the hours; the caller checks who may."""

    reason: str

    def __post_init__(self) -> None:
        if not 0 < len(self.reason.strip()) <= 200:
            raise invalid("override.reason", "Say why, in at most 200 characters.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a time is wanted: from `starts_at` (an instant), with a clinician or in a pool.

    `length` is the service's planned time unless given; a pool's is its interval.
    """

    starts_at: datetime
    clinician_id: int | None = None
    pool_id: int | None = None
    length: timedelta | None = None


def new_code(session: Session, site_id: int) -> str:
    """A booking code that no open booking of the site has."""
    while True:
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        if not session.scalar(
            sa.select(Appointment.id).where(
                Appointment.site_id == site_id,
                Appointment.code == code,
                Appointment.state.in_(BUSY_APPOINTMENT_STATES),
            )
        ):
            return code


def lock_owners(session: Session, *places: Place | Appointment) -> None:
    """Hold the clinicians' and pools' rows, so that rivals queue up instead of deadlocking.

    What may overlap is still the constraint's to decide: this lock only sets who comes first.
    """
    for model, ids in (
        (Pool, {p.pool_id for p in places}),
        (Clinician, {p.clinician_id for p in places}),
    ):
        wanted = sorted(n for n in ids if n is not None)
        query = sa.select(model.id).where(model.id.in_(wanted)).order_by(model.id)
        if wanted:
            session.execute(query.with_for_update(key_share=True)).all()


def release_expired(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    site_id: int | None = None,
    place: Place | None = None,
) -> list[int]:
    """Cancel the holds that ran out, of a site or of one clinician or pool; their ids."""
    query = sa.select(Appointment).where(
        Appointment.state == AppointmentState.HELD, Appointment.held_until <= now
    )
    if site_id is not None:
        query = query.where(Appointment.site_id == site_id)
    if place is not None:
        query = query.where(
            Appointment.clinician_id == place.clinician_id
            if place.clinician_id is not None
            else Appointment.pool_id == place.pool_id
        )
    held = query.order_by(Appointment.id).with_for_update(key_share=True, skip_locked=True)
    expired = session.scalars(held.execution_options(populate_existing=True)).all()
    for appointment in expired:
        appointment.state = AppointmentState.CANCELLED
        base.note(
            session,
            actor,
            now,
            Kind.BOOKING_CANCELLED,
            site_id=appointment.site_id,
            appointment_id=appointment.id,
            from_state=AppointmentState.HELD,
            why="hold_expired",
        )
    session.flush()
    return [appointment.id for appointment in expired]


def lock_booking(session: Session, appointment_id: int, *places: Place) -> Appointment:
    """The appointment, its owner's row held before its own, as bookings take them.

    Raises Refused (not found).
    """
    appointment = session.get(Appointment, appointment_id)
    if appointment is None:
        raise not_found("The booking")
    lock_owners(session, appointment, *places)
    session.refresh(appointment, with_for_update={"key_share": True})
    return appointment


def wrong_state(appointment: Appointment) -> Refused:
    """The refusal that names what the booking is now."""
    return conflict(
        "wrong_state",
        f"This booking {_IN_WORDS[appointment.state]}.",
        state=appointment.state.value,
    )


def must_be_held(appointment: Appointment, now: datetime) -> None:
    """Raise Refused (conflict `hold_expired`, `wrong_state`) unless its time is still held."""
    until = appointment.held_until
    if appointment.state is AppointmentState.CANCELLED or (until is not None and until <= now):
        raise conflict("hold_expired", "That time was no longer kept for you. Choose a time again.")
    if appointment.state is not AppointmentState.HELD:
        raise wrong_state(appointment)


def never_booked(appointment: Appointment) -> dict[str, dict[str, dict[str, object]]]:
    """What undo puts in place of a booking that was a mistake."""
    state = {"state": AppointmentState.CANCELLED.value}
    return {"appointment": {str(appointment.id): dict(state)}}


def place_of(appointment: Appointment) -> dict[str, dict[str, dict[str, object]]]:
    """Where the booking stands on the calendar, for undo to put it back there."""
    found: dict[str, object] = {}
    for name in _PLACE:
        value = getattr(appointment, name)
        found[name] = value.isoformat() if isinstance(value, datetime) else value
    return {"appointment": {str(appointment.id): found}}


_PLACE = (
    *("clinician_id", "pool_id", "seat", "lane_from", "lane_to"),
    *("starts_at", "ends_at", "busy_from", "busy_to"),
)


def note_booking(
    session: Session,
    actor: Actor,
    now: datetime,
    kind: Kind,
    appointment: Appointment,
    *,
    from_state: str = "",
    why: str = "",
    occurred_at: datetime | None = None,
    data: Mapping[str, object] | None = None,
    before: Mapping[str, object] | None = None,
) -> None:
    """Stage what happened to the booking."""
    base.note(
        session,
        actor,
        now,
        kind,
        site_id=appointment.site_id,
        occurred_at=occurred_at,
        appointment_id=appointment.id,
        from_state=from_state,
        why=why,
        data=data,
        before=before,
    )


def shifts_at(session: Session, appointment: Appointment) -> Sequence[Shift]:
    """The shifts of its clinician that the booked time lies in, ended ones too; a pool has none."""
    if appointment.clinician_id is None:
        return []
    of = {
        "site": appointment.site_id,
        "clinician": appointment.clinician_id,
        "starts_at": appointment.starts_at,
    }
    return session.scalars(_SHIFTS_AT, of).all()


def declared_delay(shifts: Iterable[Shift]) -> timedelta:
    """By how much the clinician has said to run late, in the shifts not ended yet."""
    return max((s.declared_delay for s in shifts if s.actual_to is None), default=timedelta(0))

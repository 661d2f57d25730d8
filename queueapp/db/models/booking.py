"""Booked times. That they do not overlap is the database's own doing (see the first migration)."""

from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from queueapp.db.models.base import Base, HasId, link
from queueapp.db.models.people import Clinician, Patient
from queueapp.db.models.site import Reason, Service
from queueapp.db.types import words
from queueapp.domain.visit import AppointmentState, PreferenceKind

LANES = 1000
_BUSY = text("state IN ('held', 'booked', 'checked_in', 'fulfilled') AND pool_id IS NOT NULL")


class Pool(HasId, Base):
    """A service's bookable capacity without a named clinician: `capacity` per `interval`."""

    __tablename__ = "pool"
    __table_args__ = (CheckConstraint("starts_at < ends_at", name="spans"),)
    service_id: Mapped[int] = link("service.id")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    interval: Mapped[timedelta]
    capacity: Mapped[int] = mapped_column(Integer)


class Appointment(HasId, Base):
    """A booked time with one clinician, or a seat in a pool.

    The clinician is taken from `busy_from` to `busy_to` (buffers included). Ordinary bookings
    fill all lanes `[0, LANES)` and so exclude each other. An override narrows those it overlaps
    to lanes of their own and takes a free one; every later ordinary booking, wanting all lanes,
    still meets both. The rule "same clinician, both busy, spans and lanes overlap: refused" is an
    exclusion constraint on PostgreSQL and a pair of triggers on SQLite.

    `late_until` is when a patient who runs late says they come.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="spans"),
        CheckConstraint("busy_from <= starts_at AND ends_at <= busy_to", name="buffers"),
        CheckConstraint("lane_from < lane_to", name="lanes"),
        CheckConstraint("(clinician_id IS NULL) <> (pool_id IS NULL)", name="one_resource"),
        Index(None, "site_id", "starts_at"),
        Index(None, "clinician_id", "busy_from"),
        Index(
            "uq_appointment_seat",
            "pool_id",
            "starts_at",
            "seat",
            unique=True,
            sqlite_where=_BUSY,
            postgresql_where=_BUSY,
        ),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    service_id: Mapped[int] = link("service.id")
    reason_id: Mapped[int | None] = link("reason.id", nullable=True, index=False)
    patient_id: Mapped[int | None] = link("patient.id", nullable=True)
    party_id: Mapped[int | None] = link("party.id", nullable=True)
    clinician_id: Mapped[int | None] = link("clinician.id", nullable=True, index=False)
    pool_id: Mapped[int | None] = link("pool.id", nullable=True, index=False)
    seat: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[AppointmentState] = mapped_column(words(AppointmentState))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    busy_from: Mapped[datetime]
    busy_to: Mapped[datetime]
    lane_from: Mapped[int] = mapped_column(Integer, default=0)
    lane_to: Mapped[int] = mapped_column(Integer, default=LANES)
    held_until: Mapped[datetime | None]
    late_until: Mapped[datetime | None]
    code: Mapped[str] = mapped_column(String(12), index=True)
    preference: Mapped[PreferenceKind] = mapped_column(
        words(PreferenceKind), default=PreferenceKind.NONE
    )
    discreet: Mapped[bool] = mapped_column(default=False)
    waitlisted: Mapped[bool] = mapped_column(default=False)
    sequence: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime]
    visit_id: Mapped[int | None] = link("visit.id", nullable=True)

    service: Mapped[Service] = relationship()
    reason: Mapped[Reason | None] = relationship()
    patient: Mapped[Patient | None] = relationship()
    clinician: Mapped[Clinician | None] = relationship()


class AppointmentOverride(HasId, Base):
    """Audit of a wanted double booking: which one, over whom, who allowed it and why."""

    __tablename__ = "appointment_override"
    appointment_id: Mapped[int] = link("appointment.id")
    overlapped_id: Mapped[int] = link("appointment.id")
    allowed_by: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(200))
    allowed_at: Mapped[datetime]

"""Who works when, where, and when not."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from queueapp.db.models.base import Base, HasId, link
from queueapp.db.models.people import Clinician
from queueapp.db.models.site import Room
from queueapp.db.types import BigId

_OPEN_SHIFT = text("actual_from IS NOT NULL AND actual_to IS NULL")


class ShiftPattern(HasId, Base):
    """A weekly habit from which dated shifts are made; wall time of the site."""

    __tablename__ = "shift_pattern"
    site_id: Mapped[int] = link("site.id")
    clinician_id: Mapped[int] = link("clinician.id")
    room_id: Mapped[int | None] = link("room.id", nullable=True)
    weekday: Mapped[int] = mapped_column(Integer)
    starts: Mapped[time]
    ends: Mapped[time]
    break_starts: Mapped[time | None]
    break_ends: Mapped[time | None]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Shift(HasId, Base):
    """One clinician's dated stretch at a site: planned and actual, room now, services, breaks.

    One open shift per clinician, by the database's own doing.
    """

    __tablename__ = "shift"
    __table_args__ = (
        Index(None, "site_id", "day"),
        Index(
            "uq_shift_open_clinician",
            "clinician_id",
            unique=True,
            sqlite_where=_OPEN_SHIFT,
            postgresql_where=_OPEN_SHIFT,
        ),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    clinician_id: Mapped[int] = link("clinician.id")
    day: Mapped[date]
    planned_from: Mapped[datetime]
    planned_to: Mapped[datetime]
    actual_from: Mapped[datetime | None]
    actual_to: Mapped[datetime | None]
    room_id: Mapped[int | None] = link("room.id", nullable=True)
    declared_delay: Mapped[timedelta] = mapped_column(default=timedelta(0))
    delay_declared_at: Mapped[datetime | None]

    clinician: Mapped[Clinician] = relationship()
    room: Mapped[Room | None] = relationship()
    services: Mapped[list["ShiftService"]] = relationship(cascade="all, delete-orphan")
    breaks: Mapped[list["ShiftBreak"]] = relationship(cascade="all, delete-orphan")
    pauses: Mapped[list["Pause"]] = relationship(back_populates="shift", order_by="Pause.id")


class ShiftService(Base):
    """A service given during a shift."""

    __tablename__ = "shift_service"
    shift_id: Mapped[int] = mapped_column(BigId, ForeignKey("shift.id"), primary_key=True)
    service_id: Mapped[int] = mapped_column(BigId, ForeignKey("service.id"), primary_key=True)


class ShiftBreak(HasId, Base):
    """A planned break inside a shift."""

    __tablename__ = "shift_break"
    shift_id: Mapped[int] = link("shift.id")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Pause(HasId, Base):
    """A stop within a shift: reason, expected end, real end once it is over."""

    __tablename__ = "pause"
    shift_id: Mapped[int] = link("shift.id")
    reason: Mapped[str] = mapped_column(String(120))
    started_at: Mapped[datetime]
    until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    shift: Mapped[Shift] = relationship(back_populates="pauses")

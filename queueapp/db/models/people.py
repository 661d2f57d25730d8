"""Patients and those who care for them, log in, or stand in the lobby as a screen."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from queueapp.db.models.base import Base, HasId, in_part, link
from queueapp.db.types import BigId, words
from queueapp.domain import names
from queueapp.domain.actor import Role


class Patient(HasId, Base):
    """A person. Name and birth date are never a key; duplicates are linked by staff.

    `call_routes` are CallRoute words in the order to try; `access_needs` are free words shown to
    the clinician; `room_needs` are room features the order respects.
    """

    __tablename__ = "patient"
    __table_args__ = (in_part("same_as_id"),)
    name: Mapped[str] = mapped_column(String(120), default="", index=True)
    chosen_name: Mapped[str] = mapped_column(String(120), default="")
    name_sounds: Mapped[str] = mapped_column(String(160), default="")
    birth_date: Mapped[date | None] = mapped_column(index=True)
    language: Mapped[str] = mapped_column(String(16), default="en")
    call_routes: Mapped[list[str]] = mapped_column(default=list)
    access_needs: Mapped[list[str]] = mapped_column(default=list)
    room_needs: Mapped[list[str]] = mapped_column(default=list)
    phone: Mapped[str] = mapped_column(String(40), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    preferred_clinician_id: Mapped[int | None] = link("clinician.id", nullable=True, index=False)
    name_on_lobby: Mapped[bool] = mapped_column(default=False)
    same_as_id: Mapped[int | None] = link("patient.id", nullable=True, index=False)
    created_at: Mapped[datetime]
    purged_at: Mapped[datetime | None]

    @property
    def called_name(self) -> str:
        """The name the person is spoken to by."""
        return names.called_name(self.name, self.chosen_name)


class Clinician(HasId, Base):
    """One who gives care; may have a login; works at sites through shifts."""

    __tablename__ = "clinician"
    name: Mapped[str] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(String(40), default="")
    attributes: Mapped[list[str]] = mapped_column(default=list)
    staff_id: Mapped[int | None] = link("staff.id", nullable=True)
    retired: Mapped[bool] = mapped_column(default=False)
    skills: Mapped[list["ClinicianService"]] = relationship(back_populates="clinician")

    @property
    def shown_name(self) -> str:
        """Title and name, as on a door."""
        return names.shown_name(self.title, self.name)


class ClinicianService(Base):
    """A clinician can give a service."""

    __tablename__ = "clinician_service"
    clinician_id: Mapped[int] = mapped_column(BigId, ForeignKey("clinician.id"), primary_key=True)
    service_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("service.id"), primary_key=True, index=True
    )
    clinician: Mapped[Clinician] = relationship(back_populates="skills")


class Staff(HasId, Base):
    """One with a login."""

    __tablename__ = "staff"
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(255))
    session_version: Mapped[int] = mapped_column(default=1)
    disabled_at: Mapped[datetime | None]
    memberships: Mapped[list["Membership"]] = relationship(back_populates="staff")


class Membership(HasId, Base):
    """Staff × site × role; an admin's has no site."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("staff_id", "site_id", "role"),)
    staff_id: Mapped[int] = link("staff.id")
    site_id: Mapped[int | None] = link("site.id", nullable=True)
    role: Mapped[Role] = mapped_column(words(Role))
    staff: Mapped[Staff] = relationship(back_populates="memberships")


class Device(HasId, Base):
    """A paired kiosk, lobby screen or room tablet; `kind` is `kiosk`, `lobby` or `room`."""

    __tablename__ = "device"
    site_id: Mapped[int] = link("site.id")
    room_id: Mapped[int | None] = link("room.id", nullable=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiToken(HasId, Base):
    """A bearer token for programs; the token itself is only ever shown once."""

    __tablename__ = "api_token"
    site_id: Mapped[int | None] = link("site.id", nullable=True)
    role: Mapped[Role] = mapped_column(words(Role))
    name: Mapped[str] = mapped_column(String(80), default="")
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

"""What the desk writes down: notes, what was known of a person before, a booking half typed."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from queueapp.db.models.base import Base, HasId, link

LONGEST_NOTE = 500


class Note(HasId, Base):
    """Words of staff about a visit, or about the person where `patient_id` is set.

    Never changed and never deleted but by a purge: a note that is wrong is taken away, and both
    facts stay in the record, which holds its number alone.
    """

    __tablename__ = "note"
    site_id: Mapped[int] = link("site.id", index=False)
    visit_id: Mapped[int] = link("visit.id")
    patient_id: Mapped[int | None] = link("patient.id", nullable=True)
    words: Mapped[str] = mapped_column(String(LONGEST_NOTE))
    written_by: Mapped[str] = mapped_column(String(40))
    written_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class PatientChange(HasId, Base):
    """What a person's details were before staff changed them; the record names its number.

    `before` holds the changed columns alone. Personal, so it goes when the patient is purged.
    """

    __tablename__ = "patient_change"
    site_id: Mapped[int] = link("site.id", index=False)
    patient_id: Mapped[int] = link("patient.id")
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changed_by: Mapped[str] = mapped_column(String(40))
    changed_at: Mapped[datetime]


class DraftBooking(HasId, Base):
    """A booking half typed and put aside by one of the desk; its time is held meanwhile.

    `content` is the form as it was typed; gone once it is booked or thrown away.
    """

    __tablename__ = "draft_booking"
    __table_args__ = (UniqueConstraint("site_id", "parked_by"),)
    site_id: Mapped[int] = link("site.id", index=False)
    parked_by: Mapped[str] = mapped_column(String(40))
    appointment_id: Mapped[int | None] = link("appointment.id", nullable=True, index=False)
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    parked_at: Mapped[datetime]

"""The record of what happened."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from queueapp.db.models.base import Base, HasId, in_part, link
from queueapp.db.types import BigId

# Said once, as the database only takes such an index for the very same words.
TURNED_AWAY = text("kind = 'turned_away'")


class VisitEvent(HasId, Base):
    """The append-only record of every change; ids and codes only, no personal text."""

    __tablename__ = "visit_event"
    __table_args__ = (
        UniqueConstraint("site_id", "seq", "n"),
        Index(None, "site_id", "recorded_at"),
        in_part("appointment_id"),
        # Of a shift itself: what happened to visits in it is found by them.
        in_part("shift_id", "visit_id"),
        Index(
            "ix_visit_event_turned_away",
            "site_id",
            "recorded_at",
            sqlite_where=TURNED_AWAY,
            postgresql_where=TURNED_AWAY,
        ),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    seq: Mapped[int] = mapped_column(Integer)
    n: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(32))
    visit_id: Mapped[int | None] = link("visit.id", nullable=True)
    entry_id: Mapped[int | None] = link("queue_entry.id", nullable=True)
    appointment_id: Mapped[int | None] = link("appointment.id", nullable=True, index=False)
    shift_id: Mapped[int | None] = link("shift.id", nullable=True, index=False)
    room_id: Mapped[int | None] = link("room.id", nullable=True, index=False)
    actor: Mapped[str] = mapped_column(String(40))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    from_state: Mapped[str] = mapped_column(String(32), default="")
    to_state: Mapped[str] = mapped_column(String(32), default="")
    why: Mapped[str] = mapped_column(String(60), default="")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    undoes_id: Mapped[int | None] = mapped_column(
        BigId, ForeignKey("visit_event.id"), unique=True, nullable=True
    )

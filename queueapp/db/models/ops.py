"""What keeps it running: replays, forecasts, leases, looks, outgoing messages."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from queueapp.db.models.base import Base, HasId, link
from queueapp.db.types import BigId


class IdempotencyKey(HasId, Base):
    """The answer of a request already carried out, kept 24 h, written with its effect."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("actor", "method", "path", "key"),)
    actor: Mapped[str] = mapped_column(String(40))
    method: Mapped[str] = mapped_column(String(8))
    path: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(200))
    body_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]


class StoredForecast(HasId, Base):
    """A site's newest forecast; `seq` is the site's right after it was stored."""

    __tablename__ = "forecast"
    site_id: Mapped[int] = mapped_column(BigId, ForeignKey("site.id"), unique=True)
    for_seq: Mapped[int] = mapped_column(Integer)
    seq: Mapped[int] = mapped_column(Integer)
    made_at: Mapped[datetime]
    # Not read with the row: whoever knows the stamps has parsed it already.
    content: Mapped[dict[str, Any]] = mapped_column(deferred=True)


class LearnedHistory(Base):
    """What a site's history taught the worker: visit lengths and habits, kept for every process."""

    __tablename__ = "learned_history"
    site_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("site.id"), primary_key=True, autoincrement=False
    )
    made_at: Mapped[datetime]
    content: Mapped[dict[str, Any]] = mapped_column(deferred=True)


class Lease(Base):
    """Who may do a job that must be done by exactly one process."""

    __tablename__ = "lease"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime]


class OutboxMessage(HasId, Base):
    """A message to a person, to be sent by a transport.

    `content` is written with what happened, as facts; the worker adds the words and files
    (`composed_at`). A secret link stands in neither: its place reads `{link}`.
    """

    __tablename__ = "outbox_message"
    site_id: Mapped[int] = link("site.id")
    visit_id: Mapped[int | None] = link("visit.id", nullable=True)
    patient_id: Mapped[int | None] = link("patient.id", nullable=True)
    appointment_id: Mapped[int | None] = link("appointment.id", nullable=True)
    kind: Mapped[str] = mapped_column(String(32))
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    composed_at: Mapped[datetime | None] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]


class Look(HasId, Base):
    """Who looked at whose details, and when."""

    __tablename__ = "look"
    __table_args__ = (Index(None, "site_id", "looked_at"),)
    site_id: Mapped[int] = link("site.id", index=False)
    actor: Mapped[str] = mapped_column(String(40), index=True)
    patient_id: Mapped[int | None] = link("patient.id", nullable=True)
    visit_id: Mapped[int | None] = link("visit.id", nullable=True)
    what: Mapped[str] = mapped_column(String(40))
    looked_at: Mapped[datetime]

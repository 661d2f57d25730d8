"""Visits, their waits, and all that happens to them."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from queueapp.db.models.base import Base, HasId, in_part, link
from queueapp.db.models.people import Clinician, Patient
from queueapp.db.models.site import Reason, Room, Service
from queueapp.db.types import BigId, words
from queueapp.domain.visit import CallOutcome, EntryState, PreferenceKind, Presence, Resolution

_OPEN_VISIT = text("departed_at IS NULL")
_IN_ROOM = text("state IN ('called', 'in_service')")
_STANDING = text("outcome IS NULL")
_OPEN_ITEM = text("closed_at IS NULL")


class Party(HasId, Base):
    """Patients who come together: one check-in, one phone link, each an own visit."""

    __tablename__ = "party"
    site_id: Mapped[int] = link("site.id")
    called_together: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Visit(HasId, Base):
    """The whole stay, arrival to departure. `key` is opaque and safe to show to others.

    `token_hash` is the SHA-256 of the phone link's token (re-derived from `nonce`).
    """

    __tablename__ = "visit"
    __table_args__ = (
        UniqueConstraint("site_id", "day", "ticket"),
        Index(
            "uq_visit_open_ticket",
            "site_id",
            "ticket",
            unique=True,
            sqlite_where=_OPEN_VISIT,
            postgresql_where=_OPEN_VISIT,
        ),
        in_part("party_id"),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    day: Mapped[date]
    ticket: Mapped[str] = mapped_column(String(8))
    key: Mapped[str] = mapped_column(String(16), unique=True)
    nonce: Mapped[str] = mapped_column(String(32))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    token_expires_at: Mapped[datetime]
    patient_id: Mapped[int | None] = link("patient.id", nullable=True)
    party_id: Mapped[int | None] = link("party.id", nullable=True, index=False)
    presence: Mapped[Presence] = mapped_column(words(Presence))
    come_by: Mapped[datetime | None]
    back_by: Mapped[datetime | None]
    here_at: Mapped[datetime | None]
    place: Mapped[str] = mapped_column(String(80), default="")
    discreet: Mapped[bool] = mapped_column(default=False)
    joined_from_afar: Mapped[bool] = mapped_column(default=False)
    arrived_at: Mapped[datetime]
    departed_at: Mapped[datetime | None]
    resolution: Mapped[Resolution | None] = mapped_column(words(Resolution))

    patient: Mapped[Patient | None] = relationship()
    entries: Mapped[list["QueueEntry"]] = relationship(
        back_populates="visit", order_by="QueueEntry.id"
    )
    steps: Mapped[list["VisitStep"]] = relationship(order_by="VisitStep.position")


class VisitStep(HasId, Base):
    """One step of a visit's plan; `entry_id` once it was opened."""

    __tablename__ = "visit_step"
    visit_id: Mapped[int] = link("visit.id")
    position: Mapped[int] = mapped_column(Integer)
    service_id: Mapped[int] = link("service.id", index=False)
    clinician_id: Mapped[int | None] = link("clinician.id", nullable=True, index=False)
    preference: Mapped[PreferenceKind] = mapped_column(
        words(PreferenceKind), default=PreferenceKind.NONE
    )
    booked_for: Mapped[datetime | None]
    entry_id: Mapped[int | None] = link("queue_entry.id", nullable=True, index=False)


class QueueEntry(HasId, Base):
    """One wait for one service inside a visit."""

    __tablename__ = "queue_entry"
    __table_args__ = (
        Index(None, "site_id", "state"),
        Index(None, "site_id", "arrived_at"),
        Index(
            "uq_queue_entry_visit_in_room",
            "visit_id",
            unique=True,
            sqlite_where=_IN_ROOM,
            postgresql_where=_IN_ROOM,
        ),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    visit_id: Mapped[int] = link("visit.id")
    service_id: Mapped[int] = link("service.id", index=False)
    reason_id: Mapped[int | None] = link("reason.id", nullable=True, index=False)
    appointment_id: Mapped[int | None] = link("appointment.id", nullable=True, index=False)
    previous_id: Mapped[int | None] = link("queue_entry.id", nullable=True, index=False)
    state: Mapped[EntryState] = mapped_column(words(EntryState))
    entry_class: Mapped[str] = mapped_column(String(32))
    band: Mapped[int] = mapped_column(Integer, default=1)
    arrived_at: Mapped[datetime]
    scheduled_at: Mapped[datetime | None]
    reference_at: Mapped[datetime]
    target: Mapped[timedelta]
    due_by: Mapped[datetime]
    preference: Mapped[PreferenceKind] = mapped_column(
        words(PreferenceKind), default=PreferenceKind.NONE
    )
    wished_clinician_id: Mapped[int | None] = link("clinician.id", nullable=True, index=False)
    wished_attribute: Mapped[str] = mapped_column(String(60), default="")
    needs: Mapped[list[str]] = mapped_column(default=list)
    passed_over_until: Mapped[datetime | None]
    absences: Mapped[int] = mapped_column(Integer, default=0)
    shift_id: Mapped[int | None] = link("shift.id", nullable=True, index=False)
    clinician_id: Mapped[int | None] = link("clinician.id", nullable=True, index=False)
    room_id: Mapped[int | None] = link("room.id", nullable=True, index=False)
    called_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    still_in_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_unknown: Mapped[bool] = mapped_column(default=False)
    stepped_out: Mapped[timedelta] = mapped_column(default=timedelta(0))
    stepped_out_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(300), default="")

    visit: Mapped[Visit] = relationship(back_populates="entries")
    service: Mapped[Service] = relationship()
    reason: Mapped[Reason | None] = relationship()
    clinician: Mapped[Clinician | None] = relationship(foreign_keys=[clinician_id])
    wished_clinician: Mapped[Clinician | None] = relationship(foreign_keys=[wished_clinician_id])
    room: Mapped[Room | None] = relationship()
    calls: Mapped[list["Call"]] = relationship(back_populates="entry", order_by="Call.id")
    promises: Mapped[list["Promise"]] = relationship(order_by="Promise.number")
    move: Mapped["OrderMove | None"] = relationship(
        primaryjoin="and_(OrderMove.entry_id == QueueEntry.id, OrderMove.ended_at == None)",
        foreign_keys="OrderMove.entry_id",
        viewonly=True,
        uselist=False,
    )

    @property
    def planned(self) -> timedelta:
        """How long the visit is planned to take: by its reason, else by its service."""
        return self.reason.planned if self.reason else self.service.planned


class Call(HasId, Base):
    """One summons to a room; a recall is another. At most one stands per entry."""

    __tablename__ = "call"
    __table_args__ = (
        Index(None, "site_id", "called_at"),
        Index(
            "uq_call_standing",
            "entry_id",
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    entry_id: Mapped[int] = link("queue_entry.id")
    room_id: Mapped[int] = link("room.id", index=False)
    shift_id: Mapped[int] = link("shift.id", index=False)
    number: Mapped[int] = mapped_column(Integer, default=1)
    routes: Mapped[list[str]] = mapped_column(default=list)
    called_at: Mapped[datetime]
    outcome: Mapped[CallOutcome | None] = mapped_column(words(CallOutcome))
    ended_at: Mapped[datetime | None]

    entry: Mapped[QueueEntry] = relationship(back_populates="calls")
    room: Mapped[Room] = relationship()


class Promise(HasId, Base):
    """`promised_wait`: the range told, as instants; never overwritten, a revision is a new one.

    `number` 1 is the first promise, 2 the one revision; `basis` is `forecast` or `cold_start`;
    an apology (a second slip) carries no range. `raw_low` to `raw_high` is how far ahead the
    forecast's own range lay before outcomes moved its ends, at `ahead` people due before: with the
    call that came it teaches by how much to move them. None where nothing was moved.
    """

    __tablename__ = "promise"
    __table_args__ = (UniqueConstraint("entry_id", "number"),)
    entry_id: Mapped[int] = link("queue_entry.id", index=False)
    number: Mapped[int] = mapped_column(Integer)
    told_at: Mapped[datetime]
    low_at: Mapped[datetime | None]
    mid_at: Mapped[datetime | None]
    high_at: Mapped[datetime | None]
    basis: Mapped[str] = mapped_column(String(16))
    forecast_seq: Mapped[int | None] = mapped_column(Integer)
    forecast_age: Mapped[timedelta | None]
    raw_low: Mapped[timedelta | None]
    raw_high: Mapped[timedelta | None]
    ahead: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(200), default="")


class OrderMove(HasId, Base):
    """An order override beside `due_by`; ends when its anchor is called, or is undone."""

    __tablename__ = "order_move"
    entry_id: Mapped[int] = link("queue_entry.id")
    before_id: Mapped[int] = link("queue_entry.id")
    reason: Mapped[str] = mapped_column(String(200))
    moved_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class DeskItem(HasId, Base):
    """Something that needs a person at the desk; at most one open per kind and subject."""

    __tablename__ = "desk_item"
    __table_args__ = (
        Index(
            "uq_desk_item_open",
            "site_id",
            "kind",
            "subject",
            unique=True,
            sqlite_where=_OPEN_ITEM,
            postgresql_where=_OPEN_ITEM,
        ),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(40))
    entry_id: Mapped[int | None] = link("queue_entry.id", nullable=True)
    visit_id: Mapped[int | None] = link("visit.id", nullable=True)
    appointment_id: Mapped[int | None] = link("appointment.id", nullable=True, index=False)
    device_id: Mapped[int | None] = link("device.id", nullable=True, index=False)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    opened_at: Mapped[datetime]
    taken_by: Mapped[str] = mapped_column(String(120), default="")
    taken_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(60), default="")


class TicketCounter(Base):
    """How many tickets a site has given on a service day."""

    __tablename__ = "ticket_counter"
    site_id: Mapped[int] = mapped_column(BigId, ForeignKey("site.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    given: Mapped[int] = mapped_column(Integer, default=0)

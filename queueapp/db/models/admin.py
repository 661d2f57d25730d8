"""What administration leaves behind: who changed what, and codes and links that work once."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from queueapp.db.models.base import Base, HasId, link
from queueapp.db.types import BigId


class AdminChange(HasId, Base):
    """One administrative change: by whom, when, and of each field what it was and became.

    Append-only, without secrets; `subject_id` outlives the row it names.
    """

    __tablename__ = "admin_change"
    __table_args__ = (
        Index(None, "site_id", "changed_at"),
        Index(None, "subject", "subject_id"),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    actor: Mapped[str] = mapped_column(String(40))
    changed_at: Mapped[datetime]
    verb: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(24))
    subject_id: Mapped[int | None] = mapped_column(BigId)
    name: Mapped[str] = mapped_column(String(254), default="")
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Pairing(HasId, Base):
    """A short code that makes one browser a screen, once; `device_id` where it is one again."""

    __tablename__ = "pairing"
    site_id: Mapped[int] = link("site.id")
    room_id: Mapped[int | None] = link("room.id", nullable=True)
    device_id: Mapped[int | None] = link("device.id", nullable=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    code_hash: Mapped[str] = mapped_column(String(64), index=True)
    made_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    wrong_tries: Mapped[int] = mapped_column(Integer, default=0)
    used_at: Mapped[datetime | None]


class StaffLink(HasId, Base):
    """A link by which a member of staff chooses a password, once."""

    __tablename__ = "staff_link"
    staff_id: Mapped[int] = link("staff.id")
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SetupCode(Base):
    """The one code that opens the first-run set-up; once used, set-up is closed for good."""

    __tablename__ = "setup_code"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

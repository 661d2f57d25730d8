"""Who is signed in, and where."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from queueapp.db.models.base import Base, HasId, link
from queueapp.db.models.people import Staff


class SignIn(HasId, Base):
    """One browser's stretch of being signed in.

    It counts until it is ended, until its login is disabled, or until `version` is no longer the
    login's `session_version`. `key` is what tells it from every other; the browser's cookie holds
    it signed, so that the row alone opens nothing. `browser` is what the browser called itself.
    """

    __tablename__ = "sign_in"
    staff_id: Mapped[int] = link("staff.id")
    key: Mapped[str] = mapped_column(String(32))
    version: Mapped[int]
    browser: Mapped[str] = mapped_column(String(120), default="")
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    staff: Mapped[Staff] = relationship()

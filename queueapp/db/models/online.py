"""What a booking made online has beside its time: the link that moves and cancels it."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from queueapp.db.models.base import Base, HasId, link
from queueapp.db.models.booking import Appointment
from queueapp.db.types import BigId


class BookingLink(HasId, Base):
    """The patient's link of a booking made online; whoever has one made the booking there.

    The token is derived from `nonce` and the site's secret; only its SHA-256 is stored. `uid` is
    what calendars know the booking by, however often it moves.
    """

    __tablename__ = "booking_link"
    appointment_id: Mapped[int] = mapped_column(BigId, ForeignKey("appointment.id"), unique=True)
    site_id: Mapped[int] = link("site.id")
    nonce: Mapped[str] = mapped_column(String(32))
    uid: Mapped[str] = mapped_column(String(32))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    made_at: Mapped[datetime]

    appointment: Mapped[Appointment] = relationship()

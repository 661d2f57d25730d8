"""What patients tell after a visit, and how often a kiosk was asked for a booking in vain."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from queueapp.db.models.base import Base, HasId, link
from queueapp.db.types import words
from queueapp.domain.visit import SortedOut

LONGEST_WORDS = 1000


class Feedback(HasId, Base):
    """The answer to "was what you came for sorted out?", once per visit, changed by its patient.

    `wording` is what still needs doing; `thanks` is for the clinician who saw them last. A wanted
    answer goes to `reach` (a phone number or e-mail address) by `answer_by`. Who sees to it and
    when it was closed are the desk item's.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("visit_id"),
        Index(None, "site_id", "told_at"),
        Index(None, "clinician_id", "told_at"),
    )
    site_id: Mapped[int] = link("site.id", index=False)
    visit_id: Mapped[int] = link("visit.id", index=False)
    clinician_id: Mapped[int | None] = link("clinician.id", nullable=True, index=False)
    sorted_out: Mapped[SortedOut] = mapped_column(words(SortedOut))
    wording: Mapped[str] = mapped_column(String(LONGEST_WORDS), default="")
    thanks: Mapped[str] = mapped_column(String(LONGEST_WORDS), default="")
    reach: Mapped[str] = mapped_column(String(254), default="")
    answer_by: Mapped[datetime | None]
    told_at: Mapped[datetime]


class VainLookup(HasId, Base):
    """A look-up at a kiosk that found nothing; `person` is an opaque word per person in front."""

    __tablename__ = "vain_lookup"
    __table_args__ = (Index(None, "actor", "tried_at"),)
    actor: Mapped[str] = mapped_column(String(40))
    person: Mapped[str] = mapped_column(String(32))
    tried_at: Mapped[datetime]

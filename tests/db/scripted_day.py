"""A small clinic's day, run by its verbs alone: what scripted days are told in."""

from datetime import datetime

import sqlalchemy as sa

from queueapp.actions import (
    arrivals,
    bookings,
    check_ins,
    desk_items,
    service,
)
from queueapp.actions.arrivals import Newcomer
from queueapp.actions.bookings import Place
from queueapp.db.models import Appointment, DeskItem, Promise, QueueEntry
from queueapp.domain.visit import (
    Resolution,
)
from tests.db.small_clinic import SmallClinic, minutes


class Day(SmallClinic):
    """The small clinic, run by its verbs alone."""

    def walk_in(self, name: str = "", **wanted: object) -> QueueEntry:
        wanted.setdefault("service_id", self.gp.id)
        newcomer = Newcomer(name=name) if name else None
        return self.do(arrivals.take_ticket, site_id=self.site.id, newcomer=newcomer, **wanted)

    def book(self, at: float, doctor: int = 1, **wanted: object) -> Appointment:
        """Book a doctor `at` minutes from now."""
        place = Place(self.now + minutes(at), clinician_id=self.clinicians[doctor - 1].id)
        return self.do(
            bookings.book, site_id=self.site.id, service_id=self.gp.id, place=place, **wanted
        )

    def check_in(self, booking: Appointment) -> QueueEntry:
        return self.do(check_ins.check_in, appointment_id=booking.id)

    def serve(self, entry: QueueEntry, length: float = 10) -> QueueEntry:
        """Start the one who was called, let the visit last, finish it."""
        self.do(service.start, entry_id=entry.id)
        self.wait(length)
        return self.do(service.finish, entry_id=entry.id, resolution=Resolution.RESOLVED)

    def items(self, kind: desk_items.ItemKind) -> list[DeskItem]:
        return desk_items.open_items(self.session, self.site.id, kind)

    def promise(self, entry: QueueEntry) -> Promise:
        query = sa.select(Promise).where(Promise.entry_id == entry.id, Promise.number == 1)
        return self.session.scalars(query).one()

    def latest(self, entry: QueueEntry) -> QueueEntry:
        query = sa.select(QueueEntry).where(QueueEntry.visit_id == entry.visit_id)
        return self.session.scalars(query.order_by(QueueEntry.id.desc()).limit(1)).one()


def told(promise: Promise) -> tuple[datetime | None, datetime | None]:
    return promise.low_at, promise.high_at

"""A clinic to book in: one clinician, a whole day of free times."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from queueapp.actions import bookings
from queueapp.actions.bookings import Place
from queueapp.db.models import Appointment, Staff
from queueapp.db.queries.slots import FreeTime, free_times
from queueapp.domain.actor import Actor, ActorKind, Role
from tests import factories as make
from tests.factories import NOW

DESK = Actor(ActorKind.STAFF, 7, "Desk")
MINUTE = timedelta(minutes=1)
TEN = NOW + 60 * MINUTE


class Clinic:
    """One clinician on shift from 09:00 to 17:00, twenty minutes each."""

    def __init__(self, session: Session, **service: object) -> None:
        self.session = session
        self.site = make.make_site(session)
        self.service = make.make_service(
            session, self.site, "Doctor", **{"planned": 20 * MINUTE, **service}
        )
        self.ann = make.make_clinician(session, [self.service], "Ann")
        self.shift = make.make_shift(session, self.site, self.ann)
        if session.get(Staff, DESK.id) is None:
            make.make_staff(session, self.site, Role.RECEPTIONIST, id=DESK.id)

    def book(self, starts_at: datetime = TEN, now: datetime = NOW, **more: object) -> Appointment:
        length = more.pop("length", None)
        return bookings.book(
            self.session,
            DESK,
            now,
            site_id=self.site.id,
            service_id=self.service.id,
            place=Place(starts_at, self.ann.id, length=length),
            **more,
        )

    def free(self, start: datetime, end: datetime, now: datetime = NOW) -> list[FreeTime]:
        return free_times(self.session, self.site, self.service, start, end, now=now)


def starts(times: list[FreeTime]) -> list[str]:
    return [f"{free.starts_at:%H:%M}" for free in times]

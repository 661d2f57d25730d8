"""A clinic that the public books with: two doctors every day, and a pool for blood tests."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from queueapp.db.models import Appointment, OutboxMessage, Pool, ShiftPattern, Site
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from queueapp.domain.localtime import ONE_DAY, local_to_utc, to_local
from queueapp.domain.visit import AppointmentState
from tests import factories
from tests.web.web_world import SECRET, web_app

PUBLIC_URL = "https://queue.example.org"
ZONE = "Europe/London"
MINUTE = timedelta(minutes=1)


class BookingWorld:
    """Site `harbour` or another: doctors Ruiz and Osei from 9 to 17 each day, 20 minutes each."""

    def __init__(self, database: Database, slug: str = "harbour", **settings: Any) -> None:
        self.db, self.slug = database, slug
        self.app = web_app(database, public_url=PUBLIC_URL)
        with database.write() as s:
            site = factories.make_site(s, slug, name="Harbour Street", settings=settings)
            doctor = factories.make_service(
                s, site, "GP consultation", slug="gp", plain_name="Doctor", planned=20 * MINUTE
            )
            self.blood = factories.make_service(s, site, "Blood test", slug="blood", position=1).id
            self.reason = factories.make_reason(s, doctor, "A new problem", minutes=20).id
            self.long_reason = factories.make_reason(s, doctor, "Wound care", minutes=40).id
            self.doctors = []
            for name in ("Ruiz", "Osei"):
                one = factories.make_clinician(s, [doctor], name, title="Dr")
                self.doctors.append(one.id)
                s.add_all(
                    ShiftPattern(
                        site_id=site.id, clinician_id=one.id, weekday=n,
                        starts=time(9), ends=time(17), valid_from=date(2020, 1, 1),
                    )
                    for n in range(7)
                )  # fmt: skip
            self.site_id, self.doctor = site.id, doctor.id
            self.staff = factories.make_staff(s, site, Role.RECEPTIONIST)
            _, self.token = factories.make_api_token(s, site, Role.RECEPTIONIST)

    @property
    def tomorrow(self) -> date:
        """The day after today, on the clinic's clock."""
        return to_local(ZONE, datetime.now(UTC)).date() + ONE_DAY

    def at(self, clock: str, days: int = 1) -> datetime:
        """That time on a day from today on."""
        return local_to_utc(ZONE, self.tomorrow + ONE_DAY * (days - 1), time.fromisoformat(clock))

    def phone(self) -> FlaskClient:
        """A phone nobody knows."""
        return self.app.test_client()

    def choose(
        self, phone: FlaskClient, clock: str, *, days: int = 1, doctor: int = 0, **more: Any
    ) -> TestResponse:
        """Choose a time of the first doctor, unless said; without `who`, with anyone."""
        value = f"{self.at(clock, days).isoformat()}|c{self.doctors[doctor]}"
        query = {"reason": self.reason, **more}
        return phone.post(f"/book/{self.slug}/gp", query_string=query, data={"time": value})

    def book(self, clock: str, *, days: int = 1, name: str = "Rosa", **more: Any) -> FlaskClient:
        """A phone with a booking at that time."""
        phone = self.phone()
        contact = more.pop("contact", f"{name.lower()}@example.org")
        assert self.choose(phone, clock, days=days, **more).status_code == 303
        answer = send(phone, name=name, contact=contact)
        assert answer.status_code == 303, answer.text
        return phone

    def fill(self, day: int, until: str) -> None:
        """The desk books the first doctor's day from nine on, without gaps."""
        with self.db.write() as s:
            at, end = self.at("09:00", day), self.at(until, day)
            while at < end:
                s.add(self._row(at))
                at += 20 * MINUTE

    def _row(self, at: datetime) -> Appointment:
        until = at + 20 * MINUTE
        return Appointment(
            site_id=self.site_id, service_id=self.doctor, clinician_id=self.doctors[0],
            state=AppointmentState.BOOKED, starts_at=at, ends_at=until, busy_from=at,
            busy_to=until, code=f"D{at:%d%H%M}", created_at=datetime.now(UTC),
        )  # fmt: skip

    def pool(self, clock: str, until: str, capacity: int, days: int = 1) -> None:
        """Places for blood tests, ten minutes each."""
        with self.db.write() as s:
            s.add(
                Pool(
                    service_id=self.blood, starts_at=self.at(clock, days),
                    ends_at=self.at(until, days), interval=10 * MINUTE, capacity=capacity,
                )
            )  # fmt: skip

    def bookings(self) -> list[Appointment]:
        """All appointments, with their patients."""
        ours = sa.select(Appointment).where(Appointment.site_id == self.site_id)
        with self.db.read() as s:
            found = list(s.scalars(ours.order_by(Appointment.id)))
            for one in found:
                _ = one.patient
            s.expunge_all()
            return found

    def messages(self) -> list[OutboxMessage]:
        """What is written to be sent."""
        with self.db.read() as s:
            found = list(s.scalars(sa.select(OutboxMessage).order_by(OutboxMessage.id)))
            s.expunge_all()
            return found

    def settings(self, **settings: Any) -> None:
        """Set figures of the site."""
        with self.db.write() as s:
            site = s.get_one(Site, self.site_id)
            site.settings = {**site.settings, **settings}


def send(phone: FlaskClient, **given: str) -> TestResponse:
    """Fill in for whom the kept time is."""
    data = {"name": "Rosa", "birth_date": "27 03 1985", "contact": "rosa@example.org", **given}
    return phone.post("/booking/details", data=data)


def link_in(phone: FlaskClient) -> str:
    """The link on the page of a booking, without the host."""
    found = re.search(re.escape(PUBLIC_URL) + r"(/b/[\w-]+)", phone.get("/booking").text)
    assert found
    return found[1]


def world_on(url: str, slug: str = "harbour", **settings: Any) -> BookingWorld:
    """The clinic on the database of a URL."""
    return BookingWorld(Database(url, secret=SECRET), slug, **settings)

"""Generated days: online bookings never take what is kept, whoever books, moves and cancels."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import bookings
from queueapp.actions.online import confirm_online, hold_online
from queueapp.actions.online_changes import cancel_online, move_online
from queueapp.db.models import Appointment, BookingLink, Patient, Pool, Service, ShiftPattern, Site
from queueapp.db.queries.duty import on_duty
from queueapp.db.queries.online import online_times
from queueapp.db.queries.slots import still_busy
from queueapp.domain.actor import SYSTEM
from queueapp.domain.localtime import service_day_span
from queueapp.domain.refusal import Refused
from queueapp.domain.spans import Span
from queueapp.domain.visit import AppointmentState
from tests import factories as make
from tests.factories import NOW

MINUTE = timedelta(minutes=1)
DAYS, STEPS = 6, 24
PEOPLE = [(f"p{n}@example.org", date(1980 + n % 3, 1, 1)) for n in range(6)]


class Clinic:
    """Two doctors with habits of their own, a pool, and figures drawn for the day."""

    def __init__(self, session: Session, dice: Random) -> None:
        self.session, self.dice, self.now = session, dice, NOW
        self.known: dict[tuple[int, date], float] = {}
        self.site: Site = make.make_site(
            session,
            settings={
                "walk_in_share": dice.choice([0.0, 0.2, 0.35, 0.5, 1.0]),
                "online_per_person": dice.choice([1, 2]),
                "online_per_contact": dice.choice([2, 3]),
                "online_notice": dice.choice([0, 3600, 4 * 3600]),
                "online_window": dice.choice([1, 2, 3]) * 86400,
            },
        )
        self.service: Service = make.make_service(
            session, self.site, planned=dice.choice([15, 20, 30]) * MINUTE,
            buffer_after=dice.choice([0, 5]) * MINUTE,
        )  # fmt: skip
        self.doctors = [make.make_clinician(session, [self.service]).id for _ in range(2)]
        for clinician_id in self.doctors:
            starts = dice.choice([8, 9])
            session.add_all(
                ShiftPattern(
                    site_id=self.site.id, clinician_id=clinician_id, weekday=n,
                    starts=time(starts), ends=time(starts + dice.choice([2, 3])),
                    valid_from=date(2020, 1, 1),
                )
                for n in range(7)
            )  # fmt: skip
        begins = NOW + timedelta(days=1)
        session.add(
            Pool(
                service_id=self.service.id, starts_at=begins, ends_at=begins + 60 * MINUTE,
                interval=10 * MINUTE, capacity=dice.choice([1, 2, 3]),
            )
        )  # fmt: skip
        session.flush()

    def any_time(self) -> tuple[datetime, int | None, int | None]:
        """A time that is offered, or one that nobody offers."""
        if self.dice.random() < 0.2:
            return NOW + self.dice.randrange(-4, 400) * 15 * MINUTE, self.doctors[0], None
        over = Span(self.now, self.now + timedelta(days=4))
        found = online_times(self.session, self.site, self.service, over, self.now)
        if not found:
            return NOW + timedelta(days=1), self.doctors[0], None
        one = self.dice.choice(found)
        return one.starts_at, one.clinician_id, one.pool_id

    def step(self) -> None:
        """Somebody does something; refused things change nothing."""
        kind = self.dice.choices(["public", "desk", "move", "cancel", "wait"], [8, 2, 2, 2, 1])[0]
        if kind == "wait":
            self.now += self.dice.choice([1, 7, 60]) * MINUTE
            return
        try:
            with self.session.begin_nested():
                self._do(kind)
        except Refused:
            self.session.expire_all()

    def _do(self, kind: str) -> None:
        starts_at, clinician_id, pool_id = self.any_time()
        place = bookings.Place(starts_at, clinician_id, pool_id)
        before = self.overdrawn()
        if kind == "desk":
            bookings.book(
                self.session, SYSTEM, self.now,
                site_id=self.site.id, service_id=self.service.id, place=place,
            )  # fmt: skip
            return
        if kind == "public":
            contact, born = self.dice.choice(PEOPLE)
            held = hold_online(
                self.session, SYSTEM, self.now,
                site_id=self.site.id, service_id=self.service.id, starts_at=starts_at,
                clinician_id=clinician_id if self.dice.random() < 0.5 else None, likely=place,
            )  # fmt: skip
            if self.dice.random() < 0.8:
                confirm_online(
                    self.session, SYSTEM, self.now,
                    appointment_id=held.id, name="Somebody", birth_date=born, contact=contact,
                )  # fmt: skip
        elif booked := self.online():
            one = self.dice.choice(booked)
            if kind == "cancel":
                cancel_online(self.session, SYSTEM, self.now, appointment_id=one.id)
                return
            move_online(
                self.session, SYSTEM, self.now, appointment_id=one.id, starts_at=starts_at,
                likely=place,
            )  # fmt: skip
        # Whatever the desk has taken beyond it, the public adds nothing to.
        after = self.overdrawn()
        grown = {key for key in after if after[key] > before.get(key, 0)}
        assert not grown, f"{kind} took what is kept: {grown}"

    def online(self) -> list[Appointment]:
        """The bookings made online that stand and are to come."""
        return list(
            self.session.scalars(
                sa.select(Appointment)
                .join(BookingLink, BookingLink.appointment_id == Appointment.id)
                .where(
                    Appointment.site_id == self.site.id,
                    Appointment.state == AppointmentState.BOOKED,
                    Appointment.starts_at > self.now,
                )
                .order_by(Appointment.id)
            )
        )

    def overdrawn(self) -> dict[Any, float]:
        """By how much a doctor's or pool's day is booked beyond the share that is kept."""
        used: dict[Any, float] = defaultdict(float)
        for one in self.session.scalars(
            sa.select(Appointment).where(Appointment.site_id == self.site.id, still_busy(self.now))
        ):
            day = self.site.day_at(one.starts_at)
            if one.clinician_id:
                used["doctor", one.clinician_id, day] += (
                    one.busy_to - one.busy_from
                ).total_seconds()
            else:
                used["pool", one.pool_id, day] += 1
        share = 1 - self.site.rules.walk_in_share
        over = {}
        for (kind, owner, day), taken in used.items():
            if kind == "pool":
                whole = 6 * self.session.get_one(Pool, owner).capacity
            else:
                whole = self.on_duty_s(owner, day)
            over[kind, owner, day] = max(0.0, taken - whole * share - 1e-6)
        return over

    def on_duty_s(self, owner: int, day: date) -> float:
        """How long the doctor is there that day, in seconds."""
        if (owner, day) not in self.known:
            span = service_day_span(self.site.timezone, day, self.site.rules.day_starts_at)
            duty = on_duty(self.session, self.site, self.service, span, self.now, owner)
            self.known[owner, day] = sum(s.length.total_seconds() for s in duty.get(owner, ()))
        return self.known[owner, day]

    def check(self) -> None:
        """The limits, the notice and the window hold of all that stands."""
        rules = self.site.rules
        people: dict[Any, int] = defaultdict(int)
        contacts: dict[str, int] = defaultdict(int)
        for one in self.online():
            patient = self.session.get_one(Patient, one.patient_id)
            people[patient.email, patient.birth_date] += 1
            contacts[patient.email] += 1
        assert max(people.values(), default=0) <= rules.online_per_person
        assert max(contacts.values(), default=0) <= rules.online_per_contact
        over = Span(NOW - timedelta(days=1), NOW + timedelta(days=9))
        for free in online_times(self.session, self.site, self.service, over, self.now):
            assert rules.online_notice <= free.starts_at - self.now < rules.online_window


# What is kept is reckoned in Python: on PostgreSQL two days show that it reads and stores alike.
@pytest.mark.parametrize(
    ("database", "seed"),
    [("sqlite", n) for n in range(DAYS)] + [("postgresql", n) for n in range(2)],
    indirect=["database"],
)
def test_what_is_kept_stays_and_limits_hold_on_any_day(session: Session, seed: int) -> None:
    clinic = Clinic(session, Random(seed))
    for n in range(STEPS):
        clinic.step()
        if n % 8 == 7:
            clinic.check()


def test_the_desk_may_go_past_what_the_public_may_not(session: Session) -> None:
    site = make.make_site(session, settings={"walk_in_share": 0.5})
    service = make.make_service(session, site, planned=20 * MINUTE)
    doctor = make.make_clinician(session, [service])
    make.make_shift(session, site, doctor, hours=2, now=NOW + timedelta(hours=2))
    got, said = [], set()
    for n in range(6):
        at = NOW + timedelta(hours=2) + n * 20 * MINUTE
        try:
            hold_online(
                session, SYSTEM, NOW, site_id=site.id, service_id=service.id, starts_at=at,
                clinician_id=doctor.id,
            )  # fmt: skip
            got.append("held")
        except Refused as refused:
            got.append(refused.code)
            said.add(refused.message)
            bookings.book(
                session, SYSTEM, NOW, site_id=site.id, service_id=service.id,
                place=bookings.Place(at, doctor.id),
            )  # fmt: skip
    assert got == ["held"] * 3 + ["share_kept"] * 3
    assert said == {"The rest of that day is kept for people who come without an appointment."}

"""Booked times: nothing overlaps but by an audited wish, whatever the clock does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from queueapp.actions import bookings, parties, shifts
from queueapp.actions.bookings import Override, Place
from queueapp.db.models import (
    Appointment,
    AppointmentOverride,
    Membership,
    OpeningException,
    OpeningHour,
    Pool,
    ShiftBreak,
    ShiftPattern,
    Staff,
    VisitEvent,
)
from queueapp.db.queries.slots import FreeTime, free_times
from queueapp.db.session import Database
from queueapp.domain.actor import Actor, ActorKind, Role
from queueapp.domain.refusal import Refused
from queueapp.domain.rules import SiteRules
from queueapp.domain.visit import AppointmentState
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


@pytest.fixture
def clinic(session: Session) -> Clinic:
    return Clinic(session)


def starts(times: list[FreeTime]) -> list[str]:
    return [f"{free.starts_at:%H:%M}" for free in times]


def test_a_time_is_booked_once_and_the_refusal_offers_the_next(
    session: Session, clinic: Clinic
) -> None:
    first = clinic.book()
    assert (first.state, len(first.code)) == (AppointmentState.BOOKED, 6)
    with pytest.raises(Refused) as refused:
        clinic.book(TEN + 10 * MINUTE)
    assert refused.value.code == "overlap"
    assert refused.value.details["next"] == [(TEN + n * MINUTE).isoformat() for n in (20, 40, 60)]
    assert clinic.book(TEN + 20 * MINUTE).starts_at == TEN + 20 * MINUTE
    assert session.scalar(sa.select(sa.func.count(Appointment.id))) == 2


def test_buffers_keep_their_distance(session: Session) -> None:
    clinic = Clinic(session, buffer_before=5 * MINUTE, buffer_after=10 * MINUTE)
    clinic.book()
    for n in (30, -30):
        with pytest.raises(Refused) as refused:
            clinic.book(TEN + n * MINUTE)
        assert refused.value.code == "overlap"
    clinic.book(TEN + 35 * MINUTE)
    clinic.book(TEN - 35 * MINUTE)
    assert "09:40" not in starts(clinic.free(NOW, TEN + 60 * MINUTE))


def test_the_database_itself_refuses_an_overlap(session: Session, clinic: Clinic) -> None:
    first = clinic.book()
    columns = {c.key: getattr(first, c.key) for c in sa.inspect(Appointment).column_attrs}
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(sa.insert(Appointment).values({**columns, "id": None} | {"id": 999}))


def test_an_override_is_audited_and_ordinary_bookings_still_meet_both(
    session: Session, clinic: Clinic
) -> None:
    first = clinic.book()
    double = clinic.book(TEN + 10 * MINUTE, override=Override("Crying baby"))
    audit = session.scalars(sa.select(AppointmentOverride)).one()
    assert (audit.appointment_id, audit.overlapped_id) == (double.id, first.id)
    assert (audit.allowed_by, audit.reason) == ("staff:7", "Crying baby")
    for at in (TEN, TEN + 20 * MINUTE, TEN - 10 * MINUTE):
        with pytest.raises(Refused) as refused:
            clinic.book(at)
        assert refused.value.code == "overlap"
    triple = clinic.book(TEN, override=Override("Twins"))
    overlapped = session.scalars(
        sa.select(AppointmentOverride.overlapped_id)
        .where(AppointmentOverride.appointment_id == triple.id)
        .order_by(AppointmentOverride.overlapped_id)
    ).all()
    assert overlapped == [first.id, double.id]
    bookings.cancel_booking(session, DESK, NOW, appointment_id=first.id)
    with pytest.raises(Refused):
        clinic.book(TEN)
    events = session.scalars(sa.select(VisitEvent.data)).all()
    assert "Crying" not in str(events)


def test_who_may_book_over_somebody_is_the_sites_rule(session: Session, clinic: Clinic) -> None:
    clinic.book()
    clinic.site.settings = {"overlap_by": "manager"}
    session.flush()
    with pytest.raises(Refused, match="only a manager may book over somebody") as refused:
        clinic.book(TEN, override=Override("Twins"))
    assert (refused.value.kind, refused.value.field) == ("forbidden", "override.reason")
    session.add(Membership(staff_id=DESK.id, site_id=clinic.site.id, role=Role.MANAGER))
    session.flush()
    assert clinic.book(TEN, override=Override("Twins")).id
    with pytest.raises(Refused, match="receptionist or manager"):
        SiteRules.from_mapping({"overlap_by": "patient"})


def test_an_override_needs_a_reason(clinic: Clinic) -> None:
    with pytest.raises(Refused) as refused:
        Override(" ")
    assert refused.value.field == "override.reason"


def test_a_time_outside_the_shift_or_across_a_break_is_refused_unless_overridden(
    session: Session, clinic: Clinic
) -> None:
    session.add(
        ShiftBreak(
            shift_id=clinic.shift.id,
            starts_at=TEN + 120 * MINUTE,
            ends_at=TEN + 150 * MINUTE,
        )
    )
    session.flush()
    session.refresh(clinic.shift)
    for at in (NOW + timedelta(hours=8), TEN + 110 * MINUTE, NOW + timedelta(days=3)):
        with pytest.raises(Refused, match="Ann does not give Doctor at that time") as refused:
            clinic.book(at)
        assert refused.value.field == "starts_at"
    late = clinic.book(NOW + timedelta(hours=8), override=Override("After hours"))
    assert late.state is AppointmentState.BOOKED
    with pytest.raises(Refused, match="not in the past"):
        clinic.book(NOW - MINUTE)


def test_a_hold_keeps_the_time_until_it_runs_out(session: Session, clinic: Clinic) -> None:
    held = bookings.hold(
        session,
        DESK,
        NOW,
        site_id=clinic.site.id,
        service_id=clinic.service.id,
        place=Place(TEN, clinic.ann.id),
    )
    with pytest.raises(Refused) as refused:
        clinic.book(now=NOW + 4 * MINUTE)
    assert refused.value.code == "overlap"
    assert "10:00" not in starts(clinic.free(TEN, TEN + 30 * MINUTE))
    assert "10:00" in starts(clinic.free(TEN, TEN + 30 * MINUTE, now=NOW + 5 * MINUTE))
    with pytest.raises(Refused) as refused:
        bookings.book_held(session, DESK, NOW + 5 * MINUTE, appointment_id=held.id)
    assert refused.value.code == "hold_expired"
    clinic.book(now=NOW + 5 * MINUTE)
    assert held.state is AppointmentState.CANCELLED


def test_a_hold_becomes_a_booking(session: Session, clinic: Clinic) -> None:
    patient = make.make_patient(session)
    held = bookings.hold(
        session,
        DESK,
        NOW,
        site_id=clinic.site.id,
        service_id=clinic.service.id,
        place=Place(TEN, clinic.ann.id),
    )
    booked = bookings.book_held(
        session, DESK, NOW + MINUTE, appointment_id=held.id, patient_id=patient.id
    )
    assert (booked.state, booked.held_until, booked.patient_id) == (
        AppointmentState.BOOKED,
        None,
        patient.id,
    )
    assert bookings.find_booking(session, clinic.site.id, f" {booked.code.lower()} ") is booked


def test_a_booking_moves_and_frees_its_old_time(session: Session, clinic: Clinic) -> None:
    first, second = clinic.book(), clinic.book(TEN + 20 * MINUTE)

    def move(to: datetime) -> Appointment:
        return bookings.move_booking(session, DESK, NOW, appointment_id=first.id, place=Place(to))

    with pytest.raises(Refused) as refused:
        move(second.starts_at)
    assert refused.value.code == "overlap"
    assert (first.starts_at, first.sequence) == (TEN, 0)
    move(TEN + 60 * MINUTE)
    assert (first.starts_at, first.ends_at, first.sequence) == (
        TEN + 60 * MINUTE,
        TEN + 80 * MINUTE,
        1,
    )
    clinic.book(TEN)


def test_a_cancelled_time_is_free_and_its_fact_can_put_it_back(
    session: Session, clinic: Clinic
) -> None:
    first = clinic.book()
    bookings.cancel_booking(session, DESK, NOW, appointment_id=first.id, why="by_patient")
    fact = session.info["queueapp.staged_facts"][-1].fact
    assert fact.before["appointment"][str(first.id)]["state"] == "booked"
    clinic.book()
    with pytest.raises(Refused, match="was cancelled"):
        bookings.cancel_booking(session, DESK, NOW, appointment_id=first.id)


def test_nobody_is_a_no_show_before_time_delay_and_patience_have_passed(
    session: Session, clinic: Clinic
) -> None:
    first = clinic.book()
    clinic.shift.declared_delay = 30 * MINUTE

    def not_come(minutes: int) -> Appointment:
        when = TEN + minutes * MINUTE
        return bookings.no_show(session, DESK, when, appointment_id=first.id)

    with pytest.raises(Refused, match="in 1 min") as refused:
        not_come(49)
    assert refused.value.code == "too_early"
    assert not_come(50).state is AppointmentState.NO_SHOW


def test_once_the_shift_is_over_who_did_not_come_is_a_no_show(
    session: Session, clinic: Clinic
) -> None:
    first = clinic.book()
    clinic.shift.actual_to = TEN + 5 * MINUTE
    with pytest.raises(Refused):
        bookings.no_show(session, DESK, TEN - MINUTE, appointment_id=first.id)
    bookings.no_show(session, DESK, TEN + 6 * MINUTE, appointment_id=first.id)


def pool_of(session: Session, clinic: Clinic) -> Pool:
    pool = Pool(
        service_id=clinic.service.id,
        starts_at=TEN,
        ends_at=TEN + 60 * MINUTE,
        interval=30 * MINUTE,
        capacity=2,
    )
    session.add(pool)
    session.flush()
    return pool


def test_a_pool_has_its_places_and_no_more(session: Session, clinic: Clinic) -> None:
    pool = pool_of(session, clinic)

    def seat(at: datetime = TEN, **more: object) -> Appointment:
        return bookings.book(
            session,
            DESK,
            NOW,
            site_id=clinic.site.id,
            service_id=clinic.service.id,
            place=Place(at, pool_id=pool.id),
            **more,
        )

    first, second = seat(), seat()
    assert (first.seat, second.seat, second.ends_at) == (0, 1, TEN + 30 * MINUTE)
    with pytest.raises(Refused) as refused:
        seat()
    assert refused.value.code == "overlap"
    assert refused.value.details["next"] == [(TEN + 30 * MINUTE).isoformat()]
    bookings.cancel_booking(session, DESK, NOW, appointment_id=first.id)
    assert seat().seat == 0
    assert seat(override=Override("Sent by the ward")).seat == 2
    with pytest.raises(Refused) as refused:
        seat(TEN + 10 * MINUTE)
    assert refused.value.field == "starts_at"


def test_without_a_clinician_named_whoever_is_free_then_is_taken(
    session: Session, clinic: Clinic
) -> None:
    bo = make.make_clinician(session, [clinic.service], "Bo")
    make.make_shift(session, clinic.site, bo)

    def anyone() -> Appointment:
        return bookings.book(
            session,
            DESK,
            NOW,
            site_id=clinic.site.id,
            service_id=clinic.service.id,
            place=Place(TEN),
        )

    assert {anyone().clinician_id, anyone().clinician_id} == {clinic.ann.id, bo.id}
    with pytest.raises(Refused) as refused:
        anyone()
    assert refused.value.code == "overlap"


def test_a_party_is_booked_back_to_back(session: Session, clinic: Clinic) -> None:
    family = [make.make_patient(session).id for _ in range(3)]
    booked = parties.book_party(
        session,
        DESK,
        NOW,
        site_id=clinic.site.id,
        service_id=clinic.service.id,
        place=Place(TEN, clinic.ann.id),
        patient_ids=family,
    )
    assert [a.starts_at for a in booked] == [TEN + n * MINUTE for n in (0, 20, 40)]
    assert len({a.party_id for a in booked}) == 1
    with pytest.raises(Refused) as refused:
        parties.make_party(session, DESK, NOW, site_id=clinic.site.id, patient_ids=family[:1])
    assert refused.value.field == "patients"


def test_who_is_booked_today_and_who_is_here_become_a_party(
    session: Session, clinic: Clinic
) -> None:
    mother, child = make.make_patient(session), make.make_patient(session)
    booking = clinic.book(patient_id=mother.id)
    visit = make.make_visit(session, clinic.site, child)
    party = parties.make_party(
        session, DESK, NOW, site_id=clinic.site.id, patient_ids=[mother.id, child.id]
    )
    assert (booking.party_id, visit.party_id) == (party.id, party.id)


def test_a_pause_without_an_end_frees_no_time_for_the_rest_of_the_shift(
    session: Session, clinic: Clinic
) -> None:
    shifts.pause(
        session, DESK, NOW, shift_id=clinic.shift.id, reason="Meeting", until=TEN + 60 * MINUTE
    )
    session.refresh(clinic.shift)
    assert starts(clinic.free(NOW, TEN + 90 * MINUTE)) == ["11:00", "11:20"]


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        # 01:00 to 04:00 by the clock: two hours when the clocks go forward, four when back.
        ("Europe/London", date(2026, 3, 29), ["02:00", "03:00"]),
        ("Europe/London", date(2026, 10, 25), ["01:00", "01:00", "02:00", "03:00"]),
        ("America/New_York", date(2026, 3, 8), ["01:00", "03:00"]),
    ],
)
def test_habits_offer_no_wrong_time_when_the_clocks_change(
    session: Session, zone: str, day: date, expected: list[str]
) -> None:
    site = make.make_site(session, timezone=zone)
    service = make.make_service(session, site, planned=60 * MINUTE)
    clinician = make.make_clinician(session, [service])
    session.add(
        ShiftPattern(
            site_id=site.id,
            clinician_id=clinician.id,
            weekday=6,
            starts=time(1),
            ends=time(4),
            valid_from=date(2026, 1, 1),
        )
    )
    session.flush()
    midnight = datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)
    free = free_times(session, site, service, midnight, midnight + timedelta(days=1), now=NOW)
    assert [f"{f.starts_at.astimezone(ZoneInfo(zone)):%H:%M}" for f in free] == expected
    assert len({f.starts_at for f in free}) == len(free)
    booked = bookings.book(
        session,
        DESK,
        NOW,
        site_id=site.id,
        service_id=service.id,
        place=Place(free[-1].starts_at),
    )
    assert booked.clinician_id == clinician.id


def test_free_times_keep_to_the_doors_and_to_the_shift_that_stands_for_the_habit(
    session: Session, clinic: Clinic
) -> None:
    def weekday(n: int, opens: int, closes: int) -> OpeningHour:
        return OpeningHour(
            site_id=clinic.site.id, weekday=n, opens=time(opens), closes=time(closes)
        )

    session.add_all([weekday(1, 10, 11), weekday(2, 9, 10)])
    for n in (1, 2):
        session.add(
            ShiftPattern(
                site_id=clinic.site.id,
                clinician_id=clinic.ann.id,
                weekday=n,
                starts=time(8),
                ends=time(18),
                valid_from=date(2026, 1, 1),
            )
        )
    clinic.shift.planned_to = TEN + 45 * MINUTE
    session.flush()
    assert starts(clinic.free(NOW, NOW + timedelta(days=2))) == [
        "10:00",
        "10:20",
        "09:00",
        "09:20",
        "09:40",
    ]
    session.add(OpeningException(site_id=clinic.site.id, day=date(2026, 1, 14)))
    session.flush()
    assert starts(clinic.free(NOW, NOW + timedelta(days=2))) == ["10:00", "10:20"]
    with pytest.raises(Refused) as refused:
        clinic.free(NOW, NOW)
    assert refused.value.field == "to"


def test_rivals_for_one_time_get_one_booking_and_clear_refusals(db: Database) -> None:
    with db.write() as session:
        clinic = Clinic(session)
        site_id, service_id, ann_id = clinic.site.id, clinic.service.id, clinic.ann.id
    start = Barrier(4)

    def rival(n: int) -> str:
        start.wait(10)
        try:
            with db.write() as session:
                bookings.book(
                    session,
                    DESK,
                    NOW,
                    site_id=site_id,
                    service_id=service_id,
                    place=Place(TEN + n * MINUTE, ann_id),
                )
        except Refused as refused:
            return refused.code
        return "booked"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(rival, range(4))) == ["booked", "overlap", "overlap", "overlap"]
    with db.read() as session:
        assert session.scalar(sa.select(sa.func.count(Appointment.id))) == 1

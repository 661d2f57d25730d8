"""Booked times: nothing overlaps but by an audited wish, whatever the clock does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from queueapp.actions import bookings
from queueapp.actions.bookings import Override, Place
from queueapp.db.models import Appointment, AppointmentOverride, Membership, ShiftBreak, VisitEvent
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from queueapp.domain.refusal import Refused
from queueapp.domain.rules import SiteRules
from queueapp.domain.visit import AppointmentState
from tests import factories as make
from tests.db.booking_clinic import DESK, MINUTE, TEN, Clinic, starts
from tests.factories import NOW


@pytest.fixture
def clinic(session: Session) -> Clinic:
    return Clinic(session)


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

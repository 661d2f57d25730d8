"""The times that can be booked: pools, parties, and what the clock and the doors leave free."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from queueapp.actions import bookings, parties, shifts
from queueapp.actions.bookings import Override, Place
from queueapp.db.models import Appointment, OpeningException, OpeningHour, Pool, ShiftPattern
from queueapp.db.queries.slots import free_times
from queueapp.domain.refusal import Refused
from tests import factories as make
from tests.db.booking_clinic import DESK, MINUTE, TEN, Clinic, starts
from tests.factories import NOW


@pytest.fixture
def clinic(session: Session) -> Clinic:
    return Clinic(session)


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
    with pytest.raises(Refused) as refused:
        parties.make_party(session, DESK, NOW, site_id=clinic.site.id, patient_ids=[mother.id])
    assert refused.value.field == "patients"


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

"""A day begins and ends with everybody accounted for, even when nobody pressed a button."""

from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import bookings, calls, day, presence, service, shifts
from queueapp.actions.day import DayEnd, How
from queueapp.actions.intake import check_intake, closes_at
from queueapp.db.models import (
    DeskItem,
    OpeningException,
    OpeningHour,
    QueueEntry,
    Shift,
    ShiftPattern,
    VisitEvent,
)
from queueapp.db.queries.slots import free_times
from queueapp.db.session import Database
from queueapp.db.unit import finalise
from queueapp.domain.actor import SYSTEM, Actor, ActorKind
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import AppointmentState, EntryState, PreferenceKind
from tests import factories as make
from tests.factories import NOW

DESK = Actor(ActorKind.STAFF, 1, "Desk")
MINUTE = timedelta(minutes=1)
EVENING = NOW + timedelta(hours=8)
# Past 04:00 of the next day.
NEXT_DAY = NOW + timedelta(hours=20)


class Clinic:
    """One clinician in one room."""

    def __init__(self, session: Session) -> None:
        self.site = make.make_site(session)
        self.service = make.make_service(session, self.site, "Doctor")
        self.room = make.make_room(session, self.site, "Red")
        self.ann = make.make_clinician(session, [self.service], "Ann")
        self.shift = make.make_shift(session, self.site, self.ann, self.room)


@pytest.fixture
def clinic(session: Session) -> Clinic:
    return Clinic(session)


def close(session: Session, clinic: Clinic, answers: dict[int, DayEnd]) -> None:
    day.close_day(session, DESK, EVENING, site_id=clinic.site.id, answers=answers)


def swept(session: Session, clinic: Clinic, now: datetime) -> bool:
    """Sweep; whether it changed anything a screen can show, which was then seen beforehand."""
    finalise(session)
    due = day.is_due(session, now, site=clinic.site)
    day.sweep(session, SYSTEM, now, site_id=clinic.site.id)
    changed = bool(finalise(session))
    assert due or not changed
    return changed


def open_items(session: Session) -> list[str]:
    found = session.scalars(sa.select(DeskItem.kind).where(DeskItem.closed_at.is_(None)))
    return sorted(found)


def test_opening_a_day_plans_its_shifts_once(session: Session, clinic: Clinic) -> None:
    bo = make.make_clinician(session, [clinic.service])
    session.add(
        ShiftPattern(
            site_id=clinic.site.id,
            clinician_id=bo.id,
            weekday=1,
            starts=time(9),
            ends=time(17),
            valid_from=date(2026, 1, 1),
        )
    )
    session.flush()
    for _ in range(2):
        site = day.open_day(session, DESK, NOW, site_id=clinic.site.id)
        assert site.opened_day == date(2026, 1, 13)
        assert session.scalars(sa.select(Shift.clinician_id)).all() == [clinic.ann.id, bo.id]
    kinds = [c.kind.value for one in finalise(session) for c in one.facts]
    assert kinds == ["settings_changed", "day_opened"]


def test_closing_asks_about_each_one_left_and_then_keeps_the_answers(
    session: Session, clinic: Clinic
) -> None:
    seen, gone, late = (make.make_entry(session, clinic.service) for _ in range(3))
    calls.call_next(session, DESK, NOW, room_id=clinic.room.id)
    service.start(session, DESK, NOW + MINUTE, entry_id=seen.id)
    with pytest.raises(Refused) as refused:
        close(session, clinic, {gone.id: DayEnd(How.LEFT)})
    assert refused.value.code == "still_open"
    assert [e["ticket"] for e in refused.value.details["entries"]] == [
        seen.visit.ticket,
        late.visit.ticket,
    ]
    rest = {gone.id: DayEnd(How.LEFT), late.id: DayEnd(How.NOT_REACHED)}
    with pytest.raises(Refused) as refused:
        close(session, clinic, {**rest, seen.id: DayEnd(How.FINISHED)})
    assert refused.value.field == f"answers.{seen.id}.ended_at"
    with pytest.raises(Refused) as refused:
        close(session, clinic, {**rest, seen.id: DayEnd(How.FINISHED, NOW - MINUTE)})
    assert refused.value.field == f"answers.{seen.id}.ended_at"
    close(session, clinic, {**rest, seen.id: DayEnd(How.FINISHED, NOW + 9 * MINUTE)})
    assert (seen.state, seen.ended_at) == (EntryState.FINISHED, NOW + 9 * MINUTE)
    assert gone.state is EntryState.LEFT
    assert (late.state, late.end_unknown) == (EntryState.NOT_REACHED, False)
    assert all(e.visit.departed_at for e in (seen, gone, late))
    assert clinic.shift.actual_to == EVENING
    assert clinic.site.closed_day == date(2026, 1, 13)


def test_nobody_who_never_was_called_can_have_finished(session: Session, clinic: Clinic) -> None:
    entry = make.make_entry(session, clinic.service)
    with pytest.raises(Refused, match="never called") as refused:
        close(session, clinic, {entry.id: DayEnd(How.FINISHED, NOW)})
    assert refused.value.field == f"answers.{entry.id}"
    with pytest.raises(Refused) as refused:
        close(session, clinic, {entry.id: DayEnd(How.LEFT), 12345: DayEnd(How.LEFT)})
    assert refused.value.field == "answers.12345"


def test_one_called_and_seen_though_nobody_pressed_start(session: Session, clinic: Clinic) -> None:
    entry = make.make_entry(session, clinic.service)
    calls.call_next(session, DESK, NOW, room_id=clinic.room.id)
    close(session, clinic, {entry.id: DayEnd(How.FINISHED, NOW + 12 * MINUTE)})
    assert (entry.state, entry.started_at) == (EntryState.FINISHED, NOW)


def test_a_closed_day_opens_again(session: Session, clinic: Clinic) -> None:
    close(session, clinic, {})
    day.open_day(session, DESK, EVENING, site_id=clinic.site.id)
    assert clinic.site.closed_day is None
    finalise(session)


def test_a_refused_closing_leaves_nothing_half_done(db: Database) -> None:
    with db.write() as session:
        clinic = Clinic(session)
        left, seen = (make.make_entry(session, clinic.service).id for _ in range(2))
        site_id = clinic.site.id
    answers = {left: DayEnd(How.LEFT), seen: DayEnd(How.FINISHED, NOW)}
    with pytest.raises(Refused), db.write() as session:
        day.close_day(session, DESK, EVENING, site_id=site_id, answers=answers)
    with db.read() as session:
        assert set(session.scalars(sa.select(QueueEntry.state))) == {EntryState.WAITING}
        assert session.scalars(sa.select(Shift.actual_to)).one() is None
        assert session.scalars(sa.select(VisitEvent.id)).all() == []


def test_the_sweep_ends_a_passed_day_and_finishes_nobody(session: Session, clinic: Clinic) -> None:
    seen, waiting = (make.make_entry(session, clinic.service) for _ in range(2))
    calls.call_next(session, DESK, NOW, room_id=clinic.room.id)
    service.start(session, DESK, NOW, entry_id=seen.id)
    assert not swept(session, clinic, EVENING)
    assert swept(session, clinic, NEXT_DAY)
    assert (seen.state, seen.end_unknown) == (EntryState.NOT_REACHED, True)
    assert (waiting.state, waiting.end_unknown) == (EntryState.NOT_REACHED, False)
    four = datetime(2026, 1, 14, 4, tzinfo=NOW.tzinfo)
    assert {seen.ended_at, waiting.ended_at, seen.visit.departed_at} == {four}
    assert clinic.shift.actual_to == clinic.shift.planned_to
    assert open_items(session) == ["end_unknown"]
    assert not swept(session, clinic, NEXT_DAY + MINUTE)


def test_a_clinic_that_never_closes_sweeps_nobody_at_four(session: Session, clinic: Clinic) -> None:
    for weekday in range(7):
        session.add(
            OpeningHour(site_id=clinic.site.id, weekday=weekday, opens=time(0), closes=time(0))
        )
    before_four = datetime(2026, 1, 14, 3, 50, tzinfo=NOW.tzinfo)
    entry = make.make_entry(
        session,
        clinic.service,
        make.make_visit(session, clinic.site, now=before_four, day=date(2026, 1, 13)),
        now=before_four,
    )
    swept(session, clinic, before_four + 20 * MINUTE)
    assert entry.state is EntryState.WAITING
    swept(session, clinic, before_four + timedelta(days=2))
    assert entry.state is EntryState.NOT_REACHED


def test_the_sweep_lets_holds_run_out(session: Session, clinic: Clinic) -> None:
    held = bookings.hold(
        session,
        DESK,
        NOW,
        site_id=clinic.site.id,
        service_id=clinic.service.id,
        place=bookings.Place(NOW + 60 * MINUTE, clinic.ann.id),
    )
    assert not swept(session, clinic, NOW + 4 * MINUTE)
    assert swept(session, clinic, NOW + 5 * MINUTE)
    assert held.state is AppointmentState.CANCELLED
    assert not swept(session, clinic, NOW + 6 * MINUTE)
    assert not day.is_due(session, NOW + 6 * MINUTE, site=clinic.site)


def test_who_is_overdue_outside_is_asked_for_until_back(session: Session, clinic: Clinic) -> None:
    entry = make.make_entry(session, clinic.service)
    presence.step_out(session, DESK, NOW, visit_id=entry.visit_id, back_by=NOW + 15 * MINUTE)
    assert not swept(session, clinic, NOW + 24 * MINUTE)
    assert swept(session, clinic, NOW + 25 * MINUTE)
    assert open_items(session) == ["overdue_back"]
    assert not swept(session, clinic, NOW + 26 * MINUTE)
    presence.come_back(session, DESK, NOW + 27 * MINUTE, visit_id=entry.visit_id)
    swept(session, clinic, NOW + 28 * MINUTE)
    assert open_items(session) == []


def test_the_stranded_come_to_the_desk_once_and_go_when_someone_can_serve_them(
    session: Session, clinic: Clinic
) -> None:
    bo = make.make_clinician(session, [clinic.service], "Bo")
    wish = {"preference": PreferenceKind.ONLY, "wished_clinician_id": bo.id}
    make.make_entry(session, clinic.service, **wish)
    assert swept(session, clinic, NOW)
    assert open_items(session) == ["stranded"]
    assert not swept(session, clinic, NOW + MINUTE)
    other = make.make_room(session, clinic.site)
    shifts.open_shift(session, DESK, NOW + MINUTE, room_id=other.id, clinician_id=bo.id)
    assert open_items(session) == []


def test_items_leave_the_desk_with_their_cause(session: Session, clinic: Clinic) -> None:
    bo = make.make_clinician(session, [clinic.service], "Bo")
    wish = {"preference": PreferenceKind.ONLY, "wished_clinician_id": bo.id}
    entry = make.make_entry(session, clinic.service, **wish)
    swept(session, clinic, NOW)
    presence.leave(session, DESK, NOW + MINUTE, entry_id=entry.id)
    swept(session, clinic, NOW + MINUTE)
    assert open_items(session) == []


def test_a_night_shift_goes_on_past_four(session: Session, clinic: Clinic) -> None:
    night = make.make_shift(
        session,
        clinic.site,
        make.make_clinician(session, [clinic.service]),
        make.make_room(session, clinic.site),
        now=NOW + timedelta(hours=13),
        day=date(2026, 1, 13),
    )
    swept(session, clinic, NEXT_DAY)
    assert night.actual_to is None


def test_a_holiday_is_a_holiday_without_weekly_hours_too(session: Session) -> None:
    site = make.make_site(session)
    doctor = make.make_service(session, site)
    make.make_shift(session, site, make.make_clinician(session, [doctor]))

    def free() -> int:
        return len(free_times(session, site, doctor, NOW, NOW + timedelta(hours=1), now=NOW))

    assert (closes_at(session, site, NOW), free() > 0) == (None, True)
    session.add(OpeningException(site_id=site.id, day=NOW.date()))
    session.flush()
    assert free() == 0
    with pytest.raises(Refused, match="We are closed now"):
        check_intake(session, site, doctor, NOW)
    check_intake(session, site, doctor, NOW + timedelta(days=1))

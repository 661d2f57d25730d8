"""Who works where and when, and what becomes of the people who wait for them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier
from time import sleep

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import calls, shifts
from queueapp.db.models import Call, DeskItem, OpeningException, Pause, Shift, ShiftPattern
from queueapp.db.session import Database
from queueapp.domain.actor import Actor, ActorKind
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import CallOutcome, EntryState, PreferenceKind
from tests import factories as make
from tests.factories import NOW

DESK = Actor(ActorKind.STAFF, 1, "Desk")
MINUTE = timedelta(minutes=1)


class Clinic:
    """Two rooms, two clinicians who give the one service."""

    def __init__(self, session: Session) -> None:
        self.site = make.make_site(session)
        self.service = make.make_service(session, self.site, "Doctor")
        self.red = make.make_room(session, self.site, "Red")
        self.blue = make.make_room(session, self.site, "Blue")
        self.ann = make.make_clinician(session, [self.service], "Ann")
        self.bo = make.make_clinician(session, [self.service], "Bo")


@pytest.fixture
def clinic(session: Session) -> Clinic:
    return Clinic(session)


def pattern(session: Session, clinic: Clinic, **columns: object) -> ShiftPattern:
    values = {
        "site_id": clinic.site.id,
        "clinician_id": clinic.ann.id,
        "room_id": clinic.red.id,
        "weekday": 1,
        "starts": time(8),
        "ends": time(16),
        "valid_from": date(2026, 1, 1),
        **columns,
    }
    row = ShiftPattern(**values)
    session.add(row)
    session.flush()
    return row


def plan(session: Session, clinic: Clinic, day: date | None = None) -> list[Shift]:
    day = day or NOW.date()
    return shifts.plan_shifts(session, DESK, NOW, site_id=clinic.site.id, day=day)


def open_in(session: Session, room: object, clinician: object, **more: object) -> Shift:
    return shifts.open_shift(session, DESK, NOW, room_id=room.id, clinician_id=clinician.id, **more)


def items(session: Session) -> list[tuple[str, int | None]]:
    rows = session.scalars(sa.select(DeskItem).where(DeskItem.closed_at.is_(None)))
    return [(item.kind, item.entry_id) for item in rows]


def test_a_habit_becomes_a_shift_with_services_room_and_break_once(
    session: Session, clinic: Clinic
) -> None:
    pattern(session, clinic, break_starts=time(12), break_ends=time(12, 30))
    (shift,) = plan(session, clinic)
    assert (shift.planned_from, shift.planned_to) == (
        datetime(2026, 1, 13, 8, tzinfo=UTC),
        datetime(2026, 1, 13, 16, tzinfo=UTC),
    )
    assert [s.service_id for s in shift.services] == [clinic.service.id]
    assert [(b.starts_at.hour, b.ends_at.minute) for b in shift.breaks] == [(12, 30)]
    assert shift.room_id == clinic.red.id
    assert plan(session, clinic) == []


def test_a_habit_makes_no_shift_on_another_weekday_after_its_end_or_on_a_closed_day(
    session: Session, clinic: Clinic
) -> None:
    pattern(session, clinic, valid_to=date(2026, 1, 20))
    assert plan(session, clinic, date(2026, 1, 14)) == []
    assert plan(session, clinic, date(2026, 1, 27)) == []
    session.add(OpeningException(site_id=clinic.site.id, day=date(2026, 1, 20), note="Holiday"))
    assert plan(session, clinic, date(2026, 1, 20)) == []
    assert len(plan(session, clinic)) == 1


def test_a_night_shift_ends_the_next_day_and_its_break_is_in_the_night(
    session: Session, clinic: Clinic
) -> None:
    pattern(
        session, clinic, starts=time(22), ends=time(6), break_starts=time(2), break_ends=time(3)
    )
    (shift,) = plan(session, clinic)
    assert shift.planned_to == datetime(2026, 1, 14, 6, tzinfo=UTC)
    assert shift.breaks[0].starts_at == datetime(2026, 1, 14, 2, tzinfo=UTC)


def test_opening_takes_the_planned_shift_of_today(session: Session, clinic: Clinic) -> None:
    pattern(session, clinic)
    (planned,) = plan(session, clinic)
    opened = open_in(session, clinic.blue, clinic.ann)
    assert opened is planned
    assert (opened.actual_from, opened.room_id) == (NOW, clinic.blue.id)
    assert opened.planned_to.hour == 16


def test_a_temp_gets_a_shift_with_the_services_named(session: Session, clinic: Clinic) -> None:
    other = make.make_service(session, clinic.site, "Nurse")
    temp = make.make_clinician(session, (), "Temp")
    with pytest.raises(Refused) as refused:
        open_in(session, clinic.red, temp)
    assert refused.value.field == "services"
    until = NOW + timedelta(hours=3)
    shift = open_in(session, clinic.red, temp, services=[other.id], planned_to=until)
    assert [s.service_id for s in shift.services] == [other.id]
    assert shift.planned_to == until


def test_a_clinician_has_one_open_shift_and_a_room_one_clinician_per_place(
    session: Session, clinic: Clinic
) -> None:
    open_in(session, clinic.red, clinic.ann)
    with pytest.raises(Refused, match="Ann is already on shift in Red") as refused:
        open_in(session, clinic.blue, clinic.ann)
    assert refused.value.code == "already_open"
    with pytest.raises(Refused, match="Ann works in Red") as refused:
        open_in(session, clinic.red, clinic.bo)
    assert refused.value.code == "room_taken"
    clinic.red.places = 2
    assert open_in(session, clinic.red, clinic.bo).room_id == clinic.red.id


def test_two_clinics_that_open_the_same_clinicians_shift_at_once_get_one_and_a_refusal(
    db: Database,
) -> None:
    with db.write() as session:
        here, there = Clinic(session), Clinic(session)
        clinician, service = here.ann.id, {c.red.id: c.service.id for c in (here, there)}
    start = Barrier(2)

    def begin(room_id: int) -> str:
        try:
            start.wait(5)
            with db.write() as session:
                shifts.open_shift(
                    session,
                    DESK,
                    NOW,
                    room_id=room_id,
                    clinician_id=clinician,
                    services=[service[room_id]],
                )
                sleep(0.2)  # so that the other one asks before this one has committed
        except Refused as refused:
            return refused.code
        return "opened"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(begin, service)) == ["already_open", "opened"]
    with db.read() as session:
        assert len(session.scalars(sa.select(Shift.id)).all()) == 1


def test_a_shift_does_not_close_while_someone_is_in_the_room(
    session: Session, clinic: Clinic
) -> None:
    shift = open_in(session, clinic.red, clinic.ann)
    entry = make.make_entry(session, clinic.service)
    calls.call_next(session, DESK, NOW, room_id=clinic.red.id)
    with pytest.raises(Refused, match=entry.visit.ticket) as refused:
        shifts.close_shift(session, DESK, NOW, shift_id=shift.id)
    assert refused.value.code == "in_room"
    assert shift.actual_to is None


def test_who_wants_only_the_one_who_goes_home_comes_to_the_desk(
    session: Session, clinic: Clinic
) -> None:
    ann = open_in(session, clinic.red, clinic.ann)
    open_in(session, clinic.blue, clinic.bo)
    wish = {"preference": PreferenceKind.ONLY, "wished_clinician_id": clinic.ann.id}
    only_ann = make.make_entry(session, clinic.service, **wish)
    make.make_entry(session, clinic.service)
    shifts.close_shift(session, DESK, NOW + MINUTE, shift_id=ann.id)
    assert items(session) == [("stranded", only_ann.id)]
    open_in(session, clinic.red, clinic.ann)
    assert items(session) == []


def test_a_room_change_during_a_call_withdraws_it_and_calls_to_the_new_room(
    session: Session, clinic: Clinic
) -> None:
    shift = open_in(session, clinic.red, clinic.ann)
    entry = make.make_entry(session, clinic.service)
    calls.call_next(session, DESK, NOW, room_id=clinic.red.id)
    later = NOW + MINUTE
    shifts.change_room(session, DESK, later, shift_id=shift.id, room_id=clinic.blue.id)
    old, new = session.scalars(sa.select(Call).order_by(Call.id)).all()
    assert (old.outcome, old.ended_at, old.room_id) == (
        CallOutcome.WITHDRAWN,
        later,
        clinic.red.id,
    )
    assert (new.outcome, new.room_id, new.called_at, new.number) == (
        None,
        clinic.blue.id,
        later,
        2,
    )
    assert (entry.state, entry.room_id) == (EntryState.CALLED, clinic.blue.id)
    assert shift.room_id == clinic.blue.id


def test_a_room_of_another_is_not_moved_into(session: Session, clinic: Clinic) -> None:
    shift = open_in(session, clinic.red, clinic.ann)
    open_in(session, clinic.blue, clinic.bo)
    with pytest.raises(Refused, match="Bo works in Blue"):
        shifts.change_room(session, DESK, NOW, shift_id=shift.id, room_id=clinic.blue.id)
    assert shift.room_id == clinic.red.id


def test_handing_over_passes_on_the_one_who_is_called(session: Session, clinic: Clinic) -> None:
    ann = open_in(session, clinic.red, clinic.ann)
    entry = make.make_entry(session, clinic.service)
    calls.call_next(session, DESK, NOW, room_id=clinic.red.id)
    later = NOW + MINUTE
    bo = shifts.hand_over(session, DESK, later, shift_id=ann.id, to_clinician_id=clinic.bo.id)
    session.expire_all()
    assert (ann.actual_to, bo.actual_from, bo.room_id) == (later, later, clinic.red.id)
    assert (entry.state, entry.shift_id, entry.clinician_id) == (
        EntryState.CALLED,
        bo.id,
        clinic.bo.id,
    )
    assert session.scalars(sa.select(Call.shift_id)).all() == [bo.id]
    with pytest.raises(Refused, match="Ann is not on shift"):
        shifts.hand_over(session, DESK, later, shift_id=ann.id, to_clinician_id=clinic.bo.id)


def test_a_paused_clinician_calls_nobody_until_resumed(session: Session, clinic: Clinic) -> None:
    shift = open_in(session, clinic.red, clinic.ann)
    make.make_entry(session, clinic.service)
    with pytest.raises(Refused) as refused:
        shifts.pause(session, DESK, NOW, shift_id=shift.id, reason="Lunch", until=NOW)
    assert refused.value.field == "until"
    shifts.pause(session, DESK, NOW, shift_id=shift.id, reason="Lunch", until=NOW + 30 * MINUTE)
    with pytest.raises(Refused, match="already on a pause"):
        shifts.pause(session, DESK, NOW, shift_id=shift.id, reason="Lunch")
    with pytest.raises(Refused, match="paused"):
        calls.call_next(session, DESK, NOW, room_id=clinic.red.id)
    shifts.resume(session, DESK, NOW + 20 * MINUTE, shift_id=shift.id)
    assert session.scalars(sa.select(Pause.ended_at)).one() == NOW + 20 * MINUTE
    assert calls.call_next(session, DESK, NOW, room_id=clinic.red.id) is not None


def test_going_home_ends_the_pause(session: Session, clinic: Clinic) -> None:
    shift = open_in(session, clinic.red, clinic.ann)
    begun = shifts.pause(session, DESK, NOW, shift_id=shift.id, reason="Headache")
    shifts.close_shift(session, DESK, NOW + MINUTE, shift_id=shift.id)
    assert begun.ended_at == NOW + MINUTE


def test_running_late_is_told_before_the_shift_begins(session: Session, clinic: Clinic) -> None:
    pattern(session, clinic)
    (planned,) = plan(session, clinic)
    shifts.declare_delay(session, DESK, NOW, shift_id=planned.id, delay=40 * MINUTE)
    assert (planned.declared_delay, planned.delay_declared_at) == (40 * MINUTE, NOW)
    with pytest.raises(Refused) as refused:
        shifts.declare_delay(session, DESK, NOW, shift_id=planned.id, delay=-MINUTE)
    assert refused.value.field == "delay"


def test_who_works_in_a_room_is_set_moved_and_freed(session: Session, clinic: Clinic) -> None:
    def put(room: object, clinician: object) -> Shift | None:
        return shifts.put_clinician_in_room(
            session,
            DESK,
            NOW,
            site_id=clinic.site.id,
            room_id=room.id,
            clinician_id=clinician and clinician.id,
        )

    ann = put(clinic.red, clinic.ann)
    assert put(clinic.red, clinic.ann) is ann
    assert put(clinic.blue, clinic.ann) is ann
    assert ann.room_id == clinic.blue.id
    bo = put(clinic.blue, clinic.bo)
    assert (ann.actual_to, bo.room_id) == (NOW, clinic.blue.id)
    assert put(clinic.blue, None) is None
    assert bo.actual_to == NOW


def test_a_shift_entered_afterwards_has_its_true_times(session: Session, clinic: Clinic) -> None:
    shift = open_in(session, clinic.red, clinic.ann, occurred_at=NOW - 30 * MINUTE)
    assert shift.actual_from == NOW - 30 * MINUTE
    with pytest.raises(Refused) as refused:
        shifts.close_shift(session, DESK, NOW, shift_id=shift.id, occurred_at=NOW - 40 * MINUTE)
    assert refused.value.field == "occurred_at"

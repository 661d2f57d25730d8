"""In the room: who is started, finished, passed on, set aside; and what a wrong start leaves."""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import calls, service
from queueapp.actions.legs import PlannedStep, Wish, plan_steps
from queueapp.actions.plan import NextStep
from queueapp.db.models import Appointment, Pause, QueueEntry, Visit
from queueapp.domain.events import Kind
from queueapp.domain.refusal import RefusalKind, Refused
from queueapp.domain.visit import (
    AppointmentState,
    CallOutcome,
    EntryState,
    PreferenceKind,
    Resolution,
)
from tests.db.small_clinic import SmallClinic, minutes

pytestmark = pytest.mark.one_database


def in_service(clinic: SmallClinic, room: int = 1) -> QueueEntry:
    clinic.join()
    entry = clinic.call(room)
    assert entry is not None
    clinic.wait(1)
    return clinic.do(service.start, entry_id=entry.id)


def newest(clinic: SmallClinic, visit: Visit) -> QueueEntry:
    query = sa.select(QueueEntry).where(QueueEntry.visit_id == visit.id)
    return clinic.session.scalars(query.order_by(QueueEntry.id.desc()).limit(1)).one()


def make_booking(clinic: SmallClinic, entry: QueueEntry) -> Appointment:
    booking = Appointment(
        site_id=clinic.site.id,
        service_id=clinic.gp.id,
        clinician_id=clinic.clinicians[0].id,
        state=AppointmentState.CHECKED_IN,
        starts_at=clinic.now,
        ends_at=clinic.now + minutes(10),
        busy_from=clinic.now,
        busy_to=clinic.now + minutes(10),
        code="ABC123",
        created_at=clinic.now,
        visit_id=entry.visit_id,
    )
    clinic.session.add(booking)
    clinic.session.flush()
    entry.appointment_id = booking.id
    clinic.session.flush()
    return booking


@pytest.mark.both_databases
def test_starting_answers_the_call(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    assert entry.state is EntryState.IN_SERVICE
    assert entry.started_at == clinic.now
    assert [c.outcome for c in clinic.calls_of(entry)] == [CallOutcome.ANSWERED]
    event = clinic.event(Kind.STARTED)
    assert (event.from_state, event.to_state) == ("called", "in_service")
    assert event.shift_id == clinic.shifts[0].id


def test_nobody_is_started_twice_or_uncalled_and_the_refusal_says_what_is(
    clinic: SmallClinic,
) -> None:
    waiting = clinic.join()
    with pytest.raises(Refused, match="is waiting") as refused:
        clinic.do(service.start, entry_id=waiting.id)
    assert refused.value.kind is RefusalKind.CONFLICT
    assert refused.value.code == "wrong_state"
    clinic.call()
    clinic.do(service.start, entry_id=waiting.id)
    with pytest.raises(Refused, match="is with the clinician"):
        clinic.do(service.start, entry_id=waiting.id)


@pytest.mark.both_databases
def test_the_last_leg_ends_the_visit_and_nothing_is_guessed(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    booking = make_booking(clinic, entry)
    clinic.wait(9)
    clinic.do(service.finish, entry_id=entry.id)
    assert entry.state is EntryState.FINISHED
    assert entry.ended_at == entry.visit.departed_at == clinic.now
    assert entry.visit.resolution is None
    assert booking.state is AppointmentState.FULFILLED
    with pytest.raises(Refused, match="has finished"):
        clinic.do(service.finish, entry_id=entry.id)


def test_a_next_step_counts_from_the_end_of_the_last(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    clinic.wait(9)
    clinic.do(service.finish, entry_id=entry.id, next_step=NextStep(clinic.blood.id))
    leg = newest(clinic, entry.visit)
    assert leg.previous_id == entry.id
    assert (leg.service_id, leg.entry_class) == (clinic.blood.id, "onward")
    assert leg.due_by == clinic.now + minutes(10)
    assert entry.visit.departed_at is None
    clinic.call(3)
    clinic.do(service.start, entry_id=leg.id)
    clinic.do(service.finish, entry_id=leg.id, resolution=Resolution.RESOLVED)
    assert entry.visit.departed_at == clinic.now
    assert entry.visit.resolution is Resolution.RESOLVED


def test_a_later_booked_time_of_the_next_step_counts(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    step = NextStep(clinic.blood.id, booked_for=clinic.now + minutes(60))
    clinic.do(service.finish, entry_id=entry.id, next_step=step)
    leg = newest(clinic, entry.visit)
    assert leg.reference_at == leg.scheduled_at == clinic.now + minutes(60)


@pytest.mark.both_databases
def test_the_plan_of_a_visit_is_followed_step_by_step(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    only_first = Wish(PreferenceKind.ONLY, clinic.clinicians[0].id)
    steps = [PlannedStep(clinic.blood.id), PlannedStep(clinic.gp.id, only_first)]
    plan_steps(clinic.session, entry.visit, steps)
    seen = []
    for room in (3, 1):
        clinic.do(service.finish, entry_id=entry.id)
        entry = newest(clinic, entry.visit)
        seen.append((entry.service_id, entry.preference))
        clinic.call(room)
        clinic.do(service.start, entry_id=entry.id)
    clinic.do(service.finish, entry_id=entry.id)
    assert seen == [
        (clinic.blood.id, PreferenceKind.NONE),
        (clinic.gp.id, PreferenceKind.ONLY),
    ]
    assert entry.visit.departed_at == clinic.now


@pytest.mark.both_databases
def test_a_planned_step_opens_though_its_clinician_has_stopped_working(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    doctor = clinic.clinicians[1]
    only_doctor = Wish(PreferenceKind.ONLY, doctor.id)
    plan_steps(clinic.session, entry.visit, [PlannedStep(clinic.gp.id, only_doctor)])
    doctor.retired = True
    clinic.do(service.finish, entry_id=entry.id)
    leg = newest(clinic, entry.visit)
    assert (leg.previous_id, leg.wished_clinician_id) == (entry.id, doctor.id)


def test_finish_and_call_next_is_one_change_of_the_site(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    following = clinic.join()
    clinic.session.refresh(clinic.site)
    seq = clinic.site.seq
    finished, called = clinic.do(
        service.finish_and_call_next, entry_id=entry.id, room_id=clinic.rooms[0].id
    )
    clinic.session.refresh(clinic.site)
    assert clinic.site.seq == seq + 1
    assert (finished.id, called.id) == (entry.id, following.id)
    assert following.state is EntryState.CALLED
    clinic.do(service.start, entry_id=following.id)
    assert clinic.do(
        service.finish_and_call_next, entry_id=following.id, room_id=clinic.rooms[0].id
    ) == (following, None)


def test_finish_and_call_next_does_neither_when_the_call_is_refused(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    clinic.session.add(Pause(shift_id=clinic.shifts[0].id, reason="Lunch", started_at=clinic.now))
    clinic.session.flush()
    with pytest.raises(Refused, match="paused"):
        clinic.do(service.finish_and_call_next, entry_id=entry.id, room_id=clinic.rooms[0].id)
    clinic.session.refresh(entry)
    assert entry.state is EntryState.IN_SERVICE


def test_passing_on_ends_one_wait_and_opens_the_next(clinic: SmallClinic) -> None:
    entry = clinic.join()
    clinic.wait(20)
    leg = clinic.do(
        service.transfer, entry_id=entry.id, service_id=clinic.blood.id, note_text="Fasting"
    )
    assert entry.state is EntryState.TRANSFERRED
    assert entry.ended_at == clinic.now
    assert (leg.state, leg.note, leg.previous_id) == (EntryState.WAITING, "Fasting", entry.id)
    assert leg.due_by == clinic.now + minutes(10)
    with pytest.raises(Refused, match="was passed on"):
        clinic.do(service.transfer, entry_id=entry.id, service_id=clinic.blood.id)


def test_passing_on_somebody_called_withdraws_the_call_and_frees_the_room(
    clinic: SmallClinic,
) -> None:
    entry = clinic.join()
    clinic.call()
    clinic.do(service.transfer, entry_id=entry.id, service_id=clinic.blood.id)
    assert [c.outcome for c in clinic.calls_of(entry)] == [CallOutcome.WITHDRAWN]
    assert entry.called_at is None
    following = clinic.join()
    assert clinic.call() == following


@pytest.mark.parametrize(("seen", "stays"), [(False, "emergency"), (True, "onward")])
def test_an_emergency_passed_on_unseen_stays_one(
    clinic: SmallClinic, seen: bool, stays: str
) -> None:
    entry = clinic.join(entry_class="emergency", band=0)
    if seen:
        clinic.call()
        clinic.do(service.start, entry_id=entry.id)
    leg = clinic.do(service.transfer, entry_id=entry.id, service_id=clinic.blood.id)
    assert leg.entry_class == stays
    assert leg.band == (1 if seen else 0)


def test_a_service_of_another_clinic_is_refused_by_name_and_nothing_is_done(
    clinic: SmallClinic, session: Session
) -> None:
    entry = clinic.join()
    elsewhere = SmallClinic(session)
    with pytest.raises(Refused) as refused:
        clinic.do(service.transfer, entry_id=entry.id, service_id=elsewhere.blood.id)
    assert refused.value.field == "service"
    session.refresh(entry)
    assert entry.state is EntryState.WAITING


def test_after_the_sample_back_to_the_same_doctor_alone(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    sample = clinic.do(service.set_aside, entry_id=entry.id, then_service_id=clinic.blood.id)
    assert entry.state is EntryState.TRANSFERRED
    assert clinic.event(Kind.SET_ASIDE).entry_id == entry.id
    assert clinic.call(3) == sample
    clinic.do(service.start, entry_id=sample.id)
    clinic.wait(5)
    clinic.do(service.finish, entry_id=sample.id)
    back = newest(clinic, entry.visit)
    assert (back.service_id, back.entry_class) == (clinic.gp.id, "onward")
    assert clinic.call(2) is None
    assert clinic.call(1) == back


@pytest.mark.both_databases
def test_set_aside_until_ready_is_not_called_before(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    back = clinic.do(service.set_aside, entry_id=entry.id, ready_at=clinic.now + minutes(20))
    assert clinic.call() is None
    clinic.wait(20)
    assert back.due_by == clinic.now + minutes(10)
    assert clinic.call() == back


def test_set_aside_refuses_a_time_that_has_passed(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    with pytest.raises(Refused) as refused:
        clinic.do(service.set_aside, entry_id=entry.id, ready_at=clinic.now)
    assert refused.value.field == "ready_at"


def test_a_wrong_person_leaves_the_right_one_the_place(clinic: SmallClinic) -> None:
    entry = in_service(clinic)
    other, due_by = clinic.join(), entry.due_by
    clinic.do(service.wrong_person, entry_id=entry.id)
    assert entry.state is EntryState.WAITING
    assert entry.due_by == due_by
    assert (entry.started_at, entry.called_at, entry.room_id) == (None, None, None)
    assert [c.outcome for c in clinic.calls_of(entry)] == [CallOutcome.WITHDRAWN]
    assert clinic.line() == [entry.id, other.id]
    chosen = clinic.do(calls.call_chosen, room_id=clinic.rooms[0].id, entry_id=other.id)
    assert chosen.state is EntryState.CALLED
    with pytest.raises(Refused, match="is waiting"):
        clinic.do(service.wrong_person, entry_id=entry.id)


def test_true_times_are_kept_when_entered_afterwards(clinic: SmallClinic) -> None:
    clinic.join()
    entry = clinic.call()
    assert entry is not None
    called_at = clinic.now
    clinic.wait(20)
    clinic.do(service.start, entry_id=entry.id, occurred_at=called_at + minutes(2))
    clinic.do(service.finish, entry_id=entry.id, occurred_at=called_at + minutes(9))
    assert entry.started_at == called_at + minutes(2)
    assert entry.visit.departed_at == called_at + minutes(9)
    event = clinic.event(Kind.FINISHED)
    assert (event.occurred_at, event.recorded_at) == (called_at + minutes(9), clinic.now)


@pytest.mark.parametrize("off", [-5, 5])
def test_a_time_before_the_call_or_in_the_future_is_refused(
    clinic: SmallClinic, off: float
) -> None:
    clinic.join()
    entry = clinic.call()
    assert entry is not None
    with pytest.raises(Refused) as refused:
        clinic.do(service.start, entry_id=entry.id, occurred_at=clinic.now + minutes(off))
    assert refused.value.field == "occurred_at"

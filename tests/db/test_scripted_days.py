"""Whole stretches of a day as they happen in clinics, through the actions alone.

Each ends with what a person would check: who is where in the line, what was promised, how it went.
"""

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import (
    arrivals,
    bookings,
    calls,
    day,
    desk_items,
    order,
    parties,
    presence,
    self_check_in,
    service,
    shift_pauses,
    shift_rooms,
    shifts,
    undo,
)
from queueapp.actions.arrivals import Newcomer
from queueapp.actions.legs import PlannedStep, Wish
from queueapp.db.models import Call, QueueEntry, Site, VisitEvent
from queueapp.domain.events import Kind
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import (
    AppointmentState,
    CallOutcome,
    CallRoute,
    EntryState,
    PreferenceKind,
    Presence,
    Resolution,
)
from tests.db.scripted_day import Day, told
from tests.db.small_clinic import minutes
from tests.factories import make_patient, make_service

pytestmark = pytest.mark.one_database


@pytest.fixture
def clinic(session: Session) -> Day:
    return Day(session)


def test_a_doctor_forty_minutes_late_and_an_urgent_arrival(clinic: Day) -> None:
    doctor = clinic.shifts[0]
    early, later = clinic.book(10), clinic.book(20)
    clinic.do(shift_pauses.declare_delay, shift_id=doctor.id, delay=minutes(40))
    clinic.wait(8)
    first = clinic.check_in(early)
    clinic.wait(
        36
    )  # 24 min after the time of the second booking: nobody is late for a later doctor
    second = clinic.check_in(later)
    assert second.entry_class == "booked"
    assert second.reference_at == later.starts_at
    assert clinic.items(desk_items.ItemKind.TOO_LATE) == []
    clinic.do(shifts.close_shift, shift_id=clinic.shifts[1].id)
    walk_in = clinic.walk_in("Kofi Mensah")
    promised = told(clinic.promise(walk_in))
    due = walk_in.due_by
    clinic.wait(2)
    urgent = clinic.walk_in("Ines Marques", entry_class="urgent")

    # The booked are overdue, so the urgent one, due in ten minutes, comes right after them.
    assert clinic.line() == [first.id, second.id, urgent.id, walk_in.id]
    called = [clinic.serve(entry).id for entry in iter(clinic.call, None)]
    assert called == [first.id, second.id, urgent.id, walk_in.id]
    assert told(clinic.promise(walk_in)) == promised
    assert walk_in.due_by == due
    assert first.called_at is not None
    assert first.called_at > first.due_by


def test_a_party_of_four_is_one_check_in_and_one_call(clinic: Day) -> None:
    names = ("Ana Costa", "Bia Costa", "Caio Costa", "Davi Costa")
    people = [make_patient(clinic.session, name) for name in names]
    party = clinic.do(
        parties.make_party, site_id=clinic.site.id, patient_ids=[p.id for p in people]
    )
    booked = [
        clinic.book(15 * n, patient_id=person.id, party_id=party.id)
        for n, person in enumerate(people)
    ]
    entries = clinic.do(self_check_in.check_in_all, appointment_id=booked[0].id)
    other = clinic.walk_in("Petra Novak")
    assert len({entry.visit.ticket for entry in entries}) == 4

    assert clinic.call(1).id == entries[0].id
    assert {e.state for e in entries} == {EntryState.CALLED}
    assert {e.room_id for e in entries} == {clinic.rooms[0].id}
    with pytest.raises(Refused, match="places in Room 1 are taken"):
        clinic.call(1)
    assert clinic.call(2).id == other.id
    for entry in entries:
        clinic.serve(entry, 5)
    assert {e.state for e in entries} == {EntryState.FINISHED}
    assert all(e.visit.departed_at is not None for e in entries)


def test_absent_twice_then_back_keeps_the_place(clinic: Day) -> None:
    absent, other, third = clinic.walk_in("Jonas Weber"), clinic.walk_in(), clinic.walk_in()
    due, promised = absent.due_by, told(clinic.promise(absent))
    clinic.call(1)
    clinic.wait(2)
    clinic.do(calls.did_not_answer, entry_id=absent.id)
    assert clinic.call(1).id == other.id, "passed over for five minutes"
    clinic.wait(6)
    clinic.serve(other, 1)
    assert clinic.call(1).id == absent.id, "the place was kept"
    clinic.wait(2)
    clinic.do(calls.did_not_answer, entry_id=absent.id)
    assert absent.visit.presence is Presence.UNCONFIRMED
    [item] = clinic.items(desk_items.ItemKind.UNCONFIRMED)
    assert item.entry_id == absent.id
    clinic.wait(30)
    assert clinic.call(1).id == third.id, "who is unconfirmed is in nobody's way"

    clinic.do(calls.restore, entry_id=absent.id)
    assert clinic.items(desk_items.ItemKind.UNCONFIRMED) == []
    assert clinic.line() == [absent.id]
    assert clinic.call(2).id == absent.id
    assert (absent.due_by, told(clinic.promise(absent))) == (due, promised)
    outcomes = [c.outcome for c in clinic.calls_of(absent)]
    assert outcomes == [CallOutcome.DID_NOT_ANSWER, CallOutcome.DID_NOT_ANSWER, None]


def test_the_wrong_person_is_found_out_after_start(clinic: Day) -> None:
    wrong, right = clinic.walk_in("Maria Silva"), clinic.walk_in("Mario Silva")
    due = wrong.due_by
    clinic.call(1)
    clinic.do(service.start, entry_id=wrong.id)
    clinic.wait(3)
    clinic.do(service.wrong_person, entry_id=wrong.id)

    assert clinic.line() == [wrong.id, right.id]
    assert (wrong.state, wrong.due_by, wrong.started_at) == (EntryState.WAITING, due, None)
    assert [c.outcome for c in clinic.calls_of(wrong)] == [CallOutcome.WITHDRAWN]
    assert wrong.called_at is None, "a withdrawn call counts nowhere"
    clinic.do(calls.call_chosen, room_id=clinic.rooms[0].id, entry_id=right.id)
    clinic.serve(right)
    assert clinic.call(1).id == wrong.id


@pytest.mark.both_databases
def test_nurse_then_a_sample_then_the_same_doctor(clinic: Day) -> None:
    doctor = clinic.clinicians[0]
    clinic.do(shifts.close_shift, shift_id=clinic.shifts[1].id)
    clinic.do(
        shifts.open_shift,
        room_id=clinic.rooms[1].id,
        clinician_id=clinic.clinicians[1].id,
        services=[clinic.gp.id],
    )
    plan = [PlannedStep(clinic.gp.id, Wish(PreferenceKind.ONLY, doctor.id))]
    nurse_leg = clinic.walk_in("Grace Adeyemi", service_id=clinic.blood.id, then=plan)
    clinic.walk_in("Somebody else")
    clinic.call(3)
    clinic.serve(nurse_leg, 4)
    doctor_leg = clinic.latest(nurse_leg)
    assert (doctor_leg.entry_class, doctor_leg.reference_at) == ("onward", clinic.now)
    assert clinic.call(2).id != doctor_leg.id, "only the doctor asked for"
    assert clinic.call(1).id == doctor_leg.id
    clinic.do(service.start, entry_id=doctor_leg.id)
    clinic.wait(5)
    clinic.do(service.set_aside, entry_id=doctor_leg.id, then_service_id=clinic.blood.id)
    sample = clinic.latest(nurse_leg)
    assert (sample.service_id, sample.state) == (clinic.blood.id, EntryState.WAITING)
    clinic.call(3)
    clinic.serve(sample, 2)

    back = clinic.latest(nurse_leg)
    assert (back.service_id, back.preference) == (clinic.gp.id, PreferenceKind.ONLY)
    assert back.wished_clinician_id == doctor.id
    assert nurse_leg.visit.departed_at is None
    assert clinic.call(1).id == back.id
    clinic.serve(back)
    assert nurse_leg.visit.departed_at == clinic.now
    assert nurse_leg.visit.resolution is Resolution.RESOLVED
    legs = clinic.session.scalars(
        sa.select(QueueEntry.state)
        .where(QueueEntry.visit_id == nurse_leg.visit_id)
        .order_by(QueueEntry.id)
    ).all()
    assert legs == ["finished", "transferred", "finished", "finished"]


@pytest.mark.both_databases
def test_the_only_allowed_clinician_goes_home(clinic: Day) -> None:
    first = clinic.clinicians[0]
    waits_for_one = clinic.walk_in("Noor", wish=Wish(PreferenceKind.ONLY, first.id))
    promised = told(clinic.promise(waits_for_one))
    clinic.do(shifts.close_shift, shift_id=clinic.shifts[0].id)
    [item] = clinic.items(desk_items.ItemKind.STRANDED)
    assert item.entry_id == waits_for_one.id
    assert clinic.call(2) is None, "an only is never broken silently"

    clinic.do(order.change_preference, entry_id=waits_for_one.id, wish=Wish())
    clinic.do(day.sweep, site_id=clinic.site.id)
    assert clinic.items(desk_items.ItemKind.STRANDED) == []
    assert clinic.call(2).id == waits_for_one.id
    assert told(clinic.promise(waits_for_one)) == promised


@pytest.mark.both_databases
def test_intake_ends_with_nine_waiting(clinic: Day) -> None:
    waiting = [clinic.walk_in() for _ in range(9)]
    clinic.gp.intake_ends = clinic.now.time().replace(hour=10)
    clinic.wait(60)
    count = sa.select(sa.func.count()).select_from(QueueEntry)
    before = clinic.session.scalar(count)
    with pytest.raises(Refused, match="no more walk-ins today") as refused:
        clinic.walk_in("Too late")
    assert refused.value.code == "intake_ended"
    assert clinic.session.scalar(count) == before, "nothing half-done"
    by_desk = clinic.walk_in("A sick child", despite_limits=True)
    blood = clinic.walk_in(service_id=clinic.blood.id)

    seen = [clinic.serve(entry, 3).id for entry in iter(clinic.call, None)]
    assert seen == [*(e.id for e in waiting), by_desk.id]
    assert blood.state is EntryState.WAITING


def test_a_discreet_and_a_deaf_patient_are_called(clinic: Day) -> None:
    discreet = clinic.walk_in("Anonymous", discreet=True)
    deaf = clinic.do(
        arrivals.take_ticket,
        site_id=clinic.site.id,
        service_id=clinic.gp.id,
        newcomer=Newcomer(name="Xiomara", call_routes=(CallRoute.PHONE, CallRoute.FETCH)),
    )
    assert clinic.call(1).id == discreet.id
    assert CallRoute.LOBBY not in clinic.calls_of(discreet)[0].routes
    assert clinic.call(2).id == deaf.id
    [call] = clinic.calls_of(deaf)
    assert call.routes == ["phone"]
    [fetch] = clinic.items(desk_items.ItemKind.FETCH)
    clinic.wait(2)
    with pytest.raises(Refused, match="staff going over"):
        clinic.do(calls.did_not_answer, entry_id=deaf.id)
    assert deaf.state is EntryState.CALLED
    clinic.do(calls.tried_route, entry_id=deaf.id, route=CallRoute.FETCH)
    clinic.do(desk_items.close_item, item_id=fetch.id, outcome="went_over")
    clinic.serve(deaf)
    assert (deaf.state, clinic.calls_of(deaf)[0].outcome) == ("finished", CallOutcome.ANSWERED)


def test_a_power_cut_is_entered_afterwards_with_true_times(clinic: Day) -> None:
    before_cut = clinic.walk_in("Ruth")
    dark = clinic.now
    clinic.wait(20)
    during = clinic.walk_in("Emil", occurred_at=dark + minutes(5))
    clinic.do(calls.call_next, room_id=clinic.rooms[0].id, occurred_at=dark + minutes(2))
    clinic.do(service.start, entry_id=before_cut.id, occurred_at=dark + minutes(3))
    with pytest.raises(Refused) as refused:
        clinic.do(service.finish, entry_id=before_cut.id, occurred_at=dark + minutes(1))
    assert refused.value.field == "occurred_at"
    clinic.do(service.finish, entry_id=before_cut.id, occurred_at=dark + minutes(15))

    times = (before_cut.called_at, before_cut.started_at, before_cut.ended_at)
    assert times == tuple(dark + minutes(n) for n in (2, 3, 15))
    assert (during.arrived_at, during.due_by) == (dark + minutes(5), dark + minutes(65))
    event = clinic.event(Kind.FINISHED)
    assert (event.occurred_at, event.recorded_at) == (dark + minutes(15), clinic.now)
    assert clinic.call(1).id == during.id


def test_a_room_is_swapped_during_a_call(clinic: Day) -> None:
    entry = clinic.walk_in("Lena Fischer")
    clinic.call(1)
    shift, empty = clinic.shifts[0], clinic.rooms[1]
    clinic.do(shifts.close_shift, shift_id=clinic.shifts[1].id)
    clinic.wait(1)
    clinic.do(shift_rooms.change_room, shift_id=shift.id, room_id=empty.id)

    old, new = clinic.calls_of(entry)
    assert (old.outcome, new.outcome, new.room_id) == (CallOutcome.WITHDRAWN, None, empty.id)
    assert (entry.state, entry.room_id) == (EntryState.CALLED, empty.id)
    clinic.serve(entry)
    assert entry.room_id == empty.id


def test_a_day_is_closed_and_opened(clinic: Day) -> None:
    seen, waiting, with_doctor = clinic.walk_in(), clinic.walk_in(), clinic.walk_in()
    clinic.call(1)
    clinic.serve(seen)
    clinic.do(calls.call_chosen, room_id=clinic.rooms[0].id, entry_id=with_doctor.id)
    clinic.do(service.start, entry_id=with_doctor.id)
    clinic.wait(8)
    with pytest.raises(Refused) as refused:
        clinic.do(day.close_day, site_id=clinic.site.id, answers={})
    assert {e["id"] for e in refused.value.details["entries"]} == {waiting.id, with_doctor.id}
    assert waiting.state is EntryState.WAITING
    clinic.do(
        day.close_day,
        site_id=clinic.site.id,
        answers={
            waiting.id: day.DayEnd(day.How.NOT_REACHED),
            with_doctor.id: day.DayEnd(day.How.FINISHED, ended_at=clinic.now - minutes(1)),
        },
    )
    assert (waiting.state, with_doctor.state) == ("not_reached", "finished")
    assert with_doctor.visit.resolution is None, "an outcome nobody gave is not known"
    assert all(s.actual_to is not None for s in clinic.shifts)
    with pytest.raises(Refused, match="No clinician works"):
        clinic.call(1)

    clinic.wait(24 * 60)
    clinic.do(day.open_day, site_id=clinic.site.id)
    site = clinic.session.get_one(Site, clinic.site.id)
    assert site.opened_day is not None
    assert site.closed_day is not None
    assert site.opened_day > site.closed_day
    again = clinic.walk_in()
    assert again.visit.day == site.opened_day
    clinic.do(
        shifts.open_shift, room_id=clinic.rooms[0].id, clinician_id=clinic.clinicians[0].id,
        services=[clinic.gp.id],
    )  # fmt: skip
    assert clinic.call(1).id == again.id


def test_a_no_show_waits_for_its_time_and_can_be_undone(clinic: Day) -> None:
    booking = clinic.book(10)
    clinic.wait(25)
    with pytest.raises(Refused):
        clinic.do(bookings.no_show, appointment_id=booking.id)
    clinic.wait(6)
    clinic.do(bookings.no_show, appointment_id=booking.id)
    clinic.do(undo.undo, event_id=clinic.event(Kind.NO_SHOW).id)
    assert booking.state is AppointmentState.BOOKED
    entry = clinic.check_in(booking)
    assert entry.entry_class == "walk_in"
    [item] = clinic.items(desk_items.ItemKind.TOO_LATE)
    assert item.appointment_id == booking.id


@pytest.mark.both_databases
def test_every_change_is_told_once_and_in_order(clinic: Day) -> None:
    parcel = make_service(clinic.session, clinic.site, "Prescription", not_care=True)
    first = clinic.walk_in()
    clinic.walk_in(service_id=parcel.id)
    clinic.do(presence.step_out, visit_id=first.visit_id, back_by=clinic.now + minutes(10))
    clinic.wait(5)
    clinic.do(presence.come_back, visit_id=first.visit_id)
    clinic.call(1)
    clinic.serve(first)
    events = clinic.session.scalars(
        sa.select(VisitEvent).where(VisitEvent.site_id == clinic.site.id).order_by(VisitEvent.id)
    ).all()
    kinds = [e.kind for e in events]
    assert kinds == [
        "ticket_taken", "ticket_taken", "stepped_out", "returned", "called", "started", "finished",
    ]  # fmt: skip
    assert [e.seq for e in events] == list(range(1, 8))
    assert clinic.session.scalar(sa.select(Site.seq).where(Site.id == clinic.site.id)) == 7
    standing = clinic.session.scalars(sa.select(Call).where(Call.outcome.is_(None))).all()
    assert standing == []

"""Taken back within minutes, the place is there again; later, or built upon, a refusal says why."""

from typing import Any

import pytest
import sqlalchemy as sa

from queueapp.actions import bookings, calls, order, presence, service, undo
from queueapp.actions.legs import PlannedStep, plan_steps
from queueapp.actions.plan import NextStep
from queueapp.db.models import Appointment, DeskItem, Party
from queueapp.domain.events import Kind
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import AppointmentState, CallOutcome, CallRoute, EntryState
from tests.db.small_clinic import SmallClinic, minutes
from tests.db.undoing import picture, prepared, take_back
from tests.factories import make_patient, make_visit

pytestmark = pytest.mark.one_database


def test_a_withdrawn_call_is_withdrawn_visibly_with_its_repeats(clinic: SmallClinic) -> None:
    entry = clinic.join()
    clinic.call()
    clinic.wait(1)
    clinic.do(calls.recall, entry_id=entry.id)
    take_back(clinic, Kind.CALLED)
    assert {c.outcome for c in clinic.calls_of(entry)} == {CallOutcome.WITHDRAWN}
    assert entry.called_at is None
    assert clinic.call(2) == entry


def test_a_second_absence_undone_takes_its_desk_item_along(clinic: SmallClinic) -> None:
    entry = clinic.join()
    for _ in range(2):
        clinic.call()
        clinic.do(calls.did_not_answer, entry_id=entry.id)
        clinic.wait(5)
    items = sa.select(DeskItem.kind).where(DeskItem.closed_at.is_(None))
    assert list(clinic.session.scalars(items)) == ["unconfirmed"]
    take_back(clinic, Kind.DID_NOT_ANSWER)
    assert list(clinic.session.scalars(items)) == []
    assert (entry.state, entry.absences) == (EntryState.CALLED, 1)


def test_an_undone_call_to_be_fetched_no_longer_asks_the_desk(clinic: SmallClinic) -> None:
    patient = make_patient(clinic.session, call_routes=[CallRoute.FETCH.value])
    clinic.join(visit=make_visit(clinic.session, clinic.site, patient))
    clinic.call()
    items = sa.select(DeskItem.kind).where(DeskItem.closed_at.is_(None))
    assert list(clinic.session.scalars(items)) == ["fetch"]
    take_back(clinic, Kind.CALLED)
    assert list(clinic.session.scalars(items)) == []


def test_a_finish_with_a_plan_is_taken_back_with_the_step_it_opened(clinic: SmallClinic) -> None:
    entry = prepared(clinic, "in_service")
    plan_steps(clinic.session, entry.visit, [PlannedStep(clinic.blood.id)])
    before = picture(clinic)
    clinic.do(service.finish, entry_id=entry.id)
    take_back(clinic, Kind.FINISHED)
    assert picture(clinic) == before
    clinic.do(service.finish, entry_id=entry.id)
    assert clinic.call(3) is not None


def test_a_finish_is_not_undone_once_the_room_is_taken(clinic: SmallClinic) -> None:
    entry = prepared(clinic, "in_service")
    _, called = clinic.do(
        service.finish_and_call_next, entry_id=entry.id, room_id=clinic.rooms[0].id
    )
    with pytest.raises(Refused, match=f"Room 1 is taken by {called.visit.ticket} now"):
        take_back(clinic, Kind.FINISHED)
    take_back(clinic, Kind.CALLED)
    take_back(clinic, Kind.FINISHED)
    assert entry.state is EntryState.IN_SERVICE
    assert entry.visit.departed_at is None


@pytest.mark.both_databases
def test_one_of_a_party_goes_back_to_the_others(clinic: SmallClinic) -> None:
    mother, child = clinic.join(), clinic.join()
    party = Party(site_id=clinic.site.id, created_at=clinic.now)
    clinic.session.add(party)
    clinic.session.flush()
    mother.visit.party_id = child.visit.party_id = party.id
    clinic.session.flush()
    clinic.call()
    for entry in (mother, child):
        clinic.do(service.start, entry_id=entry.id)
    clinic.do(service.finish, entry_id=mother.id)
    take_back(clinic, Kind.FINISHED)
    assert mother.state is EntryState.IN_SERVICE
    for entry in (mother, child):
        clinic.do(service.finish, entry_id=entry.id)
    stranger = clinic.join()
    clinic.call()
    with pytest.raises(Refused, match=f"Room 1 is taken by {stranger.visit.ticket} now"):
        take_back(clinic, Kind.FINISHED)


def test_a_step_that_was_built_upon_stays(clinic: SmallClinic) -> None:
    entry = prepared(clinic, "in_service")
    with pytest.raises(Refused, match=f"{entry.visit.ticket} went in to the clinician since then"):
        take_back(clinic, Kind.CALLED)
    clinic.do(service.finish, entry_id=entry.id, next_step=NextStep(clinic.blood.id))
    clinic.call(3)
    with pytest.raises(Refused, match="was called since then"):
        clinic.do(undo.undo_last, entry_id=entry.id)
    assert entry.state is EntryState.FINISHED


def test_step_by_step_back_to_the_door(clinic: SmallClinic) -> None:
    entry = clinic.join()
    before = picture(clinic)
    clinic.call()
    clinic.do(service.start, entry_id=entry.id)
    clinic.do(service.finish, entry_id=entry.id)
    for _ in range(3):
        clinic.do(undo.undo_last, entry_id=entry.id)
    assert picture(clinic) == before
    with pytest.raises(Refused, match="nothing to undo"):
        clinic.do(undo.undo_last, entry_id=entry.id)


def test_the_shift_that_ended_takes_nobody_back(clinic: SmallClinic) -> None:
    entry = prepared(clinic, "in_service")
    clinic.do(service.finish, entry_id=entry.id)
    clinic.shifts[0].actual_to = clinic.now
    clinic.session.flush()
    with pytest.raises(Refused, match="has ended the shift since"):
        take_back(clinic, Kind.FINISHED)


@pytest.mark.both_databases
def test_a_ticket_given_again_is_not_called_twice(clinic: SmallClinic) -> None:
    entry = prepared(clinic, "waiting")
    clinic.do(presence.leave, entry_id=entry.id)
    other = clinic.join()
    other.visit.ticket, other.visit.day = entry.visit.ticket, clinic.now.date() - minutes(1440)
    clinic.session.flush()
    with pytest.raises(Refused, match=f"Ticket {entry.visit.ticket} has been given to somebody"):
        take_back(clinic, Kind.LEFT)


def test_a_move_taken_back_puts_the_earlier_one_in_force(clinic: SmallClinic) -> None:
    a, b, c = clinic.join(), clinic.join(), clinic.join()
    clinic.do(order.move, entry_id=c.id, before_id=b.id, reason="In pain")
    clinic.do(order.move, entry_id=c.id, before_id=a.id, reason="Worse")
    take_back(clinic, Kind.MOVED)
    assert clinic.line() == [a.id, c.id, b.id]
    clinic.do(undo.undo_last, entry_id=c.id)
    assert clinic.line() == [a.id, b.id, c.id]


def test_only_what_can_be_undone_is_offered_newest_first(clinic: SmallClinic) -> None:
    entry, other = clinic.join(), clinic.join()
    clinic.call(1)
    clinic.do(service.start, entry_id=entry.id)
    clinic.do(presence.leave, entry_id=other.id)
    offered = undo.undoable(clinic.session, clinic.site.id, clinic.now)
    assert [(e.kind, e.entry_id) for e in offered] == [("left", other.id), ("started", entry.id)]
    take_back(clinic, Kind.STARTED)
    offered = undo.undoable(clinic.session, clinic.site.id, clinic.now)
    assert [(e.kind, e.entry_id) for e in offered] == [("left", other.id), ("called", entry.id)]
    assert len(undo.undoable(clinic.session, clinic.site.id, clinic.now, limit=1)) == 1
    clinic.wait(11)
    assert undo.undoable(clinic.session, clinic.site.id, clinic.now) == []


def booked(clinic: SmallClinic, **columns: Any) -> Appointment:
    at = clinic.now + minutes(30)
    row = Appointment(
        site_id=clinic.site.id,
        service_id=clinic.gp.id,
        clinician_id=clinic.clinicians[0].id,
        state=AppointmentState.BOOKED,
        starts_at=at,
        ends_at=at + minutes(10),
        busy_from=at,
        busy_to=at + minutes(10),
        code="ABC123",
        created_at=clinic.now,
        **columns,
    )
    clinic.session.add(row)
    clinic.session.flush()
    return row


def test_a_cancelled_booking_comes_back_unless_its_time_was_given_away(
    clinic: SmallClinic,
) -> None:
    first = booked(clinic)
    for given_away in (False, True):
        clinic.do(bookings.cancel_booking, appointment_id=first.id)
        if given_away:
            booked(clinic)
            with pytest.raises(Refused, match="given to somebody else"):
                take_back(clinic, Kind.BOOKING_CANCELLED)
            clinic.session.refresh(first)
            assert first.state is AppointmentState.CANCELLED
        else:
            take_back(clinic, Kind.BOOKING_CANCELLED)
            assert first.state is AppointmentState.BOOKED


def test_one_marked_as_not_come_can_check_in_again(clinic: SmallClinic) -> None:
    appointment = booked(clinic)
    clinic.wait(60)
    clinic.do(bookings.no_show, appointment_id=appointment.id)
    take_back(clinic, Kind.NO_SHOW)
    assert appointment.state is AppointmentState.BOOKED

"""Changing turns: with a reason, within a band, and the promise to the others stays readable."""

from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from queueapp.actions import arrivals, order, presence, service
from queueapp.actions.legs import PlannedStep, Wish
from queueapp.db.models import OrderMove, QueueEntry
from queueapp.db.queries.queue import load_queue
from queueapp.domain.ordering import reason as spoken
from queueapp.domain.refusal import Refused
from queueapp.domain.visit import EntryState, PreferenceKind
from tests.db.small_clinic import SmallClinic, minutes

pytestmark = pytest.mark.one_database


def active(clinic: SmallClinic) -> list[tuple[int, int]]:
    query = sa.select(OrderMove).where(OrderMove.ended_at.is_(None)).order_by(OrderMove.id)
    return [(m.entry_id, m.before_id) for m in clinic.session.scalars(query)]


def why_of(clinic: SmallClinic, entry: QueueEntry) -> str:
    line = load_queue(clinic.session, clinic.site, clinic.now).line
    candidate = next(c for c in line if c.entry_id == entry.id)
    london = ZoneInfo(clinic.site.timezone)
    return spoken(candidate, lambda at: f"{at.astimezone(london):%H:%M}")


@pytest.mark.both_databases
def test_a_move_goes_before_its_anchor_and_changes_no_due_time(clinic: SmallClinic) -> None:
    a, b, c = clinic.join(), clinic.join(), clinic.join()
    due = [e.due_by for e in (a, b, c)]
    made = clinic.do(order.move, entry_id=c.id, before_id=a.id, reason="In pain")
    assert clinic.line() == [c.id, a.id, b.id]
    assert [e.due_by for e in (a, b, c)] == due
    assert (made.reason, made.moved_by) == ("In pain", "staff:1")
    assert clinic.call(1) == c
    assert clinic.line() == [a.id, b.id]


def test_a_move_falls_away_when_its_anchor_is_called(clinic: SmallClinic) -> None:
    a, b, c = clinic.join(), clinic.join(), clinic.join()
    clinic.do(order.move, entry_id=c.id, before_id=a.id, reason="In pain")
    clinic.do(presence.step_out, visit_id=c.visit_id, back_by=clinic.now + minutes(20))
    assert clinic.call(1) == a
    assert active(clinic) == []
    assert clinic.line() == [b.id, c.id]


@pytest.mark.both_databases
def test_a_second_move_takes_the_place_of_the_first(clinic: SmallClinic) -> None:
    a, b, c = clinic.join(), clinic.join(), clinic.join()
    clinic.do(order.move, entry_id=c.id, before_id=a.id, reason="In pain")
    clinic.do(order.move, entry_id=c.id, before_id=b.id, reason="Feels better")
    assert active(clinic) == [(c.id, b.id)]
    assert clinic.line() == [a.id, c.id, b.id]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_a_move_wants_a_reason(clinic: SmallClinic, reason: str) -> None:
    a, b = clinic.join(), clinic.join()
    with pytest.raises(Refused) as refused:
        clinic.do(order.move, entry_id=b.id, before_id=a.id, reason=reason)
    assert refused.value.field == "reason"
    assert active(clinic) == []


def test_nobody_goes_before_an_emergency_or_one_who_no_longer_waits(clinic: SmallClinic) -> None:
    emergency, a, b = clinic.join(entry_class="emergency", band=0), clinic.join(), clinic.join()
    with pytest.raises(Refused, match="emergencies are called before everyone else"):
        clinic.do(order.move, entry_id=b.id, before_id=emergency.id, reason="In a hurry")
    with pytest.raises(Refused) as refused:
        clinic.do(order.move, entry_id=b.id, before_id=b.id, reason="In a hurry")
    assert refused.value.field == "before"
    clinic.call(1)
    clinic.call(2)
    with pytest.raises(Refused, match=f"{a.visit.ticket} has been called"):
        clinic.do(order.move, entry_id=b.id, before_id=a.id, reason="In a hurry")


def test_urgent_counts_from_the_moment_it_was_said(clinic: SmallClinic) -> None:
    a = clinic.join(target_minutes=60)
    b = clinic.join(target_minutes=60)
    clinic.wait(15)
    clinic.do(order.change_class, entry_id=b.id, entry_class="urgent")
    assert b.due_by == clinic.now + minutes(10)
    assert clinic.line() == [b.id, a.id]
    assert why_of(clinic, b) == "Urgent since 09:15, target 10 min, so due by 09:25."


@pytest.mark.parametrize("waited", [25, 40])
def test_raising_to_urgent_never_makes_anyone_due_later(clinic: SmallClinic, waited: float) -> None:
    entry = clinic.join(target_minutes=30)
    was = entry.due_by
    clinic.wait(waited)
    clinic.do(order.change_class, entry_id=entry.id, entry_class="urgent")
    assert entry.due_by == was == entry.reference_at + entry.target


def test_an_emergency_is_first_whatever_came_before(clinic: SmallClinic) -> None:
    a = clinic.join()
    clinic.wait(50)
    b = clinic.join()
    clinic.do(order.change_class, entry_id=b.id, entry_class="emergency")
    assert clinic.line() == [b.id, a.id]
    assert why_of(clinic, b) == "Emergency: called before everyone else."


def test_a_class_is_one_of_those_named(clinic: SmallClinic) -> None:
    entry = clinic.join()
    with pytest.raises(Refused, match="emergency") as refused:
        clinic.do(order.change_class, entry_id=entry.id, entry_class="booked")
    assert refused.value.field == "class"
    with pytest.raises(Refused, match="already has this class"):
        clinic.do(order.change_class, entry_id=entry.id, entry_class="walk_in")


def test_another_wish_takes_effect_at_once(clinic: SmallClinic) -> None:
    entry = clinic.join()
    only_second = Wish(PreferenceKind.ONLY, clinic.clinicians[1].id)
    clinic.do(order.change_preference, entry_id=entry.id, wish=only_second)
    assert clinic.call(1) is None
    clinic.do(order.change_preference, entry_id=entry.id, wish=Wish())
    assert entry.wished_clinician_id is None
    assert clinic.call(1) == entry


def test_a_wish_names_somebody(clinic: SmallClinic) -> None:
    entry = clinic.join()
    gone = clinic.clinicians[1]
    gone.retired = True
    clinic.session.flush()
    anyone_else = {"site_id": clinic.site.id, "service_id": clinic.gp.id}
    for clinician_id in (None, 987654, gone.id):
        wish = Wish(PreferenceKind.ONLY, clinician_id)
        for act, what in (
            (order.change_preference, {"entry_id": entry.id, "wish": wish}),
            (arrivals.take_ticket, anyone_else | {"wish": wish}),
            (arrivals.take_ticket, anyone_else | {"then": [PlannedStep(clinic.gp.id, wish)]}),
            (service.transfer, {"entry_id": entry.id, "service_id": clinic.gp.id, "wish": wish}),
        ):
            with pytest.raises(Refused) as refused:
                clinic.do(act, **what)
            assert refused.value.field == "preferred_clinician"
    assert entry.state is EntryState.WAITING

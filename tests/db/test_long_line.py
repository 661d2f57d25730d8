"""Where very many wait only the first are looked at, and called is who the whole order says."""

from random import Random

import pytest
from sqlalchemy.orm import Session

from queueapp.actions import order, presence
from queueapp.db.models import Party
from queueapp.db.queries import queue
from queueapp.domain.ordering import next_for
from tests.db.small_clinic import SmallClinic, minutes


@pytest.fixture
def clinic(session: Session, monkeypatch: pytest.MonkeyPatch) -> SmallClinic:
    monkeypatch.setattr(queue, "HEAD", 3)
    return SmallClinic(session)


def whole_order_says(clinic: SmallClinic, room: int) -> int | None:
    view = queue.load_queue(clinic.session, clinic.site, clinic.now)
    shift = next(s for s in view.shifts if s.is_open and s.room_id == clinic.rooms[room - 1].id)
    first = next_for(shift, view.line, view.shifts, clinic.now, view.rules)
    return first.entry_id if first else None


@pytest.mark.one_database
@pytest.mark.parametrize("seed", range(6))
def test_everyone_is_called_in_the_whole_order(clinic: SmallClinic, seed: int) -> None:
    chance = Random(seed)
    people = []
    for _ in range(12):
        service = chance.choice([clinic.gp, clinic.blood])
        people.append(clinic.join(service=service))
        clinic.wait(chance.randint(0, 3))
    for person in chance.sample(people, 3):
        back_by = clinic.now + minutes(30)
        clinic.do(presence.step_out, visit_id=person.visit_id, back_by=back_by)
    if seed % 2:
        last, anchor = people[-1], people[chance.randint(3, 8)]
        clinic.do(order.move, entry_id=last.id, before_id=anchor.id, reason="In pain")
    for _ in range(12):
        room = chance.choice([1, 3])
        if clinic.shifts[room - 1].room is not None:
            clinic.rooms[room - 1].places += 1
        clinic.session.flush()
        expected = whole_order_says(clinic, room)
        called = clinic.call(room)
        assert (called.id if called else None) == expected


def test_a_party_is_called_together_from_anywhere_in_the_line(clinic: SmallClinic) -> None:
    party = Party(site_id=clinic.site.id, called_together=True, created_at=clinic.now)
    clinic.session.add(party)
    clinic.session.flush()
    first = clinic.join()
    for _ in range(5):
        clinic.wait(1)
        clinic.join()
    last = clinic.join()
    for entry in (first, last):
        entry.visit.party_id = party.id
    assert clinic.call(1) == first
    assert last.id not in clinic.line()

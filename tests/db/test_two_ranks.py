"""What a door says a newcomer would wait is what the newcomer is then told."""

from random import Random

import pytest
from sqlalchemy.orm import Session

from queueapp.actions import arrivals, presence, shifts
from queueapp.actions.waits_now import waits_now
from queueapp.db.models import Promise, ShiftService
from queueapp.db.unit import STAGED
from tests.db.small_clinic import DESK, SmallClinic, minutes
from tests.factories import make_service


@pytest.fixture
def clinic(session: Session) -> SmallClinic:
    return SmallClinic(session)


def said(clinic: SmallClinic) -> dict[int, tuple[int, int]]:
    """The minutes at the door, by service id."""
    clinic.session.expire_all()
    found = waits_now(clinic.session, clinic.site, clinic.now)
    return {wait.service.id: (wait.low_min, wait.high_min) for wait in found}


def told(clinic: SmallClinic, service_id: int) -> tuple[int, int]:
    """The minutes a newcomer for that service is promised; nobody stays."""
    before = set(clinic.session)
    nested = clinic.session.begin_nested()
    entry = arrivals.take_ticket(
        clinic.session, DESK, clinic.now,
        site_id=clinic.site.id, service_id=service_id, despite_limits=True,
    )  # fmt: skip
    promise: Promise = entry.promises[0]
    nested.rollback()
    clinic.session.info.pop(STAGED, None)
    # SQLite gives the next to come the same numbers.
    for row in set(clinic.session) - before:
        clinic.session.expunge(row)
    low, high = (promise.low_at - clinic.now, promise.high_at - clinic.now)
    return low // minutes(1), high // minutes(1)


@pytest.mark.one_database
@pytest.mark.parametrize("seed", range(3))
def test_door_and_ticket_count_the_same_people(clinic: SmallClinic, seed: int) -> None:
    chance = Random(seed)
    # One doctor also takes blood: whoever waits for either is then ahead of the other.
    clinic.session.add(ShiftService(shift_id=clinic.shifts[0].id, service_id=clinic.blood.id))
    apart = make_service(clinic.session, clinic.site, "Given by nobody")
    services = [clinic.gp, clinic.blood, apart]
    for n in range(14):
        entry = clinic.join(service=chance.choice(services))
        clinic.wait(chance.randint(0, 4))
        if chance.random() < 0.25:
            clinic.do(presence.step_out, visit_id=entry.visit_id, back_by=clinic.now + minutes(30))
        elif chance.random() < 0.25:
            entry.band, entry.entry_class = 0, "emergency"
        if n == 6:
            clinic.call(1)
        if n == 9:
            clinic.do(shifts.close_shift, shift_id=clinic.shifts[1].id)
        clinic.session.flush()
        door = said(clinic)
        assert door.pop(apart.id) == (None, None)
        given = (clinic.gp, clinic.blood)
        assert door == {service.id: told(clinic, service.id) for service in given}

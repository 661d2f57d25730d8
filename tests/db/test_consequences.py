"""Consequence before commit: told by rehearsing the very act, of which nothing stays."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions import arrivals, bookings, calls, order
from queueapp.actions.booking_rows import Place
from queueapp.actions.consequences import consequence_of
from queueapp.actions.forecasting import Forecaster
from queueapp.db.models import OrderMove, QueueEntry, Site, VisitEvent
from queueapp.db.session import Database
from queueapp.db.unit import Committed
from queueapp.domain.effects import Consequence
from queueapp.domain.refusal import Refused
from tests.all_rows import all_rows
from tests.db.small_clinic import DESK, minutes
from tests.factories import (
    NOW,
    make_clinician,
    make_entry,
    make_patient,
    make_room,
    make_service,
    make_shift,
    make_site,
    make_visit,
)

pytestmark = pytest.mark.one_database

Act = Callable[[Session], object]


class Clinic:
    """One doctor in one room, and five who wait, due five minutes after one another."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.heard: list[Committed] = []
        with db.write() as s:
            site = make_site(s)
            service = make_service(s, site, "GP", planned=timedelta(minutes=10))
            self.room_id = make_room(s, site, "1").id
            room = site.rooms[0]
            clinician = make_clinician(s, [service])
            self.clinician_id = clinician.id
            make_shift(s, site, clinician, room, now=NOW, services=[service])
            self.site_id, self.service_id = site.id, service.id
            self.entries = []
            for n, name in enumerate(("Ann", "Bo", "Cy", "Dee", "Eli")):
                came = NOW - minutes(60 - 5 * n)
                visit = make_visit(s, site, make_patient(s, name), now=came)
                self.entries.append(make_entry(s, service, visit, now=came, target_minutes=75).id)
        db.on_commit(self.heard.append)

    def everything(self) -> dict[str, list[str]]:
        """All rows of all tables."""
        with self.db.read() as s:
            return all_rows(s)

    def told(self, act: Act, instead_of: Act | None = None) -> Consequence:
        """The consequence of an act, which leaves everything as it was."""
        before = self.everything()
        found = consequence_of(self.db, NOW, site_id=self.site_id, act=act, instead_of=instead_of)
        assert self.everything() == before
        assert self.heard == []
        return found

    def first(self, n: int) -> Act:
        """Put the n-th in line before the first."""
        entry_id, before_id = self.entries[n], self.entries[0]
        return lambda s: order.move(
            s, DESK, NOW, entry_id=entry_id, before_id=before_id, reason="in pain"
        )


@pytest.fixture
def clinic(db: Database) -> Clinic:
    return Clinic(db)


def test_a_move_says_who_gains_and_who_pays_and_leaves_nothing(clinic: Clinic) -> None:
    found = clinic.told(clinic.first(3))
    ann, bo, cy, dee, eli = sorted(found.changes, key=lambda c: c.entry_id)
    assert dee.acted_on
    assert dee.minutes is not None
    assert dee.minutes < -20
    assert dee.name == "Dee"
    assert dee.before
    assert dee.after
    assert dee.after.p50 == 0
    # The three who are passed wait one visit longer; the one behind them all waits as before.
    for one in (ann, bo, cy):
        assert one.minutes is not None
        assert 7 <= one.minutes <= 13
        assert not one.acted_on
    assert eli.minutes == 0
    assert ann.miss is not None
    assert ann.miss > 0
    assert found.gains == (dee,)
    assert set(found.losses) == {ann, bo, cy}
    words = found.sentence()
    assert words.startswith(f"Dee ({dee.ticket}) {-dee.minutes} min sooner; 3 people ")
    assert "min later" in words
    assert "Dee" not in found.sentence(names=False)


@pytest.mark.both_databases
def test_the_sentence_comes_true(clinic: Clinic) -> None:
    promised = clinic.told(clinic.first(3))
    with clinic.db.write() as s:
        clinic.first(3)(s)
    assert len(clinic.heard) == 1
    clinic.heard.clear()
    with clinic.db.read() as s:
        assert s.scalar(sa.select(sa.func.count()).select_from(OrderMove)) == 1
        assert s.scalar(sa.select(sa.func.count()).select_from(VisitEvent)) == 1
        assert s.get_one(Site, clinic.site_id).seq == 1
    # Done, an act that changes nobody's turn finds everybody where it was said they would be.
    will = {c.entry_id: c.after for c in promised.changes}
    now = clinic.told(lambda s: None)
    assert {c.entry_id: c.before for c in now.changes} == will
    assert now.gains == now.losses == ()


def test_calling_another_is_held_against_calling_the_next(clinic: Clinic) -> None:
    def chosen(s: Session) -> object:
        return calls.call_chosen(s, DESK, NOW, room_id=clinic.room_id, entry_id=clinic.entries[2])

    def next_one(s: Session) -> object:
        return calls.call_next(s, DESK, NOW, room_id=clinic.room_id)

    found = clinic.told(chosen, instead_of=next_one)
    ann, bo, _cy, dee, eli = sorted(found.changes, key=lambda c: c.entry_id)
    assert "Cy" in found.sentence()
    assert "is called now" in found.sentence()
    assert ann.minutes is not None
    assert 7 <= ann.minutes <= 13
    assert ann.acted_on
    assert bo.minutes is not None
    assert 7 <= bo.minutes <= 13
    assert dee.minutes == eli.minutes == 0
    # Calling the next one is what everybody's forecast reckoned with all along.
    as_expected = clinic.told(next_one)
    assert [c.minutes for c in as_expected.changes] == [0] * 5


def test_one_more_in_line_is_told_before_a_ticket_is_given(clinic: Clinic) -> None:
    def urgent(s: Session) -> object:
        return arrivals.take_ticket(
            s, DESK, NOW, site_id=clinic.site_id, service_id=clinic.service_id,
            entry_class="urgent",
        )  # fmt: skip

    found = clinic.told(urgent)
    (new,) = [c for c in found.changes if c.is_new]
    assert new.after is not None
    assert new.before is None
    assert found.sentence().startswith("The newcomer waits about ")
    assert found.losses
    assert all(c.minutes and c.minutes > 5 for c in found.losses)

    at = NOW + minutes(10)
    booked = clinic.told(
        lambda s: bookings.book(
            s, DESK, NOW, site_id=clinic.site_id, service_id=clinic.service_id,
            place=Place(starts_at=at, clinician_id=clinic.clinician_id),
        )
    )  # fmt: skip
    assert booked.losses


def test_what_cannot_be_done_is_refused_in_the_acts_own_words(clinic: Clinic) -> None:
    before = clinic.everything()
    with pytest.raises(Refused, match="Choose somebody else"):
        clinic.told(
            lambda s: order.move(
                s, DESK, NOW, entry_id=clinic.entries[0], before_id=clinic.entries[0], reason="x"
            )
        )
    assert clinic.everything() == before
    # The lock is free at once: the next one writes.
    with clinic.db.write() as s:
        clinic.first(1)(s)


def test_what_somebody_else_does_meanwhile_is_not_put_down_to_the_act(clinic: Clinic) -> None:
    rehearse = clinic.db.rehearse

    def late(*_: object) -> object:
        with clinic.db.write() as s:
            clinic.first(4)(s)
        return rehearse()

    clinic.db.rehearse = late  # type: ignore[method-assign, assignment]
    found = consequence_of(clinic.db, NOW, site_id=clinic.site_id, act=lambda s: None)
    assert [c.minutes for c in found.changes] == [0] * 5
    eli = next(c for c in found.changes if c.entry_id == clinic.entries[4])
    assert eli.before is not None
    assert eli.before.p50 == 0


def test_it_reckons_with_what_the_worker_has_learned(clinic: Clinic) -> None:
    by_plan = clinic.told(clinic.first(3)).losses[0].minutes
    with clinic.db.write() as s:
        for n in range(60):
            began = NOW - timedelta(days=1, minutes=21 * n)
            visit = make_visit(
                s, s.get_one(Site, clinic.site_id), now=began, day=date(2026, 1, 12),
                departed_at=began,
            )  # fmt: skip
            service = s.get_one(QueueEntry, clinic.entries[0]).service
            make_entry(
                s, service, visit, now=began, state="finished", clinician_id=clinic.clinician_id,
                called_at=began, started_at=began, ended_at=began + minutes(20),
            )  # fmt: skip
    Forecaster(clinic.db).refresh(clinic.site_id, NOW)
    clinic.heard.clear()
    learned = clinic.told(clinic.first(3)).losses[0].minutes
    assert by_plan is not None
    assert learned is not None
    # Ten minutes' plan with walk and gap: by the luck of the draw 9 to 13.
    assert 8 <= by_plan <= 14
    assert 17 <= learned <= 23

"""Promises that will not hold: told anew once and in time, with the reason; then the desk."""

import pytest
import sqlalchemy as sa

from queueapp.actions import shift_pauses
from queueapp.actions.revisions import revise
from queueapp.db.models import DeskItem, Promise, QueueEntry
from queueapp.domain.quantiles import Forecast, Quantiles
from queueapp.domain.visit import PreferenceKind
from tests.db.small_clinic import SmallClinic, minutes


def promised(clinic: SmallClinic, entry: QueueEntry, low: int, high: int) -> Promise:
    """The first promise of the entry, in minutes from now."""
    first = Promise(
        entry_id=entry.id, number=1, told_at=clinic.now, basis="forecast",
        low_at=clinic.now + minutes(low), mid_at=clinic.now + minutes(low),
        high_at=clinic.now + minutes(high),
    )  # fmt: skip
    clinic.session.add(first)
    clinic.session.flush()
    clinic.session.expire(entry, ["promises"])
    return first


def foreseen(
    clinic: SmallClinic, entry: QueueEntry, low: float, mid: float, high: float
) -> list[Promise]:
    """What a forecast of now, in minutes until the call, makes the clinic tell."""
    quantiles = Quantiles(60 * low, 60 * mid, 60 * high)
    made = Forecast(seq=1, made_at=clinic.now, entries={entry.id: quantiles})
    clinic.session.expire(entry, ["promises"])
    return clinic.do(lambda session, _actor, now: revise(session, now, site=clinic.site, made=made))


def slipped(clinic: SmallClinic) -> int:
    found = sa.select(sa.func.count()).select_from(DeskItem).where(DeskItem.kind == "slipped")
    return clinic.session.scalar(found) or 0


def test_a_range_is_told_anew_once_and_before_it_breaks(clinic: SmallClinic) -> None:
    entry = clinic.join()
    first = promised(clinic, entry, 10, 20)
    told_first = (first.low_at, first.high_at)
    # Nothing is said while it likelier holds than not, however long the tail has grown.
    assert foreseen(clinic, entry, 8, 19, 60) == []
    clinic.wait(5)
    (new,) = foreseen(clinic, entry, 12, 18.5, 33)
    assert clinic.now < told_first[1]  # in time to be useful
    assert (new.number, new.told_at, new.reason) == (
        2, clinic.now, "Visits before yours take longer than usual.",
    )  # fmt: skip
    # Never narrower than what was foreseen: 12-33 is told as 12-35.
    assert (new.low_at, new.high_at) == (clinic.now + minutes(12), clinic.now + minutes(35))
    clinic.session.refresh(first)
    assert (first.low_at, first.high_at) == told_first
    assert foreseen(clinic, entry, 12, 18.5, 33) == []
    assert slipped(clinic) == 0

    clinic.wait(20)
    (sorry,) = foreseen(clinic, entry, 10, 16, 30)
    assert (sorry.number, sorry.low_at, sorry.high_at) == (3, None, None)
    assert sorry.reason == "We are sorry: it takes longer still. The desk knows."
    assert slipped(clinic) == 1
    clinic.wait(60)
    assert foreseen(clinic, entry, 30, 40, 50) == []
    assert slipped(clinic) == 1


def test_whoever_is_called_is_told_nothing_anew(clinic: SmallClinic) -> None:
    entry = clinic.join()
    promised(clinic, entry, 0, 5)
    clinic.call()
    assert foreseen(clinic, entry, 30, 40, 50) == []


@pytest.mark.parametrize(
    ("urgent", "delay", "wished", "said"),
    [
        (1, 20, True, "An urgent patient came in."),
        (2, 0, False, "2 urgent patients came in."),
        (0, 20, True, "Your clinician is running 20 min late."),
        (0, 20, False, "A clinician is running 20 min late."),
        (0, 0, False, "Visits before yours take longer than usual."),
    ],
)
def test_the_reason_is_what_came_between(
    clinic: SmallClinic, urgent: int, delay: int, wished: bool, said: str
) -> None:
    wish = {"preference": PreferenceKind.ONLY, "wished_clinician_id": clinic.clinicians[0].id}
    # Before the promise: known then, no reason now.
    clinic.join(entry_class="urgent")
    clinic.do(shift_pauses.declare_delay, shift_id=clinic.shifts[1].id, delay=minutes(15))
    clinic.wait(1)
    entry = clinic.join(**(wish if wished else {}))
    promised(clinic, entry, 10, 20)
    clinic.wait(0.5)
    for _ in range(urgent):
        clinic.join(entry_class="urgent")
    if delay:
        clinic.do(shift_pauses.declare_delay, shift_id=clinic.shifts[0].id, delay=minutes(delay))
    (new,) = foreseen(clinic, entry, 30, 40, 50)
    assert new.reason == said

"""How late shifts usually begin: read from the roster, and told to who waits for one not there."""

from datetime import datetime, timedelta

import pytest

from queueapp.db.queries.history import Known, load_known
from queueapp.db.queries.snapshot import load_snapshot
from queueapp.waits.durations import learn
from queueapp.waits.forecast import forecast
from tests import factories
from tests.db.small_clinic import SmallClinic, minutes

DAY = timedelta(days=1)


def past(
    clinic: SmallClinic,
    days_ago: float,
    *,
    late: float | None,
    declared: float = 0,
    elsewhere: bool = False,
) -> None:
    """A shift of before that began so many minutes after its plan; None for one that never did."""
    planned = clinic.now - days_ago * DAY
    began = None if late is None else planned + minutes(late)
    factories.make_shift(
        clinic.session,
        factories.make_site(clinic.session) if elsewhere else clinic.site,
        clinic.clinicians[0],
        now=planned,
        actual_from=began,
        actual_to=began + minutes(60) if began else None,
        declared_delay=minutes(declared),
    )


def known(clinic: SmallClinic) -> Known:
    clinic.session.flush()
    return load_known(clinic.session, clinic.site, clinic.now)


def waits(clinic: SmallClinic, known: Known) -> tuple[float, float]:
    """Minutes until one who waits for a doctor is called: the low and the high end."""
    (entry_id,) = clinic.line()
    snapshot = load_snapshot(clinic.session, clinic.site, clinic.now, known, None)
    found = forecast(snapshot, learn([]), draws=1000, seed=1).entries[entry_id]
    return found.p10 / 60, found.p90 / 60


@pytest.fixture
def nobody_came(clinic: SmallClinic) -> datetime:
    """Both doctors have not opened the shifts that were planned for now; somebody waits."""
    for shift in clinic.shifts[:2]:
        shift.actual_from = None
    clinic.join()
    return clinic.now


def test_late_starts_are_read_from_the_roster(clinic: SmallClinic) -> None:
    past(clinic, 1, late=25, declared=10)  # who waits was told of ten
    past(clinic, 2, late=-15)  # early is on time
    past(clinic, 3, late=600)  # somebody pressed it hours later
    past(clinic, 61, late=45)  # too long ago
    past(clinic, 4, late=None)  # never began
    past(clinic, 5, late=50, elsewhere=True)
    for n in range(23):
        past(clinic, 6 + n, late=2)
    # With the three of today that is one too few to say anything.
    assert known(clinic).habits.late_starts_s == ()
    past(clinic, 30, late=2)
    assert known(clinic).habits.late_starts_s == (0.0,) * 4 + (120.0,) * 24 + (900.0, 5400.0)


def test_who_waits_for_one_not_there_yet_waits_as_long_as_others_came_late(
    clinic: SmallClinic, nobody_came: datetime
) -> None:
    low, high = waits(clinic, known(clinic))
    assert low < 2 < high  # nothing is known: any moment now, perhaps much later
    for n in range(40):
        past(clinic, 1 + n, late=25)
    low, high = waits(clinic, known(clinic))
    assert 24 < low <= high < 27
    clinic.wait(10)  # ten minutes on, fifteen are left
    low, high = waits(clinic, known(clinic))
    assert 14 < low <= high < 17
    clinic.shifts[0].actual_from = nobody_came
    assert waits(clinic, known(clinic))[0] < 1

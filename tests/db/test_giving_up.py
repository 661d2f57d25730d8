"""How long people wait before they give up is read from the record, and kept for every process."""

from typing import Any

import pytest

from queueapp.actions import learning
from queueapp.db.queries.history import load_known
from queueapp.domain.patience import ENOUGH
from queueapp.domain.visit import EntryState
from queueapp.waits.durations import learn
from tests.db.small_clinic import SmallClinic, minutes

pytestmark = pytest.mark.one_database


def before(clinic: SmallClinic, **columns: Any) -> None:
    clinic.join(arrived_at=clinic.now - minutes(1440), **columns)


def test_who_left_teaches_how_long_people_stay(clinic: SmallClinic) -> None:
    came = clinic.now - minutes(1440)
    for n in range(ENOUGH):
        # The last ten had gone when they were called, and are known to have left later.
        called = came + minutes(20) if n >= 20 else None
        left = came + minutes(90 if called else 20)
        before(clinic, state=EntryState.LEFT, called_at=called, ended_at=left)
        before(clinic, state=EntryState.FINISHED, called_at=came + minutes(30))
        before(clinic, state=EntryState.NOT_REACHED, ended_at=came + minutes(10))
        before(clinic, called_at=None)
    clinic.session.flush()
    known = load_known(clinic.session, clinic.site, clinic.now)
    seconds, share = known.habits.patience[-1]
    assert (seconds, round(share, 6)) == (1200, 0.5)
    learning.store_learned(
        clinic.session, clinic.now, site_id=clinic.site.id, habits=known.habits, durations=learn([])
    )
    again, _ = learning.what_is_known(clinic.session, clinic.site, clinic.now)
    assert again.habits.patience[-1] == (1200, 0.5)

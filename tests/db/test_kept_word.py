"""A promise that came out otherwise moves the next one told, until what came is taken back."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from queueapp.actions import arrivals, calls, service, undo
from queueapp.actions.forecasting import Forecaster
from queueapp.actions.promises import newest_forecast, quote_for
from queueapp.db.models import Promise, QueueEntry, Site
from queueapp.db.queries.forecasts import parsed
from queueapp.db.session import Database
from queueapp.domain.visit import EntryState
from queueapp.waits.calibration import ABOVE, BELOW
from queueapp.waits.promise import Quote
from tests import factories
from tests.db.small_clinic import DESK

NOW = factories.NOW
SOON = NOW + timedelta(seconds=20)


def told(
    db: Database, site_id: int, entry_id: int, now: datetime
) -> tuple[Quote, dict[str, tuple[float, float]]]:
    """What the entry would be told by a forecast made now, by a worker just started."""
    Forecaster(db).refresh(site_id, now)
    with db.read() as session:
        site = session.get_one(Site, site_id)
        stored = newest_forecast(session, site, now)
        assert stored is not None
        entry = session.get_one(QueueEntry, entry_id)
        return quote_for(session, now, site=site, entry=entry, stored=stored), parsed(stored).moved


def test_a_call_that_came_too_soon_moves_the_next_quote_and_its_undoing_moves_it_back(
    db: Database,
) -> None:
    with db.write() as session:
        site = factories.make_site(session)
        gp = factories.make_service(session, site, "GP")
        rooms, inside = [], []
        for n in (1, 2):
            room = factories.make_room(session, site, f"Room {n}")
            clinician = factories.make_clinician(session, [gp])
            shift = factories.make_shift(session, site, clinician, room, services=[gp])
            began = NOW - timedelta(minutes=1)
            entry = factories.make_entry(
                session, gp, now=began, state="in_service", called_at=began, started_at=began,
                clinician_id=clinician.id, shift_id=shift.id, room_id=room.id,
            )  # fmt: skip
            rooms.append(room.id)
            inside.append(entry.id)
        site_id, gp_id = site.id, gp.id
    Forecaster(db).refresh(site_id, NOW)
    with db.write() as session:
        joined = [
            arrivals.take_ticket(session, DESK, NOW, site_id=site_id, service_id=gp_id).id
            for _ in range(4)
        ]
    with db.read() as session:
        kept = session.scalars(sa.select(Promise).order_by(Promise.id)).all()
        assert [p.ahead for p in kept] == [0, 1, 2, 3]
        for one in kept:
            assert one.raw_low is not None
            assert one.raw_high is not None
            assert one.low_at is not None
            assert one.high_at is not None
            assert timedelta(seconds=30) < one.raw_low < one.raw_high
            # Told in round minutes, which hold all of it.
            assert one.low_at <= NOW + one.raw_low
            assert NOW + one.raw_high <= one.high_at
    before, moved = told(db, site_id, joined[3], SOON)
    assert moved == {}
    assert before.raw_s == (before.low_s, before.high_s)
    with db.write() as session:
        for room_id, entry_id in zip(rooms, inside, strict=True):
            service.finish(session, DESK, SOON, entry_id=entry_id)
            calls.call_next(session, DESK, SOON, room_id=room_id)
    with db.read() as session:
        called = session.scalars(
            sa.select(QueueEntry.id).where(QueueEntry.state == EntryState.CALLED)
        ).all()
        assert sorted(called) == joined[:2]
    after, moved = told(db, site_id, joined[3], SOON)
    assert moved["all"][BELOW] > 0 > moved["all"][ABOVE]
    assert after.raw_s is not None
    assert after.low_s < after.raw_s[0]
    assert after.high_s < after.raw_s[1]
    with db.write() as session:
        for entry_id in called:
            undo.undo_last(session, DESK, SOON, entry_id=entry_id)
    assert told(db, site_id, joined[3], SOON)[1] == {}
    # Who still waits when the range is over has been told wrong, also on the days that follow.
    late = NOW + timedelta(hours=3)
    widened, moved = told(db, site_id, joined[3], late)
    assert moved["all"][ABOVE] > 0
    assert widened.raw_s is None or widened.high_s > widened.raw_s[1]
    for days in (1, 2):
        later = told(db, site_id, joined[3], NOW + timedelta(days=days))[1]
        assert later["all"][ABOVE] == moved["all"][ABOVE]
    assert told(db, site_id, joined[3], NOW + timedelta(days=70))[1] == {}

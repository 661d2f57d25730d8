"""The background worker: one at a time, where something changed, and no faster than it should."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from queueapp.actions import forecasting, leases
from queueapp.actions.base import note
from queueapp.db.models import Lease, Site, StoredForecast
from queueapp.db.queries.forecasts import sites_to_forecast
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM
from queueapp.domain.events import Kind
from queueapp.worker import FORECAST_GAP_S, LEASE_LASTS, STALE_AFTER, Worker
from tests import factories

START = datetime(2026, 1, 13, 9, 0, tzinfo=UTC)


class Hands:
    """A clock moved by hand, wall and monotonic alike."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def ticks(self) -> float:
        return 1000.0 + self.seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def site_id(db: Database) -> int:
    with db.write() as session:
        site = factories.make_site(session)
        service = factories.make_service(session, site)
        clinician = factories.make_clinician(session, [service])
        factories.make_shift(session, site, clinician, factories.make_room(session, site))
        return site.id


def make_worker(db: Database, hands: Hands) -> Worker:
    return Worker(db, clock=hands.now, ticking=hands.ticks)


def someone_comes(db: Database, site_id: int) -> None:
    with db.write() as session:
        service = session.get_one(Site, site_id).services[0]
        entry = factories.make_entry(session, service, now=START)
        note(session, SYSTEM, START, Kind.TICKET_TAKEN, site_id=site_id, entry=entry)


def stored_seq(db: Database) -> int:
    with db.read() as session:
        return session.scalars(sa.select(StoredForecast.seq)).one()


def seq_of(db: Database, site_id: int) -> int:
    with db.read() as session:
        return session.get_one(Site, site_id).seq


def test_a_change_is_forecast_once_and_storing_it_is_no_change(
    db: Database, site_id: int, hands: Hands
) -> None:
    worker = make_worker(db, hands)
    assert worker.step() == [site_id]
    someone_comes(db, site_id)
    hands.seconds += 1
    assert worker.step() == [site_id]
    assert stored_seq(db) == seq_of(db, site_id)
    for _ in range(5):
        hands.seconds += 1
        assert worker.step() == []


def test_with_someone_waiting_it_is_renewed_before_it_is_too_old_to_promise_from(
    db: Database, site_id: int, hands: Hands
) -> None:
    worker = make_worker(db, hands)
    worker.step()
    hands.seconds += STALE_AFTER.total_seconds() + 1
    assert worker.step() == []
    someone_comes(db, site_id)
    assert worker.step() == [site_id]
    hands.seconds += STALE_AFTER.total_seconds() + 1
    assert worker.step() == [site_id]


def test_a_site_is_forecast_at_most_twice_a_second(
    db: Database, site_id: int, hands: Hands
) -> None:
    worker = make_worker(db, hands)
    worker.step()
    done = 0
    for _ in range(20):
        hands.seconds += FORECAST_GAP_S / 5
        someone_comes(db, site_id)
        done += len(worker.step())
    assert done == 4


def test_a_change_between_snapshot_and_storing_is_forecast_again(
    db: Database, site_id: int, hands: Hands
) -> None:
    worker = make_worker(db, hands)
    worker.step()
    with db.write() as session:
        made = session.scalars(sa.select(StoredForecast)).one()
        made.for_seq = made.seq - 2
    with db.read() as session:
        assert sites_to_forecast(session, hands.now(), STALE_AFTER) == [site_id]


def test_the_oldest_forecast_comes_first(db: Database, site_id: int, hands: Hands) -> None:
    with db.write() as session:
        other = factories.make_site(session).id
    worker = make_worker(db, hands)
    assert worker.step() == [site_id, other]
    for changed in (site_id, other):
        with db.write() as session:
            note(session, SYSTEM, START, Kind.SETTINGS_CHANGED, site_id=changed)
            session.execute(
                sa.update(StoredForecast)
                .where(StoredForecast.site_id == other)
                .values(made_at=START - timedelta(hours=1))
            )
    hands.seconds += 1
    assert worker.step() == [other, site_id]


def test_a_site_that_cannot_be_forecast_does_not_stop_the_others(
    db: Database, site_id: int, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.write() as session:
        other = factories.make_site(session).id
    worker = make_worker(db, hands)
    refresh = forecasting.Forecaster.refresh

    def breaks(self: forecasting.Forecaster, at: int, now: datetime) -> None:
        if at == site_id:
            raise ZeroDivisionError
        refresh(self, at, now)

    with monkeypatch.context() as broken:
        broken.setattr(forecasting.Forecaster, "refresh", breaks)
        assert worker.step() == [other]
        hands.seconds += 1
        assert worker.step() == []
    hands.seconds += 10
    assert worker.step() == [site_id]


def test_of_two_workers_one_works_until_it_stops_or_is_gone(
    db: Database, site_id: int, hands: Hands
) -> None:
    first, second = make_worker(db, hands), make_worker(db, hands)
    assert first.step() == [site_id]
    someone_comes(db, site_id)
    assert second.step() == []
    hands.seconds += 1
    assert first.step() == [site_id]
    first.release()
    someone_comes(db, site_id)
    hands.seconds += 3
    assert second.step() == [site_id]
    # The second one is gone without a word.
    someone_comes(db, site_id)
    hands.seconds += LEASE_LASTS.total_seconds() - 1
    assert first.step() == []
    hands.seconds += 4
    assert first.step() == [site_id]


def test_a_lease_is_held_by_one(db: Database) -> None:
    lasts = timedelta(seconds=10)
    with db.write() as session:
        held = [leases.hold(session, START, name="x", holder=h, lasts=lasts) for h in "aba"]
    assert held == [True, False, True]
    later = START + lasts
    with db.write() as session:
        assert leases.hold(session, later, name="x", holder="b", lasts=lasts)
        assert not leases.hold(session, later, name="x", holder="a", lasts=lasts)
    with db.read() as session:
        assert session.scalars(sa.select(Lease.holder)).all() == ["b"]

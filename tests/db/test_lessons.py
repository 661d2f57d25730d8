"""What a clinic's own record teaches reaches the promise made at joining."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from queueapp.actions import arrivals
from queueapp.actions.forecasting import Forecaster
from queueapp.actions.lessons import Lessons
from queueapp.commands.history import write_history
from queueapp.db.models import Clinician, Promise, QueueEntry, Service, Site, StoredForecast
from queueapp.db.queries.passages import load_passages
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM
from queueapp.domain.outcomes import Place
from queueapp.domain.passages import Passage
from queueapp.integrations.visit_log import LogRow
from queueapp.waits.calibration import Calibrator
from tests import factories
from tests.db.small_clinic import DESK
from tests.unit.made_days import DAY_S, FIRST_DAY, GP, made_days

RECORD = made_days(5, a_day=100)
NOW = datetime.fromtimestamp(FIRST_DAY + 5 * DAY_S + 10 * 3600, UTC)
AT_ONCE = Lessons(beside=lambda work: work(), first_after=timedelta(0))


def as_row(one: Passage) -> LogRow:
    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    return LogRow(
        entry_id=f"e{one.number}",
        service="GP" if one.service == GP else "Blood test",
        entry_class=one.entry_class,
        outcome="finished" if one.called else "left_without_being_seen",
        arrived_at=at(one.arrived),
        called_at=at(one.called),
        started_at=at(one.called),
        finished_at=at(one.ended),
        left_at=at(one.left),
        clinician=f"Clinician {one.clinician}" if one.clinician else "",
        due_by=at(one.due + 3600),
    )


def test_what_the_record_taught_is_what_who_joins_is_promised(db: Database) -> None:
    with db.write() as session:
        site = factories.make_site(session, timezone="UTC")
        services = [factories.make_service(session, site, n) for n in ("GP", "Blood test")]
        write_history(session, SYSTEM, NOW, site=site, rows=[as_row(p) for p in RECORD])
        # One undone by hand in the record, one who stepped out: neither teaches.
        out = session.scalars(sa.select(QueueEntry).where(QueueEntry.stepped_out == timedelta(0)))
        away = next(e for e in out if e.called_at and e.called_at > e.arrived_at)
        away.stepped_out = timedelta(minutes=5)
        for clinician in session.scalars(sa.select(Clinician).order_by(Clinician.name)):
            room = factories.make_room(session, site, clinician.name)
            shift = factories.make_shift(
                session, site, clinician, room, services=services,
                now=NOW - timedelta(hours=2),
            )  # fmt: skip
            came = NOW - timedelta(minutes=30)
            factories.make_entry(
                session, services[0], now=came, state="in_service", called_at=came,
                started_at=NOW - timedelta(minutes=5), clinician_id=clinician.id,
                shift_id=shift.id, room_id=room.id,
            )  # fmt: skip
        for n in range(5):
            factories.make_entry(session, services[0], now=NOW - timedelta(minutes=20 - n))
        site_id, service_id, away_id = site.id, services[0].id, away.id
    with db.read() as session:
        site = session.get_one(Site, site_id)
        learned = load_passages(session, site, NOW - timedelta(days=30), NOW)
        assert sum(p.counts for p in learned) >= sum(p.counts for p in RECORD) - 1 > 300
        assert not next(p for p in learned if p.number == away_id).counts

    def stored(lessons: Lessons) -> dict[str, Any]:
        Forecaster(db, lessons).refresh(site_id, NOW)
        with db.read() as session:
            content: dict[str, Any] = session.scalars(sa.select(StoredForecast.content)).one()
        return content | {"seq": 0}

    plain, taught = stored(Lessons()), stored(AT_ONCE)
    assert taught["entries"] != plain["entries"]
    assert taught["join"] != plain["join"]
    assert stored(AT_ONCE) == taught
    with db.write() as session:
        entry = arrivals.take_ticket(session, DESK, NOW, site_id=site_id, service_id=service_id)
        entry_id = entry.id
    with db.read() as session:
        promise = session.scalars(sa.select(Promise).where(Promise.entry_id == entry_id)).one()
        assert session.get_one(Service, service_id).site_id == site_id
        told = next(
            t for t in taught["join"]
            if (t["service"], t["clinician"]) == (service_id, None)
        )  # fmt: skip
        low, mid, high = dict(zip(told["ranks"], told["quantiles"], strict=True))[5][:3]
        assert promise.basis == "forecast"
        assert promise.ahead == 5
        assert promise.raw_low == timedelta(seconds=low)
        assert promise.raw_high == timedelta(seconds=high)
        assert promise.low_at is not None
        assert promise.high_at is not None
        # What the lesson practised on moves the ends.
        moved = {group: (ends[0], ends[1]) for group, ends in taught["moved"].items()}
        first, last = Calibrator(moved).told(Place(service_id, "walk_in", 5), low, high)
        assert (first, last) != (low, high)
        assert promise.low_at <= NOW + timedelta(seconds=first)
        assert NOW + timedelta(seconds=last) <= promise.high_at
        assert promise.mid_at == NOW + timedelta(seconds=min(max(mid, first), last))


@pytest.mark.one_database
@pytest.mark.parametrize(("every", "learns"), [(20, True), (8, False)])
def test_where_more_than_one_in_ten_are_booked_the_simulation_keeps_the_word(
    db: Database, every: int, learns: bool
) -> None:
    """What a record without bookings teaches would tell those without a booking worse."""
    rows = [as_row(p) for p in RECORD]
    with db.write() as session:
        site = factories.make_site(session, timezone="UTC")
        for name in ("GP", "Blood test"):
            factories.make_service(session, site, name)
        booked = [
            replace(row, entry_class="booked", scheduled_at=row.arrived_at)
            if n % every == 0
            else row
            for n, row in enumerate(rows)
        ]
        write_history(session, SYSTEM, NOW, site=site, rows=booked)
        site_id = site.id
    begun: list[Callable[[], None]] = []
    lessons = Lessons(beside=begun.append, first_after=timedelta(0))
    with db.read() as session:
        site = session.get_one(Site, site_id)
        assert sum(p.counts for p in load_passages(session, site, NOW - timedelta(30), NOW)) > 300
        assert lessons.for_now(session, site, NOW) is None  # not waited for
        assert lessons.for_now(session, site, NOW + timedelta(hours=1)) is None
    assert len(begun) == (1 if learns else 0)

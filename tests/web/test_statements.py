"""How often the database is asked: held down, as it is what a busy day's speed is made of."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from queueapp.actions.desk_items import ItemKind, open_item
from queueapp.actions.forecasting import Forecaster
from queueapp.actions.learning import learn_site, store_learned, what_is_known
from queueapp.actions.promises import store_forecast
from queueapp.actions.waits_now import waits_now
from queueapp.db.models import Feedback, Site
from queueapp.db.queries.forecasts import parsed, stored_forecast
from queueapp.db.queries.queue import load_queue
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM
from queueapp.domain.quantiles import Forecast, Quantiles
from queueapp.domain.snapshot import Habits
from queueapp.domain.visit import SortedOut
from queueapp.realtime.content.desk_items import item_rows
from queueapp.worker import LOOK_S, Worker
from tests.factories import (
    make_clinician,
    make_device,
    make_entry,
    make_patient,
    make_room,
    make_service,
    make_shift,
    make_site,
    make_visit,
    turning_far_off,
)
from tests.web.api_world import World
from tests.web.kept_worlds import KeptWorlds


@contextmanager
def asked(database: Database) -> Iterator[list[str]]:
    """The statements that the block sends, those that begin a transaction apart."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            found.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(database.engine, "before_cursor_execute", note)


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[World]:
    with kept_worlds.copy_of("api", World) as world:
        yield world


def operations(world: World) -> dict[str, int]:
    """How many statements each takes of what a busy day is made of; the second of each kind."""
    slots = world.get("/sites/here/slots", service="gp", clinician="Ruiz").get_json()[:2]
    bookings = []
    for slot in slots:
        body = {"service": "gp", "clinician": "Ruiz", "starts_at": slot["starts_at"], "name": "Al"}
        bookings.append(world.post("/sites/here/appointments", body).get_json()["id"])
    world.post(f"/appointments/{bookings[0]}/check-in")
    world.ticket()
    taken = {}
    with asked(world.db) as ticket:
        world.ticket()
    with asked(world.db) as check_in:
        world.post(f"/appointments/{bookings[1]}/check-in")
    with asked(world.db) as call:
        entry_id = world.post(f"/rooms/{world.room_id}/call-next").get_json()["id"]
    with asked(world.db) as start:
        world.post(f"/entries/{entry_id}/start")
    with asked(world.db) as finish:
        world.post(f"/entries/{entry_id}/finish", {"resolution": "resolved"})
    for name, statements in (
        ("ticket", ticket), ("check-in", check_in), ("call", call), ("start", start),
        ("finish", finish),
    ):  # fmt: skip
        taken[name] = len(statements)
    return taken


@pytest.mark.both_databases
def test_a_visit_by_api_takes_few_statements(world: World) -> None:
    most = {"ticket": 14, "check-in": 15, "call": 16, "start": 9, "finish": 13}
    taken = operations(world)
    assert all(taken[name] <= most[name] for name in most), taken


def test_what_happens_at_a_site_costs_no_more_with_many_others(kept_worlds: KeptWorlds) -> None:
    """Neither what somebody does nor the site's forecast: only its own people count."""
    with kept_worlds.copy_of("api", World) as world:
        alone = operations(world)
    with kept_worlds.copy_of("api", World) as world:
        now, forecaster = datetime.now(UTC), Forecaster(world.db)
        forecaster.refresh(world.site_id, now)
        with asked(world.db) as first:
            forecaster.refresh(world.site_id, now)
        with world.db.write() as session:
            for n in range(20):
                site = make_site(session, f"other-{n}", settings=turning_far_off(now))
                service, room = make_service(session, site, targets={"urgent": 5}), None
                for _ in range(3):
                    room = make_room(session, site)
                make_shift(session, site, make_clinician(session, [service]), room, now=now)
                for _ in range(3):
                    make_entry(session, service, now=now)
        assert operations(world) == alone
        with asked(world.db) as again:
            forecaster.refresh(world.site_id, now)
        assert len(again) <= len(first) + 2


def test_the_worker_writes_nothing_for_sites_where_all_is_well(world: World) -> None:
    """However many there are: a look at each, in turn, and no write that others would wait for."""
    now = datetime.now(UTC)
    seconds = 0.0
    with world.db.write() as session:
        for n in range(20):
            make_site(session, f"other-{n}", settings=turning_far_off(now))
    world.ticket()
    worker = Worker(world.db, clock=lambda: now, ticking=lambda: seconds)
    worker.step()
    seconds += 4 * LOOK_S
    with asked(world.db) as one_look:
        worker.step()
    assert not [s for s in one_look if not s.startswith(("SELECT", "ROLLBACK"))], one_look
    # Of 22 sites a few at a time, so that forecasts come in between.
    assert len(one_look) < 22


@pytest.mark.both_databases
def test_one_reading_session_loads_the_queue_once(world: World) -> None:
    now = datetime.now(UTC)
    world.ticket()
    with world.db.read() as session:
        site = session.get_one(Site, world.site_id)
        first = load_queue(session, site, now)
        waits_now(session, site, now)
        with asked(world.db) as again:
            assert load_queue(session, site, now) is first
        assert not again
    world.ticket()
    with world.db.read() as session:
        assert len(load_queue(session, session.get_one(Site, world.site_id), now).line) == 2


@pytest.mark.both_databases
def test_what_is_parsed_once_is_that_of_its_own_database(kept_worlds: KeptWorlds) -> None:
    """Two clinics with the same numbers in two databases of one process keep their own."""
    now = datetime.now(UTC)
    with (
        kept_worlds.copy_of("api", World) as one,
        kept_worlds.copy_of("api", World) as other,
    ):
        for n, world in enumerate((one, other), start=1):
            made = Forecast(seq=7, made_at=now, entries={n: Quantiles(1.0, 2.0, 3.0)})
            habits = Habits(no_show=n / 10)
            with world.db.write() as session:
                site = session.get_one(Site, world.site_id)
                store_forecast(session, now, site=site, made=made)
                _, durations = learn_site(session, site, now)
                store_learned(session, now, site_id=site.id, habits=habits, durations=durations)
        asks = []
        for n, world in [*enumerate((one, other), start=1)] * 2:
            with world.db.read() as session:
                stored = stored_forecast(session, world.site_id)
                assert stored
                known, _ = what_is_known(session, session.get_one(Site, world.site_id), now)
                assert known.habits.no_show == n / 10
                with asked(world.db) as again:
                    assert set(parsed(stored).entries) == {n}
                asks.append(len(again))
        assert asks == [1, 1, 0, 0]


@pytest.mark.both_databases
def test_many_desk_items_are_read_with_as_few_statements_as_few(world: World) -> None:
    now, taken, titles = datetime.now(UTC), [], []
    for _ in range(3):
        with world.db.write() as session:
            site = session.get_one(Site, world.site_id)
            visit = make_visit(session, site, make_patient(session))
            session.add(Feedback(site_id=site.id, visit_id=visit.id, told_at=now,
                                 sorted_out=SortedOut.NO, wording="Still itches."))  # fmt: skip
            room = make_room(session, site)
            device, _ = make_device(session, site, "room", room=room)
            common = {"site_id": site.id}
            open_item(session, SYSTEM, now, kind=ItemKind.FEEDBACK, visit_id=visit.id, **common)
            open_item(session, SYSTEM, now, kind=ItemKind.HELP, device_id=device.id, **common)
        with world.db.read() as session:
            site = session.get_one(Site, world.site_id)
            with asked(world.db) as statements:
                titles = [row.title for row in item_rows(session, site)]
            taken.append(len(statements))
    assert len(titles) == 6
    assert sum("asks for help" in title for title in titles) == 3
    assert sum("was not sorted out" in title for title in titles) == 3
    assert taken[0] == taken[2], taken


@pytest.mark.both_databases
def test_a_writing_session_sees_what_it_has_just_written(world: World) -> None:
    now = datetime.now(UTC)
    entry_id = world.ticket()["id"]
    with world.db.write() as session:
        site = session.get_one(Site, world.site_id)
        assert [c.entry_id for c in load_queue(session, site, now).line] == [entry_id]
        session.execute(sa.text("UPDATE queue_entry SET state = 'cancelled'"))
        assert not load_queue(session, site, now).line

"""A setting that one process changed holds for the very next request of every other."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.legs import due_for
from queueapp.db.known import known
from queueapp.db.models import (
    OpeningException,
    OpeningHour,
    Reason,
    Room,
    Service,
    ServiceTarget,
    Site,
)
from queueapp.db.session import Database
from tests.web.api_world import World
from tests.web.kept_worlds import KeptWorlds
from tests.web.web_world import SECRET

pytestmark = pytest.mark.both_databases

TODAY = date(2026, 1, 13)


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[World]:
    with kept_worlds.copy_of("api", World) as world:
        yield world


@pytest.fixture
def other(world: World) -> Iterator[Database]:
    """Another process's way to the same database."""
    database = Database(world.db.engine.url, secret=SECRET)
    yield database
    database.dispose()


def stamp_of(session: Session, site_id: int) -> int:
    session.expire_all()
    return session.scalars(sa.select(Site.settings_stamp).where(Site.id == site_id)).one()


def rows(site_id: int, service_id: int) -> list[Any]:
    within = timedelta(minutes=3)
    return [
        Service(site_id=site_id, slug="new", name="New"),
        Room(site_id=site_id, name="New"),
        OpeningHour(site_id=site_id, weekday=1, opens=time(3), closes=time(4)),
        OpeningException(site_id=site_id, day=TODAY),
        Reason(service_id=service_id, words="New", planned=within),
        ServiceTarget(service_id=service_id, entry_class="urgent", within=within, valid_from=TODAY),
    ]


def test_every_change_of_every_setting_renews_the_stamp_of_its_own_site(world: World) -> None:
    with world.db.write() as session:
        elsewhere = session.scalars(sa.select(Site.id).where(Site.slug == "elsewhere")).one()
        stamps, others = [stamp_of(session, world.site_id)], stamp_of(session, elsewhere)

        def changed(how: Callable[[], Any]) -> None:
            how()
            session.flush()
            stamps.append(stamp_of(session, world.site_id))

        for row in rows(world.site_id, world.gp_id):
            table, row_id = row.__tablename__, lambda row=row: row.id
            changed(lambda row=row: session.add(row))
            text = f"UPDATE {table} SET id = id WHERE id = :id"
            changed(lambda t=text, n=row_id: session.execute(sa.text(t), {"id": n()}))
            changed(lambda row=row: session.delete(row))
        site = session.get_one(Site, world.site_id)
        for name, value in (("settings", {"language": "fr"}), ("timezone", "UTC"), ("name", "N")):
            changed(lambda n=name, v=value: setattr(site, n, v))
        assert len({*stamps}) == len(stamps) == 1 + 3 * 6 + 3
        site.seq += 1
        session.flush()
        assert stamp_of(session, world.site_id) == stamps[-1]
        assert stamp_of(session, elsewhere) == others


def test_the_next_ticket_obeys_what_another_process_has_just_changed(
    world: World, other: Database
) -> None:
    def refused() -> str | None:
        answer = world.post("/sites/here/entries", {"service": "gp"})
        return None if answer.status_code == 201 else answer.get_json()["code"]

    assert refused() is None
    with other.write() as session:
        session.get_one(Service, world.gp_id).waiting_limit = 1
    assert refused() == "waiting_limit"
    with other.write() as session:
        session.execute(sa.text("UPDATE service SET waiting_limit = NULL"))
        session.execute(sa.text("DELETE FROM opening_hour"))
        day = datetime.now(UTC).date()
        for n in (-1, 0, 1):
            closed = OpeningException(site_id=world.site_id, day=day + timedelta(days=n))
            session.add(closed)
    assert refused() == "closed"
    with other.write() as session:
        session.execute(sa.text("DELETE FROM opening_exception"))
        session.get_one(Service, world.gp_id).slug = "doctor"
    answer = world.post("/sites/here/entries", {"service": "gp"})
    assert answer.get_json()["errors"][0]["field"] == "service"
    assert world.post("/sites/here/entries", {"service": "doctor"}).status_code == 201


def within(session: Session, world: World) -> timedelta:
    site, service = session.get_one(Site, world.site_id), session.get_one(Service, world.gp_id)
    return due_for(session, site, service, "priority", datetime.now(UTC)).target


def test_a_change_holds_within_its_own_transaction_and_ends_with_it(
    world: World, other: Database
) -> None:
    five, eight, nine = (timedelta(minutes=n) for n in (5, 8, 9))
    with world.db.read() as session:
        assert within(session, world) == five
    with world.db.rehearse() as session:
        assert within(session, world) == five
        session.scalars(sa.select(ServiceTarget)).one().within = eight
        session.flush()
        assert within(session, world) == eight
        nested = session.begin_nested()
        session.execute(sa.update(ServiceTarget).values(within=nine))
        assert within(session, world) == nine
        nested.rollback()
        assert within(session, world) == eight
    for database in (world.db, other):
        with database.read() as session:
            assert within(session, world) == five


def test_the_database_itself_is_what_keeps_it_true(world: World, other: Database) -> None:
    """The control: without its triggers a changed setting is not heard of."""
    with world.db.read() as session:
        assert known(session, world.site_id).services["gp"] == world.gp_id
    with other.write() as session:
        on = " ON service" if other.engine.dialect.name == "postgresql" else ""
        names = ["service_settings"] if on else ["service_settings_update"]
        for name in names:
            session.execute(sa.text(f"DROP TRIGGER {name}{on}"))
        session.get_one(Service, world.gp_id).slug = "doctor"
    with world.db.read() as session:
        assert "gp" in known(session, world.site_id).services
    with other.write() as session:
        session.get_one(Site, world.site_id).name = "Heard of"
    with world.db.read() as session:
        assert "doctor" in known(session, world.site_id).services

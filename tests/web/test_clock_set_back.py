"""The machine's clock is set back by an hour while people wait: order holds, nothing is stuck."""

import datetime as dt
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from queueapp.db.models import Call, QueueEntry, Site, StoredForecast, VisitEvent
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from queueapp.realtime import publish, watch
from queueapp.web import context, limits, security
from queueapp.worker import Worker
from tests import factories
from tests.web.web_world import web_app

BACK = timedelta(hours=1)
NEGATIVE = re.compile(r'(?:[:>"\s]|^)-\d')


class Machine:
    """Its clock, and the seconds since it was started, which no clock changes."""

    def __init__(self) -> None:
        self.off, self.ticks = timedelta(0), 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off + timedelta(seconds=self.ticks)

    def ticking(self) -> float:
        return self.ticks


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()

    class Shown(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return machine.now()

    for module in (security, context, limits, publish, watch):
        monkeypatch.setattr(module, "datetime", Shown)
    return machine


class House:
    """A clinic with one room, and a program that works in it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        with db.write() as s:
            now = datetime.now(UTC)
            site = factories.make_site(s, "here", settings=factories.turning_far_off(now))
            service = factories.make_service(s, site, "GP", slug="gp")
            room = factories.make_room(s, site)
            doctor = factories.make_clinician(s, [service])
            factories.make_shift(s, site, doctor, room, now=now - timedelta(hours=2), hours=10)
            self.site_id, self.room_id = site.id, room.id
            self.headers = {
                "Authorization": f"Bearer {factories.make_api_token(s, site, Role.MANAGER)[1]}"
            }
        self.client = web_app(db).test_client()

    def ask(self, path: str, **body: Any) -> Any:
        answer = self.client.post(f"/api/v1{path}", json=body, headers=self.headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json

    def take(self) -> int:
        entry: int = self.ask("/sites/here/entries", service="gp")["id"]
        return entry

    def call(self) -> int:
        called: int = self.ask(f"/rooms/{self.room_id}/call-next")["id"]
        return called

    def see(self, entry: int) -> None:
        for verb in ("start", "finish"):
            self.ask(f"/entries/{entry}/{verb}")

    def shown(self) -> str:
        """All that a program is told of the clinic, of waits and what became of them."""
        return "".join(
            self.client.get(f"/api/v1/sites/here/{path}", headers=self.headers).text
            for path in ("state", "metrics")
        )


@pytest.mark.both_databases
def test_people_are_called_in_order_and_no_wait_is_negative(db: Database, machine: Machine) -> None:
    house = House(db)
    first, second, third = (house.take() for _ in range(3))
    assert house.call() == first
    machine.off = -BACK
    house.see(first)
    assert house.call() == second
    house.see(second)
    later = house.take()
    assert not NEGATIVE.search(house.shown()), house.shown()
    assert {house.call(), third} <= {third, later}
    with db.read() as s:
        for entry in s.scalars(sa.select(QueueEntry)):
            steps = [entry.arrived_at, entry.called_at, entry.started_at, entry.ended_at]
            known = [step for step in steps if step]
            assert known == sorted(known), entry.id
        assert s.scalar(sa.select(sa.func.count()).select_from(Call)) == 3
        seqs = list(s.scalars(sa.select(VisitEvent.seq).order_by(VisitEvent.id)))
        assert seqs == sorted(seqs)
        assert s.get_one(Site, house.site_id).seq == seqs[-1]


def test_the_worker_says_so_and_goes_on_at_once(
    db: Database, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(db)
    house.take()
    worker = Worker(db, clock=machine.now, ticking=machine.ticking)
    assert worker.step() == [house.site_id]
    machine.off = -BACK
    machine.ticks += 4
    with caplog.at_level(logging.WARNING):
        worker.step()
    assert "the clock was set back by 1:00:00" in caplog.text
    # Killed, it did not give its lease back; that of before the jump must not last an hour.
    machine.off = timedelta(0)
    machine.ticks += 4
    worker.step()
    machine.off = -BACK
    other = Worker(db, clock=machine.now, ticking=machine.ticking)
    machine.ticks += 1
    assert other.step() == [house.site_id]
    with db.read() as s:
        made = s.scalars(sa.select(StoredForecast.made_at)).one()
    assert made <= machine.now()


def test_who_had_to_wait_a_minute_does_not_wait_an_hour(db: Database, machine: Machine) -> None:
    house = House(db)
    browser = house.client
    guesses = [browser.get(f"/t/guess{n}").status_code for n in range(40)]
    assert guesses[-1] == 429
    machine.off = -BACK
    assert browser.get("/t/another").status_code == 404

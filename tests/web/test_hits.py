"""How often promises were right: counted as defined, and told beside every range."""

import random
import re
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from queueapp.actions import shifts
from queueapp.actions.forecasting import Forecaster
from queueapp.actions.hits import Hits, hits_of_all, recent_hits
from queueapp.db.models import Call, Promise, QueueEntry, Service, Shift, ShiftService, Site
from queueapp.domain.visit import CallOutcome, EntryState
from queueapp.realtime.content.board import board
from queueapp.realtime.content.kiosk import kiosk
from queueapp.realtime.content.lobby import lobby
from tests import factories
from tests.web.patient_world import PatientWorld
from tests.web.phone_words import join
from tests.web.test_board_lobby import comes, do, said

NEW_YORK = ZoneInfo("America/New_York")
# Ten on a Sunday morning; the clocks went back three weeks before.
NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
FINISHED, LEFT, NOT_REACHED = EntryState.FINISHED, EntryState.LEFT, EntryState.NOT_REACHED


def told(
    s: Session,
    service: Service,
    came: datetime,
    low: int | None,
    high: int,
    called: list[tuple[float, CallOutcome]],
    state: EntryState = FINISHED,
    *,
    basis: str = "forecast",
    discreet: bool = False,
    **columns: Any,
) -> None:
    """Somebody of the past who was told `low`-`high` minutes, and their calls by minute."""
    site = s.get_one(Site, service.site_id)
    visit = factories.make_visit(
        s, site, now=came, day=came.date(), discreet=discreet, departed_at=came
    )
    standing = [m for m, outcome in called if outcome is not CallOutcome.WITHDRAWN]
    first = came + timedelta(minutes=min(standing)) if standing else None
    entry = factories.make_entry(
        s, service, visit, now=came, state=state, called_at=first, ended_at=came, **columns
    )
    shift = s.scalars(sa.select(Shift).where(Shift.site_id == site.id)).first()
    assert shift
    for number, (minute, outcome) in enumerate(called, start=1):
        at = came + timedelta(minutes=minute)
        s.add(
            Call(
                site_id=site.id, entry_id=entry.id, room_id=shift.room_id, shift_id=shift.id,
                number=number, routes=["lobby"], called_at=at, outcome=outcome, ended_at=at,
            )
        )  # fmt: skip
    if low is not None:
        for number, more in ((1, 0), (2, 60)):  # the revision is another range, and counts nowhere
            ends = [came + timedelta(minutes=n + more) for n in (low, high)]
            s.add(
                Promise(
                    entry_id=entry.id, number=number, told_at=came, low_at=ends[0], mid_at=ends[0],
                    high_at=ends[1], basis=basis,
                )
            )  # fmt: skip
    s.flush()


def recomputed(s: Session, site_id: int) -> dict[int, Counter[str]]:
    """The definition, row by row, on New York's calendar: 23 October to 21 November 2026."""
    first = datetime.combine(date(2026, 10, 23), time(4), NEW_YORK)
    last = datetime.combine(date(2026, 11, 22), time(4), NEW_YORK)
    found: dict[int, Counter[str]] = {}
    for entry in s.scalars(sa.select(QueueEntry).where(QueueEntry.site_id == site_id)):
        promise = next((p for p in entry.promises if p.number == 1), None)
        if entry.service.not_care or promise is None or promise.basis == "nobody_on_duty":
            continue
        if not first <= entry.arrived_at < last or entry.state is EntryState.CANCELLED:
            continue
        assert promise.low_at
        assert promise.high_at
        standing = [c.called_at for c in entry.calls if c.outcome is not CallOutcome.WITHDRAWN]
        if entry.stepped_out or entry.stepped_out_at:
            kind = "apart"
        elif not standing:
            if entry.state is EntryState.WAITING:
                continue
            kind = "later" if entry.state is NOT_REACHED else "apart"
        elif min(standing) < promise.low_at:
            kind = "sooner"
        else:
            kind = "inside" if min(standing) <= promise.high_at else "later"
        found.setdefault(entry.service_id, Counter())[kind] += 1
    return found


@pytest.mark.both_databases
def test_the_figures_are_what_the_stored_promises_come_to(world: PatientWorld) -> None:
    dice = random.Random(7)
    answered, withdrawn = CallOutcome.ANSWERED, CallOutcome.WITHDRAWN
    with world.db.write() as s:
        site = s.get_one(Site, world.site_id)
        site.timezone, site.settings = "America/New_York", {}
        parcels = factories.make_service(s, site, "Parcel", not_care=True)
        services = [*(s.get_one(Service, n) for n in (world.doctor_id, world.blood_id)), parcels]
        edge = datetime.combine(date(2026, 10, 23), time(4), NEW_YORK).astimezone(UTC)
        today = datetime.combine(date(2026, 11, 22), time(4), NEW_YORK).astimezone(UTC)
        moment = timedelta(seconds=1)
        for came in (edge - moment, edge, today - moment, today):
            told(s, services[0], came, 10, 20, [(15, answered)])
        for _ in range(150):
            service = dice.choices(services, [6, 2, 1])[0]
            came = NOW - timedelta(hours=dice.uniform(1, 24 * 33))
            low = dice.choice([0, 5, 10])
            call = [(dice.uniform(0, 30), answered)]
            how: dict[str, Any] = dice.choice(
                [
                    {"called": call},
                    {"called": call},
                    {"called": [(low, answered)]},  # on the very edge
                    {"called": [(low + 12, answered)]},
                    {"called": [(1, withdrawn), (18, answered)]},
                    {"called": [*call, (40, answered)]},
                    {"called": call, "stepped_out": timedelta(minutes=5)},
                    {"called": call, "discreet": True},
                    {"called": call, "basis": "nobody_on_duty"},
                    {"called": call, "state": LEFT},
                    {"called": [], "state": LEFT},
                    {"called": [], "state": NOT_REACHED},
                    {"called": [], "state": EntryState.CANCELLED, "previous_id": 1},
                    {"called": [], "state": EntryState.WAITING},
                    {"called": [(2, withdrawn)], "state": EntryState.TRANSFERRED},
                ]
            )
            told(s, service, came, low, low + 12, **how)
    with world.db.read() as s:
        site = s.get_one(Site, world.site_id)
        found, wanted = recent_hits(s, site, NOW), recomputed(s, site.id)
        assert set(found) == {world.doctor_id, world.blood_id}  # a parcel is no care
        for service_id, hits in found.items():
            mine = wanted[service_id]
            assert (hits.sooner, hits.inside, hits.later, hits.apart) == tuple(
                mine[kind] for kind in ("sooner", "inside", "later", "apart")
            )
            assert all(mine[kind] for kind in ("sooner", "inside", "later", "apart"))
        all_, mine = hits_of_all(s, site, NOW), sum(wanted.values(), Counter())
        assert all_.told == sum(mine.values()) - mine["apart"] >= 30
        assert all_.share == mine["inside"] / all_.told
        assert all_.in_time == (mine["inside"] + mine["sooner"]) / all_.told
    assert (Hits(inside=29).share, Hits(inside=24, later=6).share) == (None, 0.8)


def test_lobby_phone_and_board_say_it_of_each_service(
    world: PatientWorld, phone: FlaskClient
) -> None:
    answered = CallOutcome.ANSWERED
    came = datetime.now(UTC) - timedelta(days=2)
    with world.db.write() as s:
        doctor, blood = (s.get_one(Service, n) for n in (world.doctor_id, world.blood_id))
        for n in range(40):
            told(s, doctor, came, 10, 20, [(5 if n < 4 else 12 if n < 32 else 31, answered)])
        told(s, doctor, came, 10, 20, [], LEFT)
        for _ in range(12):
            told(s, blood, came, 10, 20, [(12, answered)])

    def line(page: str, name: str) -> str:
        found = re.search(rf"<dt>{name}</dt>(.*?)</div>", page, re.S)
        assert found
        return re.sub(r"<[^>]+>", " ", found[1])

    page = said(world, lobby)["html"]
    assert "Right 70 % of 40 in 30 days" in line(page, "Doctor")
    assert "Too few promises yet: 12 of 30" in line(page, "Blood test")
    # Nothing of today moves it, so nobody can tell how a discreet visit came out.
    with world.db.write() as s:
        for _ in range(20):
            doctor = s.get_one(Service, world.doctor_id)
            told(s, doctor, datetime.now(UTC), 0, 5, [(1, answered)], discreet=True)
    assert line(said(world, lobby)["html"], "Doctor") == line(page, "Doctor")

    text = phone.get("/phone/ticket").text
    assert "Right 70 % of the last 30 days, of 40 promises." in text
    tested = world.phone()
    join(world, tested, what=f"{world.blood_id}:other")
    text = tested.get("/phone/ticket").text
    assert "too few promises yet to say, 12 of 30." in text
    assert "Right" not in text

    rows = dict(re.findall(r'<tr id="hits-(\d+)">(.*?)</tr>', said(world, board)["html"], re.S))
    words = {int(n): re.sub(r"(\s*<[^>]+>\s*)+", "|", row) for n, row in rows.items()}
    assert words[world.doctor_id] == "|GP consultation|70 %|80 %|40|1|"
    assert "too few to say: 12 of 30" in words[world.blood_id]


@pytest.mark.both_databases
def test_a_guess_of_when_somebody_comes_on_duty_is_not_told_as_a_range(
    world: PatientWorld, phone: FlaskClient
) -> None:
    assert "–" in phone.get("/phone/ticket").text.split('data-line="range"')[1][:80]
    with world.db.write() as s:
        for promise in s.scalars(sa.select(Promise)):
            promise.basis = "nobody_on_duty"
    assert "We cannot say how long yet." in phone.get("/phone/ticket").text


def test_a_clinic_without_history_tells_wide_ranges_and_no_nonsense(world: PatientWorld) -> None:
    with world.db.write() as s:
        parcels = factories.make_service(s, s.get_one(Site, world.site_id), "Parcel", not_care=True)
        nurse = s.scalars(sa.select(Shift).where(Shift.clinician_id == world.nurse_id)).one()
        s.add(ShiftService(shift_id=nurse.id, service_id=parcels.id))
        parcels_id, nurse_id = parcels.id, nurse.id
    ranges = []
    for _ in range(6):
        Forecaster(world.db).refresh(world.site_id, datetime.now(UTC))
        page = said(world, lobby)["html"]
        assert "Too few promises yet: 0 of 30" in page
        low, high = map(int, re.findall(r"<bdi>(\d+)–(\d+)</bdi>", page)[0])
        ranges.append((low, high))
        promise = comes(world, 0).promises[0]
        assert promise.low_at
        assert promise.high_at
        assert promise.high_at - promise.low_at >= timedelta(minutes=5)
    assert ranges[0] == (0, 5)  # two doctors have nobody
    assert ranges == sorted(ranges)
    assert ranges[-1][1] >= 3 * ranges[-1][0] > 0  # nothing is known yet, so it is wide
    # What is no care is in no forecast: somebody who gives it is there all the same.
    assert comes(world, 0, service_id=parcels_id).promises[0].basis == "cold_start"

    do(world, shifts.close_shift, shift_id=nurse_id)
    Forecaster(world.db).refresh(world.site_id, datetime.now(UTC))
    page = said(world, lobby)["html"]
    blood = re.search(r"<dt>Blood test</dt>(.*?)</div>", page, re.S)
    assert blood
    assert "nobody is on duty for it now" in blood[1]
    assert not re.search(r"\d", blood[1])
    assert "Ask the desk" in said(world, kiosk)["html"]

"""Twenty phones and the desk want the same: one gets it, the others are told what is free next."""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from queueapp.actions import online_places
from queueapp.actions.sign_ins import begin_sign_in
from queueapp.db.models import Appointment, Staff
from queueapp.domain.localtime import to_local
from queueapp.domain.visit import BUSY_APPOINTMENT_STATES
from tests.web.booking_world import ZONE, BookingWorld, world_on
from tests.web.booking_world import send as say_who
from tests.web.kept_worlds import KeptWorlds

pytestmark = pytest.mark.both_databases

PHONES = 20
TAKEN = "Somebody else has just taken that time."


@pytest.fixture
def world(kept_worlds: KeptWorlds) -> Iterator[BookingWorld]:
    with kept_worlds.copy_of("bookings alone", lambda url: world_on(url, walk_in_share=0)) as world:
        yield world


def at_desk(world: BookingWorld) -> FlaskClient:
    with world.db.write() as s:
        staff = s.get_one(Staff, world.staff.id)
        credential = begin_sign_in(s, datetime.now(UTC), staff=staff).credential
    browser = world.app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"] = f"{credential.id}:{credential.stamp}"
        session["staff_since"] = datetime.now(UTC).timestamp()
    return browser


def by_hand(world: BookingWorld, desk: FlaskClient, clock: str) -> TestResponse:
    """The desk books the first doctor's time for a caller."""
    at = world.at(clock)
    data = {
        "service": str(world.doctor), "clinician": str(world.doctors[0]), "name": "Caller",
        "day": f"{to_local(ZONE, at):%d.%m.%Y}", "at": at.isoformat(),
    }  # fmt: skip
    return desk.post("/desk/harbour/book", data=data)


def all_at_once(wishes: Sequence[Callable[[], TestResponse]]) -> list[TestResponse]:
    """What everyone is answered who asks in the same moment."""
    start = Barrier(len(wishes))

    def ask(wish: Callable[[], TestResponse]) -> TestResponse:
        start.wait()
        return wish()

    with ThreadPoolExecutor(len(wishes)) as pool:
        return list(pool.map(ask, wishes))


def phone_wish(world: BookingWorld, clock: str) -> Callable[[], TestResponse]:
    """Choose the first doctor's time, and book it if it was to be had."""
    phone, who = world.phone(), world.doctors[0]

    def wish() -> TestResponse:
        answer = world.choose(phone, clock, who=who)
        if answer.status_code == 303:
            assert say_who(phone, contact=f"{id(phone)}@example.org").status_code == 303
        return answer

    return wish


def standing(world: BookingWorld) -> list[datetime]:
    with world.db.read() as s:
        query = sa.select(Appointment.starts_at).where(
            Appointment.state.in_(BUSY_APPOINTMENT_STATES), Appointment.code.not_like("D%00")
        )
        return [at for at in s.scalars(query) if at.date() == world.tomorrow]


def race(world: BookingWorld) -> tuple[list[TestResponse], TestResponse]:
    """Twenty phones and the desk, for the last free time of tomorrow."""
    desk = at_desk(world)
    wishes = [phone_wish(world, "16:40") for _ in range(PHONES)]
    *phones, by_desk = all_at_once([*wishes, lambda: by_hand(world, desk, "16:40")])
    return phones, by_desk


def of_that_time(world: BookingWorld) -> int:
    return standing(world).count(world.at("16:40"))


def test_twenty_phones_and_the_desk_want_the_last_free_time(world: BookingWorld) -> None:
    world.fill(1, "16:40")
    phones, by_desk = race(world)
    assert of_that_time(world) == 1
    losers = [answer for answer in phones if answer.status_code != 303]
    desk_won = "just taken" not in by_desk.text
    assert len(losers) == (PHONES if desk_won else PHONES - 1)
    for answer in losers:
        assert answer.status_code == 409
        assert TAKEN in answer.text
        offer = answer.text[answer.text.index(TAKEN) : answer.text.index("Which day?")]
        assert re.findall(r'<b class="num">([\d:]+)', offer) == ["09:00", "09:20", "09:40"]


def test_without_the_guard_the_last_time_is_given_to_all(
    world: BookingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fill(1, "16:40")
    monkeypatch.setattr(online_places, "has_room", lambda *_: True)
    with world.db.write() as s:
        if world.db.is_sqlite:
            for change in ("insert", "update"):
                s.execute(sa.text(f"DROP TRIGGER appointment_no_overlap_{change}"))
        else:
            s.execute(sa.text("ALTER TABLE appointment DROP CONSTRAINT appointment_no_overlap"))
    race(world)
    assert of_that_time(world) > 1


@pytest.mark.parametrize("guarded", [True, False])
def test_the_last_of_what_is_not_kept_goes_to_one(
    world: BookingWorld, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    # 16 of the day's 24 times are taken, and 7 are kept: there is room for one more.
    world.settings(walk_in_share=7 / 24)
    world.fill(1, "14:20")
    if not guarded:
        looked_before: Callable[..., Any] = lambda *_: True  # noqa: E731
        monkeypatch.setattr(online_places, "has_room", looked_before)
    clocks = ["14:20", "14:40", "15:00", "15:20", "15:40", "16:00", "16:20", "16:40"]
    answers = all_at_once([phone_wish(world, clock) for clock in clocks])
    got = [answer.status_code for answer in answers].count(303)
    if guarded:
        assert got == 1
        told = [a.text for a in answers if a.status_code != 303]
        assert all("kept for people who come without an appointment" in text for text in told)
    else:
        assert got == len(clocks)

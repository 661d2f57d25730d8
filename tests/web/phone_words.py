"""What a patient does on a phone, and what is done about them meanwhile."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from queueapp.actions import calls
from queueapp.domain.actor import SYSTEM
from queueapp.domain.visit import CallRoute
from tests.web.patient_world import PatientWorld

LONDON = ZoneInfo("Europe/London")


def clock(instant: datetime) -> str:
    return f"{instant.astimezone(LONDON):%H:%M}"


def in_minutes(minutes: int) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


def join(
    world: PatientWorld, browser: FlaskClient | None = None, **answers: object
) -> TestResponse:
    data = {"what": f"{world.doctor_id}:other", "presence": "here", **answers}
    return (browser or world.phone()).post("/phone/harbour", data=data)


def act(world: PatientWorld, verb: Callable[..., Any], entry_id: int, **more: Any) -> None:
    with world.db.write() as s:
        verb(s, SYSTEM, datetime.now(UTC), entry_id=entry_id, **more)


def call(world: PatientWorld, entry_id: int) -> None:
    act(world, calls.call_chosen, entry_id, room_id=world.rooms[0])


def miss(world: PatientWorld, entry_id: int) -> None:
    call(world, entry_id)
    act(world, calls.tried_route, entry_id, route=CallRoute.PHONE)
    act(world, calls.did_not_answer, entry_id)


def stage(phone: FlaskClient) -> str:
    found = re.search(r'data-stage="(\w+)"', phone.get("/phone/ticket").text)
    assert found
    return found[1]

"""A kiosk's screens as they are filled in and read."""

import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from werkzeug.test import TestResponse

from queueapp.db.models import OpeningHour
from tests.web.patient_world import PatientWorld

LONDON = ZoneInfo("Europe/London")
BORN = {"day": "27", "month": "3", "year": "1958"}


def heading(answer: TestResponse) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.S)
    assert found, answer.text
    return re.sub(r"<[^>]+>", "", found[1]).strip()


def ticket(world: PatientWorld, **answers: object) -> TestResponse:
    given = {"well": "no", "service": world.doctor_id, "reason": "other", "name": "", **answers}
    data = {name: value for name, value in given.items() if value is not None}
    return world.kiosk().post("/kiosk/harbour/ticket", data=data)


def find(world: PatientWorld, sought: str, **more: str) -> TestResponse:
    data = {"well": "no", "sought": sought, **more}
    return world.kiosk().post("/kiosk/harbour/booked", data=data)


def by_name(world: PatientWorld, name: str, **more: str) -> TestResponse:
    return find(world, name, **{**BORN, **more})


def hidden(answer: TestResponse, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
    assert found, answer.text
    return found[1]


def close(world: PatientWorld) -> None:
    with world.db.write() as s:
        # Open for a minute on another day: closed now.
        weekday = (datetime.now(UTC).weekday() + 3) % 7
        s.add(OpeningHour(site_id=world.site_id, weekday=weekday, opens=time(8), closes=time(9)))

"""Marta at the desk, with two people waiting."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from werkzeug.test import TestResponse

from queueapp.db.models import (
    QueueEntry,
    Shift,
    Site,
)
from tests import factories
from tests.web.web_world import WebWorld

PANEL = {"X-Panel": "1", "Accept": "application/json, text/html;q=0.5"}


def without_hiding(page: str) -> str:
    """The page as it reads with names shown."""
    page = re.sub(r'<span class="pn-alt">.*?</span>', "", page)
    return re.sub(r'<span class="pn">(.*?)</span>', r"\1", page)


class Desk:
    """Marta at the desk of `here`, where Rosa waits for a blood test."""

    def __init__(self, world: WebWorld) -> None:
        self.world, self.db = world, world.database
        self.client = world.browser("receptionist")
        self.ids = world.places["here"].ids
        with self.db.write() as s:
            site = s.scalars(sa.select(Site).where(Site.slug == "here")).one()
            self.site_id = site.id
            self.zone = site.timezone
            first = s.get_one(QueueEntry, self.ids["entry_id"])
            first.service.name, first.service.slug = "Blood test", "blood"
            s.get_one(Shift, self.ids["shift_id"]).clinician.name = "Elena Ruiz"
            rosa = factories.make_patient(s, "Rosa Lind")
            first.visit.patient_id = rosa.id
            noor = factories.make_patient(s, "Noor El-Sayed")
            at = datetime.now(UTC) + timedelta(minutes=1)
            visit = factories.make_visit(s, site, noor, now=at - timedelta(minutes=2))
            second = factories.make_entry(
                s, first.service, visit, now=at - timedelta(minutes=2), target_minutes=45
            )
            self.rosa, self.noor = first.id, second.id
            self.ticket = first.visit.ticket
            self.room_id = int(self.ids["room_id"])

    def page(self) -> str:
        answer = self.client.get("/desk/here")
        assert answer.status_code == 200
        return without_hiding(answer.text)

    def row(self, entry_id: int) -> str:
        """The words of the entry's row."""
        found = re.search(rf'<tr id="row-{entry_id}".*?</tr>', self.page(), re.S)
        return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""

    def post(self, path: str, **form: Any) -> TestResponse:
        return self.client.post(path, data=form, headers=PANEL)

    def do(self, entry_id: int, verb: str, **form: Any) -> TestResponse:
        return self.post(f"/desk/entries/{entry_id}/{verb}", **form)

    def entry(self, entry_id: int) -> QueueEntry:
        with self.db.read() as s:
            entry = s.get_one(QueueEntry, entry_id)
            assert entry.visit
            s.expunge_all()
            return entry

    def call_rosa(self) -> None:
        assert self.do(self.rosa, "call", room=self.room_id).status_code == 200

    def clock(self, minutes: float = 0) -> str:
        from queueapp.domain.localtime import to_local

        at = datetime.now(UTC) + timedelta(minutes=minutes)
        return f"{to_local(self.zone, at):%H:%M}"

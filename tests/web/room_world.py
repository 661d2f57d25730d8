"""A clinic with two doctors in two rooms, people who wait, and the tablets at the doors."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from queueapp.actions.access import device_of_token
from queueapp.actions.sign_ins import begin_sign_in
from queueapp.db.models import Call, QueueEntry, Room, Shift
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from queueapp.domain.visit import EntryState
from tests import factories
from tests.all_rows import all_rows
from tests.web.web_world import SECRET, web_app

JSON = {"Accept": "application/json, application/problem+json"}


class RoomWorld:
    """Rows by name, and presses on the tablet of room 1, or of another."""

    def __init__(self, url: str, var: Path, slug: str = "harbour") -> None:
        self.db = Database(url, secret=SECRET)
        self.now = datetime.now(UTC)
        with self.db.write() as s:
            site = factories.make_site(s, slug, settings=factories.turning_far_off(self.now))
            self.site_id = site.id
            gp = factories.make_service(s, site, "Doctor")
            nurse = factories.make_service(s, site, "Nurse")
            self.gp_id, self.nurse_id = gp.id, nurse.id
            self.room_ids = [
                factories.make_room(s, site, name, features=features).id
                for name, features in (("1", []), ("2", ["step-free"]), ("3", []))
            ]
            self.login = factories.make_staff(s, site, Role.CLINICIAN)
            ruiz = factories.make_clinician(
                s, [gp], "Elena Ruiz", title="Dr", staff_id=self.login.id
            )
            okafor = factories.make_clinician(s, [gp], "Chidi Okafor", title="Dr")
            tran = factories.make_clinician(s, [nurse], "Nam Tran", title="Nurse")
            self.ruiz_id, self.okafor_id, self.tran_id = ruiz.id, okafor.id, tran.id
            began = self.now - timedelta(hours=1)
            self.shift_ids = [
                factories.make_shift(
                    s, site, who, s.get_one(Room, room_id), services=[gp], now=began,
                    day=self.now.date(),
                ).id
                for who, room_id in ((ruiz, self.room_ids[0]), (okafor, self.room_ids[1]))
            ]  # fmt: skip
            self.tokens = [
                factories.make_device(s, site, "room", s.get_one(Room, n))[1] for n in self.room_ids
            ]
            found = [device_of_token(s, token, self.now) for token in self.tokens]
            self.credentials = [f.credential for f in found if f]
        self.app = web_app(self.db)

    def waits(
        self,
        name: str,
        born: date | None = None,
        *,
        minutes: int = 20,
        service_id: int | None = None,
        visit: dict[str, Any] | None = None,
        patient: dict[str, Any] | None = None,
        **columns: Any,
    ) -> int:
        """Somebody who came so many minutes ago; the entry's number."""
        came = self.now - timedelta(minutes=minutes)
        with self.db.write() as s:
            who = factories.make_patient(s, name, birth_date=born, **(patient or {}))
            service = s.get_one(factories.Service, service_id or self.gp_id)
            stay = factories.make_visit(
                s, s.get_one(factories.Site, self.site_id), who, now=came,
                **{"day": self.now.date(), **(visit or {})},
            )  # fmt: skip
            entry = factories.make_entry(s, service, stay, now=came, **columns)
            return entry.id

    def tablet(self, room: int = 1) -> FlaskClient:
        """The tablet of a room, by its number."""
        client = self.app.test_client()
        credential = self.credentials[room - 1]
        with client.session_transaction() as session:
            session["device"] = [credential.id, credential.stamp]
        return client

    def signed_in(self) -> FlaskClient:
        """Dr Ruiz's own login."""
        client = self.app.test_client()
        with self.db.write() as s:
            credential = begin_sign_in(s, datetime.now(UTC), staff=self.login).credential
        with client.session_transaction() as session:
            session["_user_id"] = f"{credential.id}:{credential.stamp}"
            session["staff_since"] = datetime.now(UTC).timestamp()
        return client

    def look(self, room: int = 1, **query: Any) -> str:
        """What the page of a room says."""
        path = f"/room/{self.room_ids[room - 1]}"
        answer = self.tablet(room).get(path, query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    def press(self, verb: str, room: int = 1, *, key: str = "", **fields: Any) -> TestResponse:
        """Press a button of a room; `shift` is that of the room unless given."""
        if room <= len(self.shift_ids):
            fields = {"shift": self.shift_ids[room - 1], **fields.pop("fields", {}), **fields}
        if key:
            fields["idempotency_key"] = key
        path = f"/room/{self.room_ids[room - 1]}/{verb}"
        return self.tablet(room).post(path, data=fields, headers=JSON)

    def done(self, verb: str, room: int = 1, **fields: Any) -> str:
        """Press, and what was said."""
        answer = self.press(verb, room, **fields)
        assert answer.status_code == 200, answer.text
        said: str = answer.get_json()["said"]
        return said

    def refused(self, verb: str, room: int = 1, **fields: Any) -> str:
        """Press, be refused with nothing changed, and the words why."""
        before = self.facts()
        answer = self.press(verb, room, **fields)
        assert answer.status_code in (404, 409, 422), answer.text
        assert self.facts() == before
        detail: str = answer.get_json()["detail"]
        return detail

    def called(self, name: str = "Ann Lee", **more: Any) -> int:
        """Somebody who is called to room 1."""
        entry_id = self.waits(name, **more)
        self.done("call", expect=entry_id)
        return entry_id

    def seen(self, name: str = "Ann Lee", **more: Any) -> int:
        """Somebody who is with the clinician in room 1."""
        entry_id = self.called(name, **more)
        self.done("start", entry=entry_id)
        return entry_id

    def entry(self, entry_id: int) -> QueueEntry:
        """The entry with its visit, as it is now."""
        with self.db.read() as s:
            row = s.get_one(QueueEntry, entry_id)
            assert row.visit.ticket
            s.expunge_all()
            return row

    def ticket(self, entry_id: int) -> str:
        """The entry's ticket."""
        return self.entry(entry_id).visit.ticket

    def state(self, entry_id: int) -> EntryState:
        """The entry's state."""
        return self.entry(entry_id).state

    def shift(self, n: int = 0) -> Shift:
        """A shift as it is now."""
        with self.db.read() as s:
            row = s.get_one(Shift, self.shift_ids[n])
            s.expunge_all()
            return row

    def calls(self) -> int:
        """How many summonses there have been."""
        with self.db.read() as s:
            return s.scalar(sa.select(sa.func.count()).select_from(Call)) or 0

    def facts(self) -> dict[str, Any]:
        """All rows of all tables that a press could change."""
        with self.db.read() as s:
            return all_rows(s)

"""A clinic to call the API of: two services, two rooms, two clinicians on shift, and a stranger."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from queueapp.db.models import OpeningHour, Site
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from tests import factories
from tests.all_rows import row_counts
from tests.web.web_world import SECRET, web_app

API = "/api/v1"


def app_on(db: Database) -> Flask:
    """The API alone on a test's database."""
    app = web_app(db, screens=("api",))
    # What is not foreseen is answered as it would be, so that tests see it.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


class World:
    """Rows by name, tokens by role, and requests as any of them."""

    def __init__(self, url: str) -> None:
        self.db = Database(url, secret=SECRET)
        now = datetime.now(UTC)
        with self.db.write() as session:
            site = factories.make_site(session, "here", settings=factories.turning_far_off(now))
            for weekday in range(7):  # round the clock
                session.add(
                    OpeningHour(site_id=site.id, weekday=weekday, opens=time(0), closes=time(0))
                )
            gp = factories.make_service(session, site, "GP", targets={"priority": 5}, slug="gp")
            blood = factories.make_service(session, site, "Blood test", slug="blood")
            rooms = [factories.make_room(session, site, name) for name in ("Room 1", "Room 2")]
            ruiz = factories.make_clinician(session, [gp, blood], "Ruiz", title="Dr")
            okafor = factories.make_clinician(session, [gp, blood], "Okafor", title="Dr")
            for clinician, room in ((ruiz, rooms[0]), (okafor, rooms[1])):
                factories.make_shift(
                    session, site, clinician, room, now=now - timedelta(hours=1), hours=100
                )
            elsewhere = factories.make_site(session, "elsewhere")
            self.site_id, self.room_id, self.other_room_id = site.id, rooms[0].id, rooms[1].id
            self.ruiz_id, self.okafor_id, self.gp_id = ruiz.id, okafor.id, gp.id
            self.tokens = {
                "manager": factories.make_api_token(session, site, Role.MANAGER)[1],
                "receptionist": factories.make_api_token(session, site, Role.RECEPTIONIST)[1],
                "clinician": factories.make_api_token(session, site, Role.CLINICIAN)[1],
                "stranger": factories.make_api_token(session, elsewhere, Role.MANAGER)[1],
            }
        self.app = app_on(self.db)
        self.client: FlaskClient = self.app.test_client()

    def headers(self, role: str = "manager", **more: str) -> dict[str, str]:
        """The headers of that role's requests."""
        return {"Authorization": f"Bearer {self.tokens[role]}", **more}

    def get(self, path: str, role: str = "manager", **query: str) -> TestResponse:
        """GET a call."""
        return self.client.get(API + path, headers=self.headers(role), query_string=query)

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        role: str = "manager",
        key: str | None = None,
        client: FlaskClient | None = None,
    ) -> TestResponse:
        """POST a call; without a body, none is sent."""
        more = {} if key is None else {"Idempotency-Key": key}
        sent = {} if body is None else {"json": body}
        return (client or self.client).post(API + path, headers=self.headers(role, **more), **sent)

    def ticket(self, service: str = "gp", **body: Any) -> dict[str, Any]:
        """A walk-in's ticket."""
        answer = self.post("/sites/here/entries", {"service": service, **body})
        assert answer.status_code == 201, answer.text
        return answer.get_json()

    def called(self) -> int:
        """The number of somebody who was called into room 1."""
        self.ticket()
        answer = self.post(f"/rooms/{self.room_id}/call-next")
        assert answer.status_code == 200, answer.text
        return answer.get_json()["id"]

    def in_service(self) -> int:
        """The number of somebody who is with the clinician in room 1."""
        entry_id = self.called()
        assert self.post(f"/entries/{entry_id}/start").status_code == 200
        return entry_id

    def counts(self) -> dict[str, int]:
        """How many rows each table has, and each site's seq: what a refusal must not change."""
        with self.db.read() as session:
            seq = session.scalar(sa.select(sa.func.sum(Site.seq))) or 0
            return row_counts(session) | {"seq": seq}

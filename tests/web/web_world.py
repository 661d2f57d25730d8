"""A clinic and a second one, with one of everybody, and browsers and programs as each of them."""

import functools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient

from queueapp import config
from queueapp.actions.access import device_of_token, visit_of_token
from queueapp.actions.booking_links import booker, give_link
from queueapp.actions.sign_ins import begin_sign_in
from queueapp.app import SCREENS as SCREENS_OF_THE_APP
from queueapp.app import build
from queueapp.db.models import Appointment, DeskItem
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from queueapp.domain.viewer import Credential
from queueapp.domain.visit import AppointmentState
from tests import factories
from tests.served import VAR

SECRET = "tests" * 8
STAFF = ("receptionist", "clinician", "manager", "admin")
SCREENS = ("kiosk", "lobby", "room", "other room")


def built(
    database: Database,
    public_url: str = "http://localhost",
    screens: tuple[str, ...] = SCREENS_OF_THE_APP,
) -> Flask:
    """An app of a test's own, with live channels on `database`."""
    settings = config.load(
        {"SECRET_KEY": SECRET, "QUEUEAPP_VAR": str(VAR), "PUBLIC_URL": public_url}
    )
    app = build(settings, database, screens=screens)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    return app


@functools.cache
def _shared(public_url: str, screens: tuple[str, ...]) -> Flask:
    """Built once per process: wiring and templates cost more than most tests."""
    return built(Database("sqlite://"), public_url, screens)


def web_app(
    database: Database,
    *,
    public_url: str = "http://localhost",
    screens: tuple[str, ...] = SCREENS_OF_THE_APP,
) -> Flask:
    """The shared app on a test's database; for live channels take one that is `built`."""
    app = _shared(public_url, screens)
    put_on(app, database)
    return app


def put_on(app: Flask, database: Database) -> None:
    """Let the app start anew on another database, without live channels."""
    app.extensions["queueapp.db"] = database
    app.extensions["queueapp.limiter"].reset()


@dataclass
class Place:
    """One clinic's rows by their use in URLs, and the credentials of its people."""

    ids: dict[str, int | str] = field(default_factory=dict)
    credentials: dict[str, Credential] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)


class WebWorld:
    """`here` and `elsewhere` alike; `secret` is what phone links are made with."""

    def __init__(self, database: Database, app: Flask | None = None) -> None:
        self.database = database
        self.app = app or web_app(database)
        self.places = {name: self._place(name) for name in ("here", "elsewhere")}

    def _place(self, name: str) -> Place:
        now = datetime.now(UTC)
        place = Place()
        with self.database.write() as s:
            site = factories.make_site(s, name, settings=factories.turning_far_off(now))
            service = factories.make_service(s, site)
            rooms = [factories.make_room(s, site), factories.make_room(s, site)]
            clinician = factories.make_clinician(s, [service])
            shift = factories.make_shift(s, site, clinician, rooms[0], now=now)
            visit = factories.make_visit(s, site, now=now, secret=SECRET)
            entry = factories.make_entry(s, service, visit, now=now)
            until = now + timedelta(minutes=5)
            appointment = Appointment(
                site_id=site.id, service_id=service.id, clinician_id=clinician.id, code=name,
                state=AppointmentState.BOOKED, starts_at=now, ends_at=until,
                busy_from=now, busy_to=until, created_at=now,
            )  # fmt: skip
            item = DeskItem(site_id=site.id, kind="help", subject=name, opened_at=now)
            s.add_all([appointment, item])
            s.flush()
            place.ids = {
                "site": name, "room_id": rooms[0].id, "entry_id": entry.id, "visit_id": visit.id,
                "appointment_id": appointment.id, "shift_id": shift.id, "item_id": item.id,
                "other_room_id": rooms[1].id,
            }  # fmt: skip
            for role in STAFF:
                staff = factories.make_staff(s, site, Role(role))
                place.credentials[role] = begin_sign_in(s, now, staff=staff).credential
                place.emails[role] = staff.email
                place.tokens[role] = factories.make_api_token(
                    s, site if role != "admin" else None, Role(role)
                )[1]
            for kind in SCREENS:
                room = {"room": rooms[0], "other room": rooms[1]}.get(kind)
                _, token = factories.make_device(s, site, "room" if room else kind, room)
                found = device_of_token(s, token, now)
                assert found
                place.credentials[kind] = found.credential
            found = booker(give_link(s, now, appointment), now)
            assert found
            place.credentials["booker"] = found.credential
            place.tokens["patient"] = factories.token_of(visit, SECRET)
            found = visit_of_token(s, place.tokens["patient"], now)
            assert found
            place.credentials["patient"] = found.credential
        return place

    def browser(self, role: str, place: str = "here") -> FlaskClient:
        """A browser as that one of the clinic; `anonymous` is nobody."""
        client = self.app.test_client()
        credential = self.places[place].credentials.get(role)
        if credential is None:
            return client
        with client.session_transaction() as session:
            if credential.kind == "staff":
                session["_user_id"] = f"{credential.id}:{credential.stamp}"
                session["staff_since"] = datetime.now(UTC).timestamp()
            else:
                session[credential.kind] = [credential.id, credential.stamp]
        return client

    def bearer(self, role: str, place: str = "here") -> dict[str, str]:
        """The headers of a program with that role's token; of nobody where it has none."""
        token = self.places[place].tokens.get(role)
        return {"Authorization": f"Bearer {token}"} if token else {}

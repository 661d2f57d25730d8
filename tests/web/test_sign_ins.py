"""A sign-in is a row: ending it ends every copy of its cookie, and every socket it let in."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from queueapp.actions import logins
from queueapp.actions.access import standing
from queueapp.actions.sign_ins import begin_sign_in
from queueapp.db.models import ApiToken, Device, Membership, SignIn, Site, Staff, Visit
from queueapp.domain.actor import Role
from queueapp.domain.viewer import Credential
from queueapp.realtime.audience import Audience, Listener
from queueapp.realtime.watch import Watch
from queueapp.web import security
from tests import factories
from tests.factories import PASSWORD
from tests.web.web_world import WebWorld

pytestmark = pytest.mark.both_databases

NEW = "three fine long words"
COOKIE = "queueapp"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logins, "_hasher", PasswordHasher(1, 8, 1))
    logins._nobody.cache_clear()
    yield
    logins._nobody.cache_clear()


def sign_in(world: WebWorld, browser: FlaskClient, password: str = PASSWORD) -> int:
    email = world.places["here"].emails["manager"]
    return browser.post("/sign-in", data={"email": email, "password": password}).status_code


def may_open(browser: FlaskClient) -> bool:
    return browser.get("/account").status_code == 200


def a_copy(world: WebWorld, browser: FlaskClient) -> FlaskClient:
    """Another browser with the same cookie, as somebody who took it would have."""
    cookie = browser.get_cookie(COOKIE)
    assert cookie
    other = world.app.test_client()
    other.set_cookie(COOKIE, cookie.value)
    return other


def test_signing_out_ends_every_copy_of_the_cookie(web_world: WebWorld) -> None:
    browser = web_world.browser("anonymous")
    sign_in(web_world, browser)
    copy = a_copy(web_world, browser)
    assert may_open(copy)
    answer = browser.post("/sign-out")
    assert answer.headers["Clear-Site-Data"] == '"storage"'
    assert not may_open(copy)


def test_each_signing_in_is_a_new_one_and_ends_the_one_before(web_world: WebWorld) -> None:
    browser = web_world.browser("patient")
    browser.get("/sign-in")
    with browser.session_transaction() as session:
        before = session["csrf_token"]
    sign_in(web_world, browser)
    first = a_copy(web_world, browser)
    sign_in(web_world, browser)
    assert may_open(browser)
    assert not may_open(first)
    with browser.session_transaction() as session:
        assert session.get("csrf_token") != before
    assert browser.get("/phone/ticket").status_code == 200, "the ticket stays"
    browser.post("/sign-out")
    assert browser.get("/phone/ticket").status_code == 200


def test_one_changes_ones_own_password_and_other_browsers_are_signed_out(
    web_world: WebWorld,
) -> None:
    here, there = web_world.browser("anonymous"), web_world.browser("anonymous")
    there.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows NT 10.0) Gecko Firefox/140.0"
    for browser in (here, there):
        sign_in(web_world, browser)
    page = here.get("/account").text
    assert page.count("<li>") == 3, "with the one the clinic began with"
    assert "Firefox on Windows" in page
    wrong = {"current": "not this one", "password": NEW, "again": NEW}
    answer = here.post("/account", data=wrong)
    assert (answer.status_code, "not your current password" in answer.text) == (422, True)
    soon = {"current": PASSWORD, "password": "manager12345", "again": "manager12345"}
    assert "would be guessed soon" in here.post("/account", data=soon).text
    other = {"current": PASSWORD, "password": NEW, "again": NEW + "!"}
    assert "not the same password" in here.post("/account", data=other).text
    assert may_open(there)
    right = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert here.post("/account", data=right).status_code == 303
    assert may_open(here)
    assert not may_open(there)
    assert sign_in(web_world, there) == 422
    assert sign_in(web_world, there, NEW) == 302
    assert here.post("/account/others").status_code == 303
    assert not may_open(there)
    assert may_open(here)


def test_guesses_at_the_current_password_are_held_up(web_world: WebWorld) -> None:
    browser = web_world.browser("manager")
    data = {"current": "a guess", "password": NEW, "again": NEW}
    found = [browser.post("/account", data=data).status_code for _ in range(12)]
    assert found == [422] * 10 + [429] * 2


def test_an_idle_login_ends_and_a_used_one_does_not(web_world: WebWorld) -> None:
    browser = web_world.browser("manager")
    with browser.session_transaction() as session:
        session["staff_since"] -= security.STAFF_IDLE_FOR_S - 60
    assert may_open(browser), "which is being seen"
    with browser.session_transaction() as session:
        session["staff_since"] -= 120
        assert session["staff_seen"] > session["staff_since"]
    assert may_open(browser)
    with browser.session_transaction() as session:
        session["staff_seen"] -= security.STAFF_IDLE_FOR_S + 1
    assert not may_open(browser)


def test_old_hashes_are_renewed_when_somebody_signs_in(web_world: WebWorld) -> None:
    email = web_world.places["here"].emails["manager"]
    with web_world.database.write() as session:
        staff = session.scalars(sa.select(Staff).where(Staff.email == email)).one()
        staff.password_hash = old = PasswordHasher(2, 16, 1).hash(PASSWORD)
    browser = web_world.browser("anonymous")
    assert sign_in(web_world, browser) == 302
    with web_world.database.read() as session:
        staff = session.scalars(sa.select(Staff).where(Staff.email == email)).one()
        assert staff.password_hash != old
    assert sign_in(web_world, browser) == 302


class Door:
    def __init__(self) -> None:
        self.dropped: list[str] = []

    def drop(self, sid: str) -> None:
        self.dropped.append(sid)

    def part_with_strangers(self) -> None:
        pass


def _ends(table: type, **columns: object) -> Callable[[WebWorld, int], None]:
    def end(world: WebWorld, row_id: int) -> None:
        with world.database.write() as session:
            row = session.get_one(table, row_id)
            for name, value in columns.items():
                setattr(row, name, value)

    return end


def _disabled(world: WebWorld, sign_in_id: int) -> None:
    with world.database.write() as session:
        staff = session.get_one(SignIn, sign_in_id).staff
        logins.disable_staff(session, datetime.now(UTC), staff.email)


def _another_role(world: WebWorld, sign_in_id: int) -> None:
    with world.database.write() as session:
        staff = session.get_one(SignIn, sign_in_id).staff
        staff.memberships[0].role = Role.CLINICIAN


def _one_more_site(world: WebWorld, sign_in_id: int) -> None:
    with world.database.write() as session:
        staff_id = session.get_one(SignIn, sign_in_id).staff_id
        session.add(Membership(staff_id=staff_id, site_id=2, role=Role.MANAGER))


LONG_AGO = datetime.now(UTC) - timedelta(days=1)
ENDINGS = [
    ("manager", _disabled),
    ("manager", _another_role),
    ("manager", _one_more_site),
    ("manager", _ends(SignIn, ended_at=LONG_AGO)),
    ("manager", _ends(SignIn, started_at=LONG_AGO)),
    ("lobby", _ends(Device, revoked_at=LONG_AGO)),
    ("patient", _ends(Visit, token_expires_at=LONG_AGO)),
    ("token", _ends(ApiToken, revoked_at=LONG_AGO)),
]


@pytest.mark.parametrize(("kind", "end"), ENDINGS)
def test_a_socket_goes_when_what_let_it_in_ends_or_changes(
    web_world: WebWorld, kind: str, end: Callable[[WebWorld, int], None]
) -> None:
    now, database = datetime.now(UTC), web_world.database
    with database.write() as session:
        site = session.get_one(Site, 1)
        staying = begin_sign_in(
            session, now, staff=factories.make_staff(session, site, Role.MANAGER)
        )
        token, _ = factories.make_api_token(session, site, Role.MANAGER)
    known = {
        **web_world.places["here"].credentials,
        "token": Credential("token", token.id, token.token_hash[:16]),
    }
    audience, door, told = Audience(), Door(), []
    with database.read() as session:
        for sid, credential in (("going", known[kind]), ("staying", staying.credential)):
            let_in = standing(session, [credential], now)
            assert let_in, "the control: it was let in"
            audience.add(Listener(sid, (), tuple(let_in.items())))
    watch = Watch(database, audience, door)
    database.on_access(lambda: told.append(kind))
    watch.look()
    assert door.dropped == []
    end(web_world, known[kind].id)
    watch.look()
    assert door.dropped == ["going"]
    assert bool(told) is (kind != "patient"), "and it was said at once"

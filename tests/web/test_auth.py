"""Signing in and out, and how a login, a screen, a ticket's link and a token end."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from queueapp import config
from queueapp.actions import logins
from queueapp.app import build
from queueapp.db.models import ApiToken, Device, Staff, Visit
from queueapp.db.session import Database
from queueapp.domain.actor import Role
from queueapp.domain.refusal import Refused
from queueapp.web import security
from tests import factories
from tests.factories import PASSWORD
from tests.web.web_world import SECRET, WebWorld

KEY_INPUT = r'name="idempotency_key"[^>]*value="([^"]+)"'


def sign_in(browser: FlaskClient, email: str, password: str = PASSWORD, **more: str):
    return browser.post("/sign-in", data={"email": email, "password": password, **more})


def is_signed_in(browser: FlaskClient) -> bool:
    return browser.get("/").headers.get("Location") != "/sign-in"


def test_the_right_password_signs_in_and_signing_out_ends_it(web_world: WebWorld) -> None:
    browser = web_world.browser("anonymous")
    assert not is_signed_in(browser)
    answer = sign_in(browser, web_world.places["here"].emails["manager"].upper())
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_signed_in(browser)
    assert browser.post("/sign-out").status_code == 302
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("email", "password"),
    [("nobody@example.org", PASSWORD), ("", "wrong password")],
)
def test_a_wrong_password_and_an_unknown_address_look_alike(
    web_world: WebWorld, email: str, password: str
) -> None:
    browser = web_world.browser("anonymous")
    answer = sign_in(browser, email or web_world.places["here"].emails["manager"], password)
    assert answer.status_code == 422
    assert "The e-mail address or the password is not right." in answer.text
    assert not is_signed_in(browser)


def test_what_is_left_out_is_named(web_world: WebWorld) -> None:
    text = sign_in(web_world.browser("anonymous"), "", "").text
    assert "Give your e-mail address." in text
    assert "Give your password." in text


@pytest.mark.parametrize(
    ("wanted", "then"),
    [
        ("/lobby/here", "/lobby/here"),
        ("https://example.org/", "/"),
        ("//example.org/", "/"),
        ("/\\example.org", "/"),
    ],
)
def test_after_signing_in_one_goes_on_within_the_app_alone(
    web_world: WebWorld, wanted: str, then: str
) -> None:
    email = web_world.places["here"].emails["manager"]
    answer = sign_in(web_world.browser("anonymous"), email, next=wanted)
    assert answer.headers["Location"] == then


def test_a_page_that_needs_a_login_leads_there_and_back(web_world: WebWorld) -> None:
    answer = web_world.browser("anonymous").get("/lobby/here?big=1")
    assert answer.headers["Location"] == "/sign-in?next=/lobby/here?big%3D1"


def test_disabling_a_login_ends_its_sessions_and_lets_nobody_in(web_world: WebWorld) -> None:
    browser = web_world.browser("receptionist")
    email = web_world.places["here"].emails["receptionist"]
    assert is_signed_in(browser)
    with web_world.database.write() as session:
        logins.disable_staff(session, datetime.now(UTC), email)
    assert not is_signed_in(browser)
    assert sign_in(browser, email).status_code == 422


def test_a_new_password_ends_sessions_and_works(web_world: WebWorld) -> None:
    browser = web_world.browser("clinician")
    email = web_world.places["here"].emails["clinician"]
    with web_world.database.write() as session:
        logins.set_password(session, email, logins.hash_password("another long one"))
    assert not is_signed_in(browser)
    assert sign_in(browser, email).status_code == 422
    assert sign_in(browser, email, "another long one").status_code == 302


def test_a_login_lasts_a_working_day(web_world: WebWorld) -> None:
    browser = web_world.browser("manager")
    with browser.session_transaction() as session:
        session["staff_since"] -= security.STAFF_SIGNED_IN_FOR_S + 1
    assert not is_signed_in(browser)


def test_a_screens_link_starts_it_only_when_pressed_until_it_is_revoked(
    web_world: WebWorld,
) -> None:
    with web_world.database.write() as session:
        site = session.get_one(factories.Site, 1)
        device, token = factories.make_device(session, site, "lobby")
    browser = web_world.browser("anonymous")
    assert "Start this screen" in browser.get(f"/device/{token}").text
    assert browser.get("/lobby/here").status_code == 302
    browser.post(f"/device/{token}")
    assert browser.get("/lobby/here").status_code == 200
    assert browser.get("/lobby/elsewhere").status_code == 403
    with web_world.database.write() as session:
        session.get_one(Device, device.id).revoked_at = datetime.now(UTC)
    assert browser.get("/lobby/here").status_code == 302
    assert browser.get(f"/device/{token}").status_code == 404


def test_a_tickets_link_takes_the_token_out_of_the_address(web_world: WebWorld) -> None:
    token = web_world.places["here"].tokens["patient"]
    browser = web_world.browser("anonymous")
    page = browser.get(f"/t/{token}")
    assert page.headers["Cache-Control"] == "no-store"
    assert "Follow my ticket" in page.text
    assert browser.get("/phone/ticket").status_code == 302
    answer = browser.post(f"/t/{token}")
    assert answer.headers["Location"] == "/phone/ticket"
    assert browser.get("/phone/ticket").status_code == 200


@pytest.mark.both_databases
def test_a_tickets_link_runs_out(web_world: WebWorld) -> None:
    token = web_world.places["here"].tokens["patient"]
    browser = web_world.browser("patient")
    with web_world.database.write() as session:
        for visit in session.scalars(sa.select(Visit)):
            visit.token_expires_at = datetime.now(UTC) - timedelta(seconds=1)
    assert browser.get("/phone/ticket").status_code == 302
    assert browser.get(f"/t/{token}").status_code == 404
    bearer = web_world.bearer("patient")
    assert browser.get("/api/v1/sites", headers=bearer).status_code == 401


@pytest.mark.both_databases
def test_a_revoked_token_opens_nothing(web_world: WebWorld) -> None:
    bearer = web_world.bearer("manager")
    browser = web_world.browser("anonymous")
    assert browser.get("/api/v1/sites", headers=bearer).status_code == 200
    with web_world.database.write() as session:
        session.execute(sa.update(ApiToken).values(revoked_at=datetime.now(UTC)))
    answer = browser.get("/api/v1/sites", headers=bearer)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_only_hashes_of_secrets_are_kept(web_world: WebWorld) -> None:
    with web_world.database.write() as session:
        token = logins.issue_token(session, datetime.now(UTC), role=Role.MANAGER, site="here")
        hashed = logins.hash_password("a fine long password")
        logins.add_staff(
            session, email="New@Example.org", name="New", password_hash=hashed,
            role=Role.RECEPTIONIST, site="here",
        )  # fmt: skip
    with web_world.database.read() as session:
        kept = session.scalars(sa.select(ApiToken.token_hash)).all()
        staff = session.scalars(sa.select(Staff).where(Staff.email == "new@example.org")).one()
        assert staff.password_hash.startswith("$argon2id$")
        assert "a fine long password" not in staff.password_hash
    assert all(token not in one and len(one) == 64 for one in kept)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "anna"}, "email"),
        ({"name": " "}, "name"),
        ({"site": None}, "site"),
        ({"email": "staff@example.org"}, ""),
    ],
)
def test_a_login_that_cannot_be_is_refused_with_its_field(
    web_world: WebWorld, changed: dict[str, str | None], field: str
) -> None:
    given = {"email": "anna@example.org", "name": "Anna", "site": "here", **changed}
    with web_world.database.write() as session:
        factories.make_staff(session, None, email="staff@example.org")
    with pytest.raises(Refused) as refused, web_world.database.write() as session:
        logins.add_staff(session, **given, password_hash="x", role=Role.RECEPTIONIST)
    assert refused.value.field == field


def test_a_form_without_its_csrf_token_is_refused_in_words(
    fresh_database: str, tmp_path: Path
) -> None:
    settings = config.load({"SECRET_KEY": SECRET, "QUEUEAPP_VAR": str(tmp_path)})
    database = Database(fresh_database)
    browser = build(settings, database).test_client()
    answer = browser.post("/sign-in", data={"email": "a@b.c", "password": "x"})
    assert answer.status_code == 400
    assert "Reload the page and try again." in answer.text
    page = browser.get("/sign-in").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    assert re.search(KEY_INPUT, page)
    data = {"email": "a@b.c", "password": "x", "csrf_token": token[1]}
    assert browser.post("/sign-in", data=data).status_code == 422
    database.dispose()


def test_pages_load_nothing_from_elsewhere_and_are_not_kept(web_world: WebWorld) -> None:
    answer = web_world.browser("manager").get("/lobby/here")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "connect-src 'self' ws://localhost" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline'" not in policy.replace("style-src-attr 'unsafe-inline'", "")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=", answer.text)


@pytest.mark.parametrize(
    ("public_url", "is_secure"), [("https://q.example.org", True), ("http://q.example.org", False)]
)
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    fresh_database: str, tmp_path: Path, public_url: str, is_secure: bool
) -> None:
    settings = config.load(
        {"SECRET_KEY": SECRET, "QUEUEAPP_VAR": str(tmp_path), "PUBLIC_URL": public_url}
    )
    database = Database(fresh_database)
    answer = build(settings, database).test_client().get("/sign-in", base_url=public_url)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) is is_secure
    assert ("Strict-Transport-Security" in answer.headers) is is_secure
    database.dispose()


@pytest.mark.both_databases
def test_ready_while_the_database_answers_and_live_regardless(
    web_world: WebWorld, tmp_path: Path
) -> None:
    browser = web_world.browser("anonymous")
    assert browser.get("/livez").status_code == 200
    assert browser.get("/readyz").status_code == 200
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    settings = config.load({"SECRET_KEY": SECRET, "QUEUEAPP_VAR": str(tmp_path)})
    browser = build(settings, empty).test_client()
    assert browser.get("/livez").status_code == 200
    answer = browser.get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "database")
    empty.dispose()

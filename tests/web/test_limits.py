"""Guesses without end open nothing and are held up; whoever is right is not."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from queueapp import config
from queueapp.actions.tickets import new_nonce, visit_token
from queueapp.app import build
from queueapp.web import limits
from tests.factories import PASSWORD
from tests.web.web_world import SECRET, WebWorld

# After the first few each is one more refusal: a thousand of them in `make soak`.
GUESSES = 1000 if os.environ.get("DATABASES") == "both" else 50
# Who guesses has no use for a page.
BY_PROGRAM = {"Accept": "application/problem+json"}


@pytest.fixture
def world(web_world: WebWorld) -> WebWorld:
    """Nothing here asks the database for more than a row."""
    return web_world


def sign_in(browser: FlaskClient, email: str, password: str, **more: Any) -> Any:
    return browser.post("/sign-in", data={"email": email, "password": password}, **more)


def from_address(address: str) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": address}}


def test_guessed_links_open_nothing_and_are_held_up(world: WebWorld) -> None:
    browser = world.browser("anonymous")
    found: Counter[int] = Counter()
    for n in range(GUESSES):
        guess = visit_token("guessed", str(n), new_nonce())
        path = f"/t/{guess}" if n % 2 else f"/device/{guess}"
        found[browser.post(path, headers=BY_PROGRAM).status_code] += 1
    assert found == {404: 30, 429: GUESSES - 30}
    answer = browser.get("/t/guessed")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "Please wait" in answer.text
    assert answer.headers["Content-Security-Policy"]
    # The clinic's Wi-Fi is one address: the links of the others there still open.
    right = browser.post(f"/t/{world.places['here'].tokens['patient']}")
    assert right.headers["Location"] == "/phone/ticket"


def test_guessed_tokens_are_held_up_as_problems(world: WebWorld) -> None:
    browser = world.browser("anonymous")
    found: Counter[int] = Counter()
    for n in range(50):
        headers = {"Authorization": f"Bearer {n}"}
        answer = browser.get("/api/v1/sites", headers=headers)
        found[answer.status_code] += 1
    assert found == {401: 30, 429: 20}
    assert answer.content_type == "application/problem+json"
    assert (answer.json["code"], answer.json["status"]) == ("too_many", 429)
    assert int(answer.headers["Retry-After"]) > 0
    assert browser.get("/api/v1/sites", headers=world.bearer("manager")).status_code == 200
    assert browser.get("/api/v1/sites").status_code == 401


def test_wrong_passwords_without_end_sign_nobody_in_and_are_held_up(world: WebWorld) -> None:
    email = world.places["here"].emails["manager"]
    browser = world.browser("anonymous")
    found = Counter(
        sign_in(browser, email, f"guess {n}", headers=BY_PROGRAM).status_code
        for n in range(GUESSES)
    )
    assert found == {422: 10, 429: GUESSES - 10}
    assert browser.get("/").headers["Location"] == "/sign-in"
    # Not even the right one helps now, from wherever it comes.
    answer = sign_in(browser, email, PASSWORD, **from_address("198.51.100.7"))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_passwords_for_many_logins_are_held_up_by_where_they_come_from(world: WebWorld) -> None:
    browser = world.browser("anonymous")
    found = Counter(
        sign_in(browser, f"nobody{n}@example.org", "a guess", headers=BY_PROGRAM).status_code
        for n in range(50)
    )
    assert found == {422: 30, 429: 20}
    email = world.places["here"].emails["manager"]
    assert sign_in(browser, email, PASSWORD).status_code == 429
    assert sign_in(browser, email, PASSWORD, **from_address("198.51.100.7")).status_code == 302


def test_nobody_is_locked_out_by_others_who_guess(world: WebWorld) -> None:
    email = world.places["here"].emails["manager"]
    own = world.browser("anonymous")
    assert sign_in(own, email, PASSWORD).status_code == 302
    own.post("/sign-out")
    for n in range(30):
        guesser = world.browser("anonymous")
        sign_in(guesser, email, f"guess {n}", headers=BY_PROGRAM, **from_address(f"192.0.2.{n}"))
    strange = world.browser("anonymous")
    assert sign_in(strange, email, PASSWORD, **from_address("198.51.100.7")).status_code == 429
    assert sign_in(own, email, PASSWORD).status_code == 302
    # Its tries are its own, and not without end either.
    own.post("/sign-out")
    found = Counter(sign_in(own, email, "wrong again").status_code for _ in range(15))
    assert found == {422: 10, 429: 5}


def test_signing_in_well_is_never_held_up(world: WebWorld) -> None:
    email = world.places["here"].emails["manager"]
    browser = world.browser("anonymous")
    assert {sign_in(browser, email, PASSWORD).status_code for _ in range(15)} == {302}


def test_look_ups_at_a_kiosk_are_held_up_by_kiosk(world: WebWorld) -> None:
    kiosk = world.browser("kiosk")
    found = Counter(
        kiosk.post("/kiosk/here/booked", data={"well": "no", "sought": f"ABC{n:03}"}).status_code
        for n in range(35)
    )
    # A kiosk has a lower limit of its own, by hour; this one stands whatever it is set to.
    assert set(found) == {404, 429}
    assert found[404] <= 30
    other = world.browser("kiosk", "elsewhere")
    data = {"well": "no", "sought": "ABC123"}
    assert other.post("/kiosk/elsewhere/booked", data=data).status_code == 404


def test_codes_of_screens_are_held_up_by_where_they_come_from(world: WebWorld) -> None:
    browser = world.browser("anonymous")
    found = Counter(browser.post("/pair", data={"code": f"{n:08}"}).status_code for n in range(20))
    assert found == {422: 10, 429: 10}


def test_strangers_may_send_so_much_and_people_known_more(world: WebWorld) -> None:
    stranger = world.browser("anonymous")
    found = Counter(stranger.post("/sign-out").status_code for _ in range(310))
    assert found == {302: 300, 429: 10}
    assert stranger.get("/sign-in").status_code == 200
    assert world.browser("manager").post("/sign-out").status_code == 302


@pytest.mark.parametrize(("proxies", "is_counted_as_one"), [("", True), ("1", False)])
def test_a_proxy_is_believed_only_where_it_is_ours(
    world: WebWorld, tmp_path: Path, proxies: str, is_counted_as_one: bool
) -> None:
    settings = config.load(
        {"SECRET_KEY": SECRET, "QUEUEAPP_VAR": str(tmp_path), "TRUSTED_PROXIES": proxies}
    )
    app = build(settings, world.database)
    app.config["WTF_CSRF_ENABLED"] = False
    guesses = (BY_PROGRAM | {"X-Forwarded-For": f"192.0.2.{n}"} for n in range(40))
    found = Counter(app.test_client().get("/t/x", headers=one).status_code for one in guesses)
    assert (found[429] > 0) is is_counted_as_one


def test_without_redis_each_process_counts_by_itself(world: WebWorld, tmp_path: Path) -> None:
    settings = config.load(
        {"SECRET_KEY": SECRET, "QUEUEAPP_VAR": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1/0"}
    )
    app = build(settings, world.database)
    app.config["WTF_CSRF_ENABLED"] = False
    browser = app.test_client()
    found = Counter(browser.get(f"/t/{n}", headers=BY_PROGRAM).status_code for n in range(35))
    assert found == {404: 30, 429: 5}
    email = world.places["here"].emails["manager"]
    found = Counter(sign_in(browser, email, "wrong").status_code for _ in range(12))
    assert found == {422: 10, 429: 2}


def test_every_limited_look_up_is_a_route(world: WebWorld) -> None:
    assert {"auth.sign_in", *limits.CODES, *limits.LOOK_UPS} <= set(world.app.view_functions)

"""By what name we are asked, and from whose page: what does not fit is turned away unread."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from queueapp import config
from queueapp.app import build
from queueapp.db.session import Database
from queueapp.web.gate import Gate

OURS = "https://queue.example.org"


def settings_of(tmp_path: Path, **environ: str) -> config.Settings:
    given = {
        "SECRET_KEY": "tests" * 8,
        "QUEUEAPP_VAR": str(tmp_path),
        "PUBLIC_URL": OURS,
        **environ,
    }
    return config.load(given)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    database = Database("sqlite://")
    yield build(settings_of(tmp_path_factory.mktemp("gate")), database, screens=())
    database.dispose()


def ask(app: Any, **headers: str) -> int:
    path, method = headers.pop("path", "/livez"), headers.pop("method", "GET")
    return Client(app).open(path, method=method, headers=headers).status_code


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("queue.example.org", 200),
        ("QUEUE.example.org:443", 200),
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 400),
        ("queue.example.org.evil.example", 400),
        ("evil.example/queue.example.org", 400),
        ("queue.example.org@evil.example", 400),
        ("sub.queue.example.org", 400),
        ("queue.example.org:99999", 400),
        ("queue.example.org:evil", 400),
        ("*", 400),
    ],
)
def test_only_names_of_ours_are_answered(app: Flask, host: str, status: int) -> None:
    assert ask(app, Host=host) == status


def test_what_another_host_says_of_itself_is_not_believed(app: Flask) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "queue.example.org"}
    assert ask(app, **headers) == 400


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://queue.example.org", OURS + ":8443", "*"]
)
def test_a_page_elsewhere_may_read_what_all_may_and_send_nothing(app: Flask, origin: str) -> None:
    ours = {"Host": "queue.example.org"}
    assert ask(app, **ours, Origin=origin) == 200
    assert ask(app, **ours, Origin=origin, method="POST", path="/sign-out") == 403
    assert ask(app, **ours, Origin=origin, path="/socket.io/?EIO=4&transport=websocket") == 403
    # The control: from our own page it is for CSRF to say.
    assert ask(app, **ours, Origin=OURS, method="POST", path="/sign-out") == 400


def test_without_any_known_origin_nobody_may_send_or_listen(tmp_path: Path) -> None:
    said: list[str] = []

    def inner(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        said.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return []

    nobody = dataclasses.replace(settings_of(tmp_path), origins=frozenset(), public_url="")
    gate = Gate(inner, nobody)
    for origin in (OURS, "http://localhost", "null", ""):
        for path, method in (("/socket.io/", "GET"), ("/sign-in", "POST")):
            assert ask(gate, Host="localhost", Origin=origin, path=path, method=method) == 403
    assert ask(gate, Host="queue.example.org") == 400
    assert said == []


@pytest.mark.parametrize("given", [" ", "*", "null", "https://", "https://a:b@queue.example.org"])
def test_no_setting_opens_it_to_every_origin(tmp_path: Path, given: str) -> None:
    with pytest.raises(config.ConfigError, match="PUBLIC_URL"):
        settings_of(tmp_path, PUBLIC_URL=given)
    empty = settings_of(tmp_path, PUBLIC_URL="")
    assert empty.origins == {"http://127.0.0.1:8000", "http://localhost:8000"}


def test_origins_are_written_as_browsers_write_them(tmp_path: Path) -> None:
    written = {"https://Queue.example.org:443/": OURS, "http://q.example:80": "http://q.example"}
    for given, origin in written.items():
        assert settings_of(tmp_path, PUBLIC_URL=given).origins == {origin}


def test_the_answers_name_no_version_and_keep_nothing(app: Flask) -> None:
    answer = Client(app).get("/livez", headers={"Host": "evil.example"})
    assert "PUBLIC_URL" in answer.text
    assert "queue.example.org" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    answer = Client(app).get("/sign-in", base_url=OURS)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-queueapp=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self' wss://queue.example.org"
    assert {policy[name] for name in ("object-src", "base-uri", "frame-ancestors")} == {"'none'"}

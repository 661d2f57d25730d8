"""Strangers at a served clinic: other sites' pages, other names, floods; and logins that end."""

import contextlib
import socket
import time
from collections import Counter

import pytest
import requests
import websocket

from queueapp.db.models import Site
from queueapp.domain.actor import Role
from tests import factories
from tests.system.endings import Person, connect, seconds_to_end
from tests.system.house import House
from tests.system.listeners import within

pytestmark = pytest.mark.usefixtures("everyone_leaves")

RIGHT = ["Host: {host}", "Origin: {url}"]
# Each is all that is said of Host and Origin.
HOSTILE = {
    "another site": ["Host: {host}", "Origin: https://evil.example"],
    "a page without a site": ["Host: {host}", "Origin: null"],
    "an empty origin": ["Host: {host}", "Origin: "],
    "every site": ["Host: {host}", "Origin: *"],
    "a longer name": ["Host: {host}", "Origin: {url}.evil.example"],
    "a name before it": ["Host: {host}", "Origin: http://evil.example@{host}"],
    "another scheme": ["Host: {host}", "Origin: https://{host}"],
    "another port": ["Host: {host}", "Origin: http://127.0.0.1:1"],
    "two in one": ["Host: {host}", "Origin: {url}, https://evil.example"],
    "two of them": ["Host: {host}", "Origin: {url}", "Origin: https://evil.example"],
    "a path": ["Host: {host}", "Origin: {url}/"],
    "as the host says": ["Host: evil.example", "Origin: http://evil.example"],
    "our origin, another host": ["Host: evil.example", "Origin: {url}"],
    "a longer host": ["Host: 127.0.0.1.evil.example", "Origin: {url}"],
    "a host after a name": ["Host: 127.0.0.1@evil.example", "Origin: {url}"],
    "an empty host": ["Host: ", "Origin: {url}"],
    "no host": ["Origin: {url}"],
    "two hosts": ["Host: {host}", "Host: evil.example", "Origin: {url}"],
    "a host said by no proxy of ours": [
        "Host: evil.example", "X-Forwarded-Host: {host}", "Origin: {url}",
    ],
    "neither": ["Host: evil.example"],
}  # fmt: skip


def ask(house: House, transport: str, said: list[str]) -> str:
    """The first line of the answer to a handshake with just these headers."""
    host = f"127.0.0.1:{house.served.port}"
    lines = [f"GET /socket.io/?EIO=4&transport={transport} HTTP/1.1"]
    lines += [line.format(host=host, url=house.served.url) for line in said]
    if transport == "websocket":
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]  # fmt: skip
    with socket.create_connection(("127.0.0.1", house.served.port), timeout=10) as wire:
        wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return wire.recv(4096).split(b"\r\n")[0].decode()


@pytest.mark.one_database
@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_no_page_of_another_site_and_no_other_name_connects(house: House, transport: str) -> None:
    answers = {form: ask(house, transport, said) for form, said in HOSTILE.items()}
    assert {form: line for form, line in answers.items() if " 4" not in line} == {}
    # The control: with the right ones a websocket opens. Polling there is none, for anybody.
    assert (" 101 " in ask(house, transport, RIGHT)) is (transport == "websocket")


@pytest.mark.one_database
def test_a_cookie_without_an_origin_hears_nothing(house: House) -> None:
    with house.database.write() as session:
        site = session.get_one(Site, house.site_id)
        email = factories.make_staff(session, site, Role.MANAGER).email
    person = Person(house.served, email, "here")
    wire = connect(house.served, person.cookie, None)
    wire.send('40{"want":["desk:here"]}')
    assert wire.recv().startswith("44"), "turned away"
    wire.close()
    person.leave()


# Where two processes serve: one of them hears of the end from the other.
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_login_that_ends_opens_no_page_and_no_socket_within_two_seconds(house: House) -> None:
    seconds, still = seconds_to_end(house.served, house.database, "here", 6)
    assert still == []
    assert max(seconds) < 2.0, sorted(seconds)


def test_all_processes_count_guesses_together(house: House) -> None:
    with requests.Session() as http:
        http.trust_env = False
        found = Counter(
            http.get(f"{house.served.url}/t/guess{n}", timeout=30).status_code for n in range(50)
        )
    assert found[404] + found[429] == 50
    assert found[404] <= 30


# Masked by zeros: a message, a ping of the websocket itself, what a frame of 16 MB
# begins with, and what Engine.IO cannot read.
FLOODS = (
    b"\x81\x81\0\0\0\x003",
    b"\x89\x80\0\0\0\0",
    b"\x81\xff" + (1 << 24).to_bytes(8, "big") + b"\0\0\0\0" + b"4" * 4096,
    b"\x81\x81\0\0\0\0?",
)


@pytest.mark.one_database
def test_who_floods_or_never_says_who_it_is_is_cut_off(house: House) -> None:
    house.screen(want=["lobby:here"])
    began = time.monotonic()
    silent, *floods = (connect(house.served, "", house.served.url) for _ in range(5))
    for flood, one, most in zip(floods, FLOODS, (200, 200, 4000, 1), strict=True):
        sent = 0
        with contextlib.suppress(OSError, websocket.WebSocketException):
            while sent < most:
                flood.sock.sendall(one)
                sent += 1
                time.sleep(0.001 if most < 4000 else 0)
        assert sent < 4000, "16 MB were taken"
        assert seconds_until_over(flood, time.monotonic()) < 3
    assert 3 < seconds_until_over(silent, began) < 12
    assert within(20, lambda: len(house.screens[-1].beats) > 1), "the others hear on"


def seconds_until_over(wire: websocket.WebSocket, began: float) -> float:
    """When the server let go of the connection."""
    wire.settimeout(15)
    with contextlib.suppress(OSError, websocket.WebSocketException):
        while wire.recv() not in ("", "1"):
            pass
    wire.shutdown()
    return time.monotonic() - began

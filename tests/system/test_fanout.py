"""The way of one message to many sockets, on a real server of sockets alone, read byte by byte."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from queueapp.realtime.outlet import MOST_HELD
from tests.served import ROOT
from tests.services import free_port, wait_until
from tests.system.broadcaster import PATIENCE_S
from tests.system.listeners import within

PING, PONG = b"2", b"\x81\x81\0\0\0\x003"
SOON_S = 20.0


@dataclass
class Ear:
    """One plain socket that is let in; `frames` are whole, pings apart."""

    port: int
    answers: bool = True
    wire: socket.socket = field(init=False)
    frames: list[bytes] = field(default_factory=list)
    pings: int = 0
    is_over: bool = False
    _rest: bytes = b""

    def __post_init__(self) -> None:
        self.wire = socket.socket()
        # Small, so that the server notices soon that nothing is read.
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.wire.connect(("127.0.0.1", self.port))
        self.wire.settimeout(0.02)
        self.wire.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        )
        assert within(SOON_S, lambda: self._hear() or b"\r\n\r\n" in self._rest)
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        assert b" 101 " in head
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        assert b"deflate" not in head
        assert within(SOON_S, lambda: bool(self.read().frames))
        self.wire.sendall(b"\x81\x82\0\0\0\x0040")
        assert within(SOON_S, lambda: len(self.read().frames) == 2)
        self.frames.clear()

    def read(self) -> "Ear":
        """Take what has come and answer pings."""
        while self._hear():
            pass
        while (size := _size_of_first(self._rest)) and len(self._rest) >= size:
            frame, self._rest = self._rest[:size], self._rest[size:]
            if frame[2:] == PING:
                self.pings += 1
                if self.answers:
                    self.wire.sendall(PONG)
            else:
                self.frames.append(frame)
        return self

    def seqs(self) -> list[int]:
        """What updates it has, in the order they came."""
        said = [frame.partition(b"42[")[2] for frame in self.read().frames]
        return [json.loads(b"[" + one)[1]["seq"] for one in said if one]

    def _hear(self) -> bool:
        try:
            data = self.wire.recv(1 << 16)
        except TimeoutError:
            return False
        except OSError:
            data = b""
        self.is_over = not data
        self._rest += data
        return bool(data)


def _size_of_first(data: bytes) -> int:
    if len(data) < 10:
        return 2 + data[1] if len(data) > 1 and data[1] < 126 else 0
    assert data[0] in (0x81, 0x88), data[:10]
    if data[1] == 126:
        return 4 + int.from_bytes(data[2:4], "big")
    return 10 + int.from_bytes(data[2:10], "big") if data[1] == 127 else 2 + data[1]


@dataclass
class Server:
    """A broadcaster and its ears."""

    port: int
    ears: list[Ear] = field(default_factory=list)

    def ear(self, answers: bool = True) -> Ear:
        """One more who is let in."""
        self.ears.append(Ear(self.port, answers))
        return self.ears[-1]

    def say(self, number: int, letters: int) -> dict[str, Any]:
        """Tell all."""
        with requests.Session() as http:
            http.trust_env = False
            url = f"http://127.0.0.1:{self.port}/say/{number}/{letters}"
            return http.post(url, timeout=30).json()  # type: ignore[no-any-return]


@contextmanager
def broadcaster(log: Path, **environment: str) -> Iterator[Server]:
    """Served by gunicorn under gevent, as the product is."""
    port = free_port()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class",
             "gevent", "--log-level", "warning", "tests.system.broadcaster:app"],
            cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output,
        )  # fmt: skip

    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    server = Server(port)
    try:
        wait_until(is_open, process, log)
        yield server
    finally:
        for ear in server.ears:
            ear.wire.close()
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with broadcaster(tmp_path_factory.mktemp("broadcaster") / "log") as server:
        yield server


@pytest.fixture
def server(served: Server) -> Iterator[Server]:
    yield served
    for ear in served.ears:
        ear.wire.close()
    served.ears.clear()


def test_the_short_way_writes_the_same_bytes_as_the_librarys(
    tmp_path: Path, server: Server
) -> None:
    heard, sizes = [], (0, 12, 13, 10_900, 11_000)
    with broadcaster(tmp_path / "log", HIDE="yes") as other:
        for one, is_short in ((server, True), (other, False)):
            ears = [one.ear() for _ in range(4)]
            first = 0
            for letters in sizes:
                assert one.say(2, letters)["by_the_short_way"] is is_short
            for ear in ears:
                assert within(SOON_S, lambda ear=ear: len(ear.seqs()) == 2 * len(sizes))
                first = ear.seqs()[0]
                assert ear.seqs() == list(range(first, first + 2 * len(sizes)))
            assert all(ear.frames == ears[0].frames for ear in ears)
            heard.append(ears[0].frames)
    assert heard[0] == heard[1]
    assert "takes longer" in (tmp_path / "log").read_text(), "the operator is told"


def test_who_does_not_read_is_cut_off_and_the_others_hear_all(
    tmp_path: Path, server: Server
) -> None:
    def deafen(one: Server) -> tuple[Ear, list[int]]:
        deaf, ears = one.ear(), [one.ear() for _ in range(3)]
        held = []
        for n in range(1, 31):
            held.append(one.say(1, 5_000)["held"])
            assert all(within(SOON_S, lambda ear=ear, n=n: len(ear.seqs()) == n) for ear in ears)
        assert all(ear.seqs() == sorted(set(ear.seqs())) for ear in ears)
        return deaf, held

    deaf, held = deafen(server)
    assert 0 < max(held) < MOST_HELD + 70_000
    assert held[-1] == 0
    assert within(SOON_S, lambda: deaf.read().is_over)
    # The control: without the bound it only grows.
    with broadcaster(tmp_path / "log", BOUNDLESS="yes") as careless:
        deaf, held = deafen(careless)
        assert held[-1] == max(held) > 2 * MOST_HELD
        assert within(SOON_S, lambda: len(deaf.seqs()) == 30)


def test_who_reads_late_gets_whole_frames_in_order(server: Server) -> None:
    late = server.ear()
    held = server.say(6, 10_000)["held"] + server.say(30, 10)["held"]
    assert held > 0
    assert within(SOON_S, lambda: len(late.seqs()) == 36)
    assert late.seqs() == sorted(late.seqs())
    server.say(1, 1)
    assert within(SOON_S, lambda: len(late.seqs()) == 37)


def test_pings_come_as_long_as_they_are_answered(server: Server) -> None:
    well, silent = server.ear(), server.ear(answers=False)
    began = time.monotonic()
    while time.monotonic() - began < 30 and not silent.read().is_over:
        server.say(1, 5)
        well.read()
        time.sleep(0.1)
    assert silent.is_over
    assert silent.pings == 1
    assert time.monotonic() - began > PATIENCE_S
    assert not well.is_over
    assert well.pings >= 3
    assert well.seqs()[: len(silent.seqs())] == silent.seqs()

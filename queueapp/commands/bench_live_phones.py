"""Phones and lobbies by the thousand in one process: bare websockets read by one epoll loop.

`python -m queueapp.commands.bench_live_phones` takes orders as lines of JSON on standard input and
answers each with one. It speaks as much Engine.IO 4 and Socket.IO 5 as a page's library does:
connect, say what it wants, answer pings. With `plain` it listens to the floor's server, which
sends the same frames without any of it.
"""

import json
import os
import pickle
import re
import select
import socket
import sys
import time
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_UPDATE = re.compile(rb'42\["update",\{"channel":"([^"]+)","seq":(\d+),')
_BEAT, _PING = b'42["heartbeat"', b"2"
# Masked by zeros: the server takes the same path as for any other mask.
_PONG = b"\x81\x81\0\0\0\x003"
_AT_ONCE = 40
_READ = 1 << 18
_MOST_KNOWN = 512


class Message(NamedTuple):
    """What one frame says; `channel` is empty for all but updates."""

    payload: bytes
    channel: str = ""
    seq: int = 0


@dataclass(slots=True)
class Phone:
    """One connection; `seqs` are the newest it has of each channel."""

    wire: socket.socket
    say: bytes
    stage: str
    rest: bytes = b""
    seqs: dict[str, int] = field(default_factory=dict)


@dataclass
class Heard:
    """What was received since the last order to count."""

    deliveries: int = 0
    beats: int = 0
    octets: int = 0
    went_back: int = 0
    malformed: int = 0
    at: dict[str, dict[int, "array[float]"]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: array("d")))
    )


class Phones:
    """All of them, and what they hear."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._phones: dict[int, Phone] = {}
        self._to_open: list[dict[str, Any]] = []
        self._opening = 0
        self._known: dict[bytes, list[Message]] = {}
        self.wanted = self.open = self.ended = 0
        self.heard = Heard()
        self.sample = b""

    def run(self) -> None:
        """Serve orders until standard input ends."""
        said = b""
        while True:
            for handle, _ in self._poll.poll():
                if handle != sys.stdin.fileno():
                    if handle in self._phones:
                        self._read(self._phones[handle])
                    continue
                piece = os.read(handle, _READ)
                if not piece:
                    return
                *lines, said = (said + piece).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        if "open" in order:
            self._to_open = order["open"]
            self.wanted = len(self._to_open) + self.open
            self._opening = 0
            self._open_more()
        elif "count" in order:
            self.heard = Heard()
            _answer({})
        elif "take" in order:
            heard = self.heard
            times = {
                name: {seq: list(at) for seq, at in seqs.items()} for name, seqs in heard.at.items()
            }
            with open(order["take"], "wb") as file:
                pickle.dump(times, file)
            _answer(
                {
                    "deliveries": heard.deliveries, "beats": heard.beats, "octets": heard.octets,
                    "went_back": heard.went_back, "malformed": heard.malformed,
                    "ended": self.ended, "open": self.open, "sample": self.sample.decode(),
                }
            )  # fmt: skip
        elif "close" in order:
            for phone in list(self._phones.values()):
                self._let_go(phone)
            self.open = self.ended = 0
            _answer({})

    def _open_more(self) -> None:
        while self._to_open and self._opening < _AT_ONCE:
            self._opening += 1
            self._open(self._to_open.pop())

    def _open(self, one: dict[str, Any]) -> None:
        wire = socket.create_connection(("127.0.0.1", one["port"]))
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        said = b"40" + json.dumps({"want": one["want"]}).encode() if one["want"] else b""
        phone = Phone(wire, _masked(said), "upgrading" if said else "open")
        if said:
            host = one["origin"].partition("//")[2]
            wire.sendall(
                "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                f"Host: {host}\r\nOrigin: {one['origin']}\r\nCookie: {one['cookie']}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                # As every browser does.
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
                .encode()
            )  # fmt: skip
        wire.setblocking(False)
        self._phones[wire.fileno()] = phone
        self._poll.register(wire.fileno(), select.EPOLLIN)
        if not said:
            self._settled(1)

    def _settled(self, open_now: int) -> None:
        """One more is let in, or (0) is not."""
        self._opening -= 1
        self.open += open_now
        if self.open + self.ended == self.wanted:
            _answer({"open": self.open, "ended": self.ended})

    def _let_go(self, phone: Phone) -> None:
        self._poll.unregister(phone.wire.fileno())
        del self._phones[phone.wire.fileno()]
        phone.wire.close()

    def _read(self, phone: Phone) -> None:
        try:
            data = phone.wire.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        at = time.monotonic()
        if not data:
            self._let_go(phone)
            self.ended += 1
            if phone.stage == "open":
                self.open -= 1
            else:
                self._settled(0)
                self._open_more()
            return
        if phone.stage == "upgrading":
            head, found, data = (phone.rest + data).partition(b"\r\n\r\n")
            if not found:
                phone.rest = head
                return
            if b" 101 " not in head or b"permessage-deflate" in head.lower():
                raise SystemExit(f"the server answered {head!r}")
            phone.stage, phone.rest = "greeting", b""
        messages = None if phone.rest else self._known.get(data)
        if messages is None:
            whole = phone.rest + data
            messages, used = _frames(whole)
            if not phone.rest and used == len(whole):
                if len(self._known) > _MOST_KNOWN:
                    self._known.clear()
                self._known[data] = messages
            phone.rest = whole[used:]
        for message in messages:
            self._take(phone, message, at)

    def _take(self, phone: Phone, message: Message, at: float) -> None:
        heard = self.heard
        heard.octets += len(message.payload)
        if message.channel:
            heard.deliveries += 1
            heard.went_back += message.seq < phone.seqs.get(message.channel, 0)
            phone.seqs[message.channel] = message.seq
            heard.at[message.channel][message.seq].append(at)
            if message.channel.startswith("line:"):
                self.sample = message.payload
        elif message.payload.startswith(_BEAT):
            heard.beats += 1
        elif message.payload == _PING:
            phone.wire.send(_PONG)
        elif phone.stage == "greeting" and message.payload.startswith(b"0{"):
            phone.wire.send(phone.say)
        elif phone.stage == "greeting" and message.payload.startswith(b"40{"):
            phone.stage = "open"
            self._settled(1)
            self._open_more()
        else:
            heard.malformed += 1


def _frames(data: bytes) -> tuple[list[Message], int]:
    """The whole frames that `data` begins with, and how many bytes they take."""
    found, start = [], 0
    while len(data) - start >= 2:
        size, head = data[start + 1], 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            head = 2 + wide
            size = int.from_bytes(data[start + 2 : start + head], "big")
        if len(data) - start < head + size:
            break
        found.append(_message(data[start + head : start + head + size]))
        start += head + size
    return found, start


def _message(payload: bytes) -> Message:
    update = _UPDATE.match(payload)
    if update is None:
        return Message(payload)
    content = json.loads(payload[2:])[1]
    assert content["seq"] == int(update[2])
    return Message(payload, content["channel"], content["seq"])


def _masked(payload: bytes) -> bytes:
    size = len(payload)
    head = bytes([0x81, 0x80 | size]) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def _answer(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Phones().run()

"""Sockets as screens and phones open them, and what they hear."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import socketio


def client(**options: Any) -> socketio.Client:
    """One that does not come back by itself; `options` are of its websocket.

    It leaves out the library's look at each byte, which takes longer than all else does on the way.
    """
    options["skip_utf8_validation"] = True
    return socketio.Client(reconnection=False, websocket_extra_options=options)


@dataclass
class Screen:
    """One live connection with a bearer token; `updates` and `beats` in the order they came."""

    url: str
    token: str
    want: list[str] | None = None
    updates: list[dict[str, Any]] = field(default_factory=list)
    beats: list[dict[str, Any]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.wire: Any = None
        self.client = client()
        self.client.on("update", self.updates.append)
        self.client.on("heartbeat", self.beats.append)
        self.client.on("disconnect", lambda *_: self.ended.set())

    def open(self) -> "Screen":
        """Connect."""
        auth: dict[str, Any] = {"token": self.token}
        if self.want is not None:
            auth["want"] = self.want
        try:
            self.client.connect(self.url, auth=auth, transports=["websocket"], wait_timeout=20)
        finally:
            self.wire = self.client.eio.ws
            if not self.client.connected:
                self.close()
        return self

    def close(self) -> None:
        """Leave; the library lets go of a connection that the other side ended, unclosed."""
        self.client.disconnect()
        if self.wire:
            self.wire.shutdown()

    def seqs(self, channel: str) -> list[int]:
        """The seq of every update of a channel."""
        return [u["seq"] for u in self.updates if u["channel"] == channel]

    def has(self, channel: str, seq: int) -> bool:
        """Whether it has been told of the channel as of `seq` or later."""
        return any(s >= seq for s in self.seqs(channel))


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether it comes true in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()

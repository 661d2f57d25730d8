"""A websocket as Engine.IO drives one: wsproto reads it, an outlet writes it and never waits.

Engine.IO's own driver sends without looking how much was taken, so that a frame half sent to a
slow screen garbles all that follow; and it lets each browser have a compression of its own, whose
state holds a quarter of a megabyte and makes every screen's frames different. Here neither.
"""

import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from engineio import packet
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Event, Message, Ping
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import generate_accept_token

from queueapp.realtime.fanout import text_frame
from queueapp.realtime.outlet import Outlet

log = logging.getLogger("queueapp.security")

LARGEST_MESSAGE = 16 * 1024
# A page says who it is, then answers a ping every few seconds; it never says anything else.
MOST_FRAMES_PER_S = 10
_READ = 4096
PONG = str(packet.PONG)
_PONG_BYTE = ord(PONG)
_OF_THE_REQUEST = (
    "gunicorn.socket", "werkzeug.socket", "wsgi.input", "wsgi.errors", "wsgi.file_wrapper",
    "wsgi.early_hints",
)  # fmt: skip


class Websocket:
    """One connection: called as WSGI it answers the handshake, then lends itself to its handler.

    With `start` the handler runs beside the request, which ends: all that the web server holds for
    a request is let go of, rather than held for hours.
    """

    __slots__ = (
        "_count", "_handler", "_is_between", "_is_over", "_open", "_outlet", "_parts", "_protocol",
        "_reaching", "_said", "_second", "_size", "_start", "_wire",
    )  # fmt: skip

    def __init__(
        self,
        handler: Callable[["Websocket"], Any],
        open_outlet: Callable[[socket.socket], Outlet],
        reaching: Callable[[Outlet], AbstractContextManager[None]],
        start: Callable[..., object] | None = None,
    ) -> None:
        """`handler` reads and writes it to its end, within `reaching(its outlet)`."""
        self._handler, self._open, self._reaching = handler, open_outlet, reaching
        self._start = start
        self._protocol = Connection(ConnectionType.SERVER)
        self._said: deque[str | bytes] = deque()
        self._parts: list[str | bytes] = []
        self._size = self._count = self._second = 0
        self._is_over = False
        # Whether wsproto has all of each frame that was begun.
        self._is_between = True

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """A WSGI call."""
        key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
        if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13" or not key:
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"Not a websocket of version 13.\n"]
        under_gunicorn = "gunicorn.socket" in environ
        wire = environ["gunicorn.socket" if under_gunicorn else "werkzeug.socket"]
        self._wire = wire.dup() if self._start else wire
        # Socket.IO keeps the environ for as long as the connection lasts.
        for name in _OF_THE_REQUEST:
            environ.pop(name, None)
        self._outlet = self._open(self._wire)
        self._outlet.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + generate_accept_token(key.encode()) + b"\r\n\r\n"
        )
        if self._start:
            self._start(self._run)
        else:
            self._run()
        # How each server is told that the connection was taken over.
        raise StopIteration if under_gunicorn else ConnectionError

    def _run(self) -> None:
        try:
            with self._reaching(self._outlet):
                self._handler(self)
        except ValueError as error:
            log.warning("a live connection said what nobody understands: %s", error)
        finally:
            self._outlet.end()
            self._wire.close()

    def send(self, text: str) -> None:
        """Send a text message, at once or as soon as the other side takes it. Raises OSError."""
        if self._outlet.is_over:
            raise OSError("the connection is over")
        self._outlet.send(text_frame(text))

    def wait(self) -> str | bytes | None:
        """The next message; None at the end."""
        while not self._said:
            data = b"" if self._is_over else self._received()
            if not data:
                return None
            if self._is_between and not self._parts and _is_pong(data):
                # Nearly all that ever comes; reading it takes wsproto longer than all the rest.
                self._note_frame()
                return None if self._is_over else PONG
            self._is_between = self._is_between and _is_one_frame(data)
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                self._take(event)
                if self._is_over:
                    break
        return self._said.popleft()

    def close(self) -> None:
        """Say goodbye and let the reader see the end."""
        if self._protocol.state is ConnectionState.OPEN:
            self._outlet.send(
                bytes(self._protocol.send(CloseConnection(CloseReason.NORMAL_CLOSURE)))
            )
        self._is_over = True
        self._outlet.end()

    def _received(self) -> bytes:
        try:
            return self._wire.recv(_READ)
        except OSError:
            return b""

    def _note_frame(self) -> None:
        second = int(time.monotonic())
        self._count = self._count + 1 if second == self._second else 1
        self._second = second
        if self._count > MOST_FRAMES_PER_S:
            log.warning("a live connection sent more than %s frames a second and was cut off",
                        MOST_FRAMES_PER_S)  # fmt: skip
            self.close()

    def _take(self, event: Event) -> None:
        self._note_frame()
        if self._is_over:
            return
        if isinstance(event, Message):
            self._gather(event)
        elif isinstance(event, Ping):
            self._outlet.send(bytes(self._protocol.send(event.response())))
        elif isinstance(event, CloseConnection):
            if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                self._outlet.send(bytes(self._protocol.send(event.response())))
            self._is_over = True

    def _gather(self, event: Message) -> None:
        # Counted as it comes, so that what is too large is never all in memory.
        self._size += len(event.data)
        if self._size > LARGEST_MESSAGE:
            log.warning("a live connection sent more than %s bytes in one message and was cut off",
                        LARGEST_MESSAGE)  # fmt: skip
            self.close()
            return
        self._parts.append(event.data)
        if event.message_finished:
            first = self._parts[0]
            self._said.append(first if len(self._parts) == 1 else type(first)().join(self._parts))
            self._parts, self._size = [], 0


def _is_pong(data: bytes) -> bool:
    """Whether it is Engine.IO's answer to a ping, alone: a whole masked text frame of one byte."""
    return len(data) == 7 and data[:2] == b"\x81\x81" and data[6] ^ data[2] == _PONG_BYTE


def _is_one_frame(data: bytes) -> bool:
    """Whether it is one whole masked frame of less than 64 KiB, and nothing else."""
    if len(data) < 6:
        return False
    size = data[1] & 0x7F
    if size < 126:
        return len(data) == 6 + size
    return size == 126 and len(data) == 8 + int.from_bytes(data[2:4], "big")

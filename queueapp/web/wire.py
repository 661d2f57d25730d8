"""The wire below Socket.IO: what one connection may send, and how it is ended."""

import logging
import secrets
import time
from typing import Any

from flask_socketio import SocketIO
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

log = logging.getLogger("queueapp.security")

LARGEST_MESSAGE = 16 * 1024
# A page says who it is, then answers a ping every few seconds; it never says anything else.
MOST_MESSAGES = RateLimitItemPerSecond(10)
# How long a connection may take to be let in to a channel.
STRANGERS_STAY_S = 5.0


class Wire:
    """Sends to this process's sockets and ends them; a `Transport` and a `Door`."""

    def __init__(self, socketio: SocketIO) -> None:
        self._socketio = socketio
        self._strangers: dict[str, float] = {}
        _measure(socketio)

    def emit(
        self, event: str, data: dict[str, Any], room: str, skip: list[str] | None = None
    ) -> None:
        """Send to the local sockets of a room, or to one by its id, but for those of `skip`."""
        self._socketio.emit(event, data, to=room, skip_sid=skip or None, ignore_queue=True)

    def drop(self, sid: str) -> None:
        """End a socket and its connection, which a hostile client would else keep open."""
        server = self._socketio.server
        connection = server.manager.eio_sid_from_sid(sid, "/")
        server.disconnect(sid, namespace="/")
        self._end(connection)

    def part_with_strangers(self) -> None:
        """End the connections that were let in to no channel in a few seconds."""
        server, moment = self._socketio.server, time.monotonic()
        strangers = {
            connection
            for connection in list(server.eio.sockets)
            if server.manager.sid_from_eio_sid(connection, "/") is None
        }
        self._strangers = {one: self._strangers.get(one, moment) for one in strangers}
        for connection, since in self._strangers.items():
            if moment - since > STRANGERS_STAY_S:
                self._end(connection)

    def _end(self, connection: str | None) -> None:
        if connection is not None:
            # Waits until what is on its way was sent, which a frozen client can hold up.
            self._socketio.start_background_task(self._socketio.server.eio.disconnect, connection)


def _measure(socketio: SocketIO) -> None:
    """Cut off whoever sends too much, before it is gathered, or too often.

    Engine.IO looks at a message's size once all of it is in memory, and at its rate not at all; it
    has no setting for either, so that its own websocket class is derived from here.
    """
    # Socket.IO's own stand-in of tests has no wire.
    eio = socketio.server.eio
    base: Any = eio._async["websocket"]
    limiter = FixedWindowRateLimiter(MemoryStorage())

    class Measured(base):  # type: ignore[misc]
        def __init__(self, handler: Any, server: Any) -> None:
            super().__init__(handler, server)
            self.server_args["max_message_size"] = LARGEST_MESSAGE
            self._name = secrets.token_hex(8)

        def wait(self) -> Any:
            said = super().wait()
            if said is None or limiter.hit(MOST_MESSAGES, self._name):
                return said
            log.warning("a live connection sent more than %s and was cut off", MOST_MESSAGES)
            self.close()
            return None

    eio._async = {**eio._async, "websocket": Measured}

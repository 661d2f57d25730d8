"""The wire below Socket.IO: how sockets are written to, and how they are ended."""

import functools
import logging
import time
from contextlib import nullcontext
from typing import Any

from flask_socketio import SocketIO

from queueapp.realtime.fanout import FanOut
from queueapp.realtime.outlet import LockedOutlet, Outlet, Outlets
from queueapp.web.websocket import Websocket

log = logging.getLogger(__name__)

# How long a connection may take to be let in to a channel.
STRANGERS_STAY_S = 5.0


class Wire:
    """Sends to this process's sockets and ends them; a `Transport` and a `Door`."""

    def __init__(self, socketio: SocketIO) -> None:
        self._socketio = socketio
        self._strangers: dict[str, float] = {}
        server = socketio.server
        under_gevent = server.eio.async_mode == "gevent"
        kind = Outlet if under_gevent else LockedOutlet
        self._outlets = Outlets(server.start_background_task, server.sleep, kind)
        # The one place where Engine.IO looks up who speaks websocket; it has no setting for it.
        # Socket.IO's own stand-in of tests has no wire.
        server.eio._async = {**server.eio._async, "websocket": self._websocket}
        self._fan_out = _fan_out(server) if under_gevent else None

    def emit(
        self,
        event: str,
        data: dict[str, Any],
        room: str | list[str],
        skip: list[str] | None = None,
    ) -> None:
        """Send to the local sockets of a room, or to some by their ids, but for those of `skip`."""
        if self._fan_out:
            self._fan_out.emit(event, data, room, skip or ())
        else:
            self._socketio.emit(event, data, to=room, skip_sid=skip or None, ignore_queue=True)

    @property
    def is_short(self) -> bool:
        """Whether one frame is made for all of a room."""
        return self._fan_out is not None

    def held(self) -> int:
        """Bytes that are kept for sockets that do not take them."""
        return self._outlets.held()

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

    def _websocket(self, handler: Any, _server: Any) -> Websocket:
        """A new connection's, as Engine.IO asks for it; `handler` is a method of its socket."""
        if self._fan_out is None:
            return Websocket(handler, self._outlets.open, lambda _: nullcontext())
        reaching = functools.partial(self._fan_out.reaching, handler.__self__)
        start = self._socketio.server.start_background_task
        return Websocket(handler, self._outlets.open, reaching, start)

    def _end(self, connection: str | None) -> None:
        if connection is not None:
            # Waits until the socket's writer has handed on what is queued.
            self._socketio.start_background_task(self._socketio.server.eio.disconnect, connection)


def _fan_out(server: Any) -> FanOut | None:
    try:
        return FanOut(server)
    except (AttributeError, TypeError) as error:
        log.warning(
            "this Socket.IO is not as queueapp knows it (%s): each screen is sent its own frame, "
            "which takes longer", error,
        )  # fmt: skip
        return None

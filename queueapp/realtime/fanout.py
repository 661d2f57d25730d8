"""One frame for a whole room, made once and written to each socket at once.

Socket.IO encodes what a room is told once, then takes every socket by itself: a place in its
queue, the wake-up of its writer, a frame of its own, a send. Here the frame is made once too (a
server's frames are not masked, so they are the same for all) and written straight to each socket
whose queue is empty; all others go the library's way, after what they still have to come.

Sound only where nothing else runs between the look at a queue and the write: under gevent.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from engineio.packet import MESSAGE, Packet
from engineio.socket import Socket
from socketio import packet as sio_packet

from queueapp.realtime.outlet import AT_ONCE, Outlet
from queueapp.realtime.pings import Pings

log = logging.getLogger(__name__)

NAMESPACE = "/"


def text_frame(text: str) -> bytes:
    """A server's websocket frame of one whole text message."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class FanOut:
    """The sockets of one Socket.IO server that can be written to directly."""

    def __init__(self, server: Any) -> None:
        """Raises AttributeError or TypeError where the library is not as known here."""
        self._server = server
        # By connection: whether its queue is empty, and its outlet.
        self._ways: dict[str, tuple[Callable[[], bool], Outlet]] = {}
        probe = Socket(server.eio, "probe")
        if not probe.queue.empty() or probe.closed or not callable(probe.send):
            raise TypeError("a new Engine.IO socket is not empty and open")
        if self._packets("probe", {})[1] != text_frame('42["probe",{}]'):
            raise TypeError("an event is encoded in another way")
        for _ in server.manager.get_participants(NAMESPACE, "probe"):
            raise TypeError("a room of nobody has members")
        if not all(map(callable, (server._send_eio_packet, probe.poll, probe.schedule_ping))):
            raise TypeError("packets are sent in another way")
        if not isinstance(probe.last_ping, float) or probe.closing:
            raise TypeError("pings are noted in another way")
        self._pings = Pings(
            server.start_background_task,
            server.sleep,
            float(server.eio.ping_interval),
            float(server.eio.ping_timeout),
        )

    @contextmanager
    def reaching(self, engine_socket: Socket, outlet: Outlet) -> Iterator[None]:
        """While the block lasts, the socket is written to and pinged by its outlet."""
        self._pings.take_over(engine_socket, outlet)
        self._ways[engine_socket.sid] = (engine_socket.queue.empty, outlet)
        try:
            yield
        finally:
            del self._ways[engine_socket.sid]
            # Engine.IO looks for the closed ones only now and then.
            self._server.eio.sockets.pop(engine_socket.sid, None)
            if not engine_socket.closed:
                engine_socket.close(wait=False, abort=True)

    def emit(
        self, event: str, data: Any, room: str | list[str], skip: Collection[str] = ()
    ) -> None:
        """Tell the local sockets of a room, or some by their ids, but for those of `skip`."""
        packet, frame = self._packets(event, data)
        size, ways = len(frame), self._ways
        for sid, connection in self._server.manager.get_participants(NAMESPACE, room):
            if sid in skip:
                continue
            way = ways.get(connection)
            if way is None or not way[0]():
                self._server._send_eio_packet(connection, packet)
                continue
            # As `Outlet.send` does; a call less for each of thousands.
            outlet = way[1]
            try:
                sent = outlet.write(frame, AT_ONCE)
            except OSError as error:
                outlet.refused(frame, error)
            else:
                if sent < size:
                    outlet.keep(frame[sent:])

    def _packets(self, event: str, data: Any) -> tuple[Packet, bytes]:
        """The Engine.IO packet of an event, and its frame. What is sent here holds no bytes."""
        said = self._server.packet_class(
            sio_packet.EVENT, namespace=NAMESPACE, data=[event, data]
        ).encode()
        packet = Packet(MESSAGE, said)
        return packet, text_frame(packet.encode())

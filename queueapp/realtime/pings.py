"""Pings of all sockets from one loop, and written straight where nothing else waits.

Engine.IO starts a task for each ping of each socket, which sleeps, queues the ping and wakes the
socket's writer: at a thousand sockets more work than telling them all of a change, and a stack in
memory for each that sleeps.
"""

import time
from collections import deque
from collections.abc import Callable

from engineio.packet import PING, Packet
from engineio.socket import Socket

from queueapp.realtime.outlet import Outlet

# Those that are due within this are pinged together.
_TOGETHER_S = 0.05
_FRAME = b"\x81\x012"


class Pings:
    """When each socket is pinged next, under gevent."""

    def __init__(
        self, start: Callable[..., object], sleep: Callable[[float], object], interval_s: float
    ) -> None:
        """`start` runs a function beside the others of the process; `sleep` takes seconds."""
        self._start, self._sleep, self._interval_s = start, sleep, interval_s
        self._due: deque[tuple[float, Socket, Outlet]] = deque()
        self._is_running = False

    def take_over(self, socket: Socket, outlet: Outlet) -> None:
        """Ping the socket from here after the first, for which its own task is under way.

        Its writer ends what has had no packet for a while, so it is let wait for as long as it
        takes: that the other side is still there is for the answers to pings to say.
        """
        socket.schedule_ping = lambda: self._schedule(socket, outlet)
        socket.poll = lambda: _next_packet(socket)

    def _schedule(self, socket: Socket, outlet: Outlet) -> None:
        if socket.last_ping is None:
            return
        socket.last_ping = None
        self._due.append((time.monotonic() + self._interval_s, socket, outlet))
        if not self._is_running:
            self._is_running = True
            self._start(self._run)

    def _run(self) -> None:
        while self._due:
            self._sleep(max(self._due[0][0] - time.monotonic(), 0.0) + _TOGETHER_S)
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, socket, outlet = self._due.popleft()
                if not socket.closing and not socket.closed:
                    _ping(socket, outlet)
        self._is_running = False


def _ping(socket: Socket, outlet: Outlet) -> None:
    socket.last_ping = time.time()
    if socket.queue.empty():
        outlet.send(_FRAME)
    else:
        socket.send(Packet(PING))


def _next_packet(socket: Socket) -> list[Packet]:
    """What the writer is to send next, waiting for it; nothing at the end."""
    packet = socket.queue.get()
    socket.queue.task_done()
    return [] if packet is None else [packet]

"""Pings of all sockets from one loop, and written straight where nothing else waits.

Engine.IO starts a task for each ping of each socket, which sleeps, queues the ping and wakes the
socket's writer: at a thousand sockets more work than telling them all of a change, and a stack in
memory for each that sleeps.
"""

import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from engineio.packet import PING, Packet
from engineio.socket import Socket

from queueapp.realtime.outlet import Outlet

_LOOK_EVERY_S = 0.1
_FRAME = b"\x81\x012"


class Pings:
    """When each socket is pinged next, and who has not answered, under gevent."""

    def __init__(
        self,
        start: Callable[..., object],
        sleep: Callable[[float], object],
        interval_s: float,
        patience_s: float,
    ) -> None:
        """`start` runs a function beside the others of the process; `sleep` takes seconds."""
        self._start, self._sleep = start, sleep
        self._interval_s, self._patience_s = interval_s, patience_s
        # When, a number that tells apart, whom, and by what; by nothing: see whether it answered.
        self._plan: list[tuple[float, int, Socket, Outlet | None]] = []
        self._number = count()
        self._is_running = False

    def take_over(self, socket: Socket, outlet: Outlet) -> None:
        """Ping the socket from here after the first, for which its own task is under way.

        Its writer ends what has had no packet for a while, so it is let wait for as long as it
        takes: that the other side is still there is for the answers to pings to say.
        """
        socket.schedule_ping = lambda: self._answered(socket, outlet)
        socket.poll = lambda: _next_packet(socket)
        self._later(self._interval_s + self._patience_s, socket, None)

    def _answered(self, socket: Socket, outlet: Outlet) -> None:
        if socket.last_ping is not None:
            socket.last_ping = None
            self._later(self._interval_s, socket, outlet)

    def _later(self, seconds: float, socket: Socket, outlet: Outlet | None) -> None:
        heappush(self._plan, (time.monotonic() + seconds, next(self._number), socket, outlet))
        if not self._is_running:
            self._is_running = True
            self._start(self._run)

    def _run(self) -> None:
        while self._plan:
            self._sleep(_LOOK_EVERY_S)
            now = time.monotonic()
            while self._plan and self._plan[0][0] <= now:
                _, _, socket, outlet = heappop(self._plan)
                if socket.closing or socket.closed:
                    continue
                if outlet is None:
                    socket.check_ping_timeout()
                else:
                    _ping(socket, outlet)
                    self._later(self._patience_s, socket, None)
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

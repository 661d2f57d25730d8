"""The way out to one socket: written to at once; what it cannot take is kept, but not for long."""

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger(__name__)

# A screen that holds up more than this when the next frame comes, or holds anything up for that
# long, is cut off: it comes back at once and is told what is so then.
MOST_HELD = 256 * 1024
LATE_S = 5.0
# What the kernel may hold for one socket on top; it doubles the figure.
_KERNEL_HOLDS = 64 * 1024
_KERNEL_TAKES = 16 * 1024
# What is larger than that is taken as fast as the other side reads; of one that does not, a look
# now and then is enough.
_LOOK_AGAIN_S = 0.001
_LOOK_EVERY_S = 0.02
AT_ONCE = socket.MSG_DONTWAIT
_NOTHING: deque[bytes] = deque(maxlen=0)


class Outlet:
    """Writes whole frames to one socket in order, and never waits for it.

    For one thread; `LockedOutlet` is for several. `write(frame, AT_ONCE)` is the socket's own
    `send` while nothing is kept, and may take a part or raise as that does: whoever calls it for
    speed hands what was not taken to `keep`, or the error to `refused`.
    """

    __slots__ = ("_is_late", "_kept", "_late_since", "_raw", "held", "is_over", "write")

    def __init__(self, wire: socket.socket, is_late: "Callable[[Outlet], None]") -> None:
        # Of gevent's socket the one below, as its own `send` waits.
        self._raw: socket.socket = getattr(wire, "_sock", wire)
        self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_HOLDS)
        # A page says little: one that floods is stopped by its own side's buffer.
        self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_TAKES)
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.write: Callable[[bytes, int], int] = self._raw.send
        self._is_late = is_late
        self._kept: deque[bytes] = _NOTHING
        self.held, self._late_since = 0, 0.0
        self.is_over = False

    def send(self, frame: bytes) -> None:
        """Write the frame after all that was sent before; to one that is cut off, nothing."""
        try:
            sent = self.write(frame, AT_ONCE)
        except OSError as error:
            self.refused(frame, error)
        else:
            if sent < len(frame):
                self.keep(frame[sent:])

    def refused(self, frame: bytes, error: OSError) -> None:
        """The socket took nothing of the frame."""
        if isinstance(error, BlockingIOError):
            self.keep(frame)
        else:
            self.end()

    def keep(self, rest: bytes) -> None:
        """What the socket did not take waits here, and all that comes after it."""
        self._kept, self.held = deque([rest]), len(rest)
        self._late_since = time.monotonic()
        self.write = self._write_later
        self._is_late(self)

    def flush(self) -> bool:
        """Write what is kept, as far as the socket takes it; whether nothing is left."""
        while self._kept:
            first = self._kept.popleft()
            try:
                sent = self._raw.send(first, AT_ONCE)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.end()
                return True
            self.held -= sent
            if sent < len(first):
                self._kept.appendleft(first[sent:])
                if time.monotonic() - self._late_since > LATE_S:
                    self._cut(f"for {LATE_S:g} s")
                return self.is_over
        if not self.is_over:
            self._kept, self.write = _NOTHING, self._raw.send
        return True

    def end(self) -> None:
        """Let whoever reads from it see the end, and write no more."""
        self.is_over, self.write = True, self._write_later
        self._kept, self.held = _NOTHING, 0
        with suppress(OSError):
            self._raw.shutdown(socket.SHUT_RDWR)

    def _write_later(self, frame: bytes, _flags: int) -> int:
        if self.held > MOST_HELD:
            self._cut(f"of more than {MOST_HELD} bytes")
        if not self.is_over:
            self._kept.append(frame)
            self.held += len(frame)
        return len(frame)

    def _cut(self, how_much: str) -> None:
        log.info("a live screen did not take what it was sent %s and was cut off", how_much)
        self.end()


class LockedOutlet(Outlet):
    """An outlet that several threads may use."""

    __slots__ = ("_lock",)

    def __init__(self, wire: socket.socket, is_late: Callable[[Outlet], None]) -> None:
        super().__init__(wire, is_late)
        self._lock = threading.RLock()

    def send(self, frame: bytes) -> None:
        """As of any outlet."""
        with self._lock:
            super().send(frame)

    def flush(self) -> bool:
        """As of any outlet."""
        with self._lock:
            return super().flush()


class Outlets:
    """Makes outlets, and writes what they keep while any keeps something."""

    def __init__(
        self,
        start: Callable[..., object],
        sleep: Callable[[float], object],
        kind: type[Outlet] = LockedOutlet,
    ) -> None:
        """`start` runs a function beside the others of the process; `sleep` takes seconds."""
        self._start, self._sleep, self._kind = start, sleep, kind
        self._late: set[Outlet] = set()
        self._lock = threading.Lock()
        self._is_running = False

    def open(self, wire: socket.socket) -> Outlet:
        """The outlet of a connected plain socket, to which nothing else may write."""
        return self._kind(wire, self._heard)

    def held(self) -> int:
        """Bytes that all of them keep now."""
        with self._lock:
            return sum(outlet.held for outlet in self._late)

    def _heard(self, outlet: Outlet) -> None:
        with self._lock:
            self._late.add(outlet)
            if self._is_running:
                return
            self._is_running = True
        self._start(self._run)

    def _run(self) -> None:
        wait_s, held = _LOOK_AGAIN_S, 0
        while True:
            self._sleep(wait_s)
            with self._lock:
                late = list(self._late)
            for outlet in late:
                if outlet.flush():
                    with self._lock:
                        self._late.discard(outlet)
            with self._lock:
                if not self._late:
                    self._is_running = False
                    return
                had, held = held, sum(outlet.held for outlet in self._late)
            wait_s = _LOOK_AGAIN_S if held < had else min(2 * wait_s, _LOOK_EVERY_S)

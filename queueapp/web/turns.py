"""How many requests a process works on at once: screens are not kept waiting behind them all."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]

# A request is worth some tens of milliseconds of the processor: more at once end no sooner, and
# under gevent what the screens are sent and answer waits behind every one of them.
AT_ONCE = 6
# Whether it is alive has to be said at once, above all when nothing else is.
_WITHOUT = ("/socket.io", "/livez", "/readyz")


class Turns:
    """Lets at most `at_once` requests in; the others wait their turn. Live connections need none.

    A turn ends when the answer is made, not when it is sent: a slow reader holds up nobody.
    """

    def __init__(self, inner: WSGI, at_once: int = AT_ONCE) -> None:
        self._inner = inner
        self._turns = threading.BoundedSemaphore(at_once)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """A WSGI call."""
        if environ.get("PATH_INFO", "").startswith(_WITHOUT):
            return self._inner(environ, start_response)
        # Else one who asks again before the last answer is out, as a busy program does, is never
        # waited for, and the others and the screens wait for that one.
        time.sleep(0)
        with self._turns:
            return self._inner(environ, start_response)

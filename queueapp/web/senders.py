"""A request is let in once all of it is here: who sends slowly keeps nobody waiting but itself."""

import io
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Response

log = logging.getLogger("queueapp.security")

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]

# From the end of the headers, for which gunicorn allows 2 s (its `keepalive`), to the body's end.
WITHIN_S = 10.0


class Senders:
    """Reads a body of at most `largest` bytes before the request goes on; one too late is let go.

    A larger one is refused further in, unread. By threads, without gevent, a slow sender is only
    kept away from the others' turns, and not let go.
    """

    def __init__(self, inner: WSGI, largest: int, within_s: float = WITHIN_S) -> None:
        self._inner, self._largest, self._within_s = inner, largest, within_s

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """A WSGI call."""
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdigit() and 0 < int(length) <= self._largest:
            most = int(length)
        elif "HTTP_TRANSFER_ENCODING" in environ:
            most = self._largest + 1
        else:
            return self._inner(environ, start_response)
        body = self._read(environ, most)
        if body is None:
            return _let_go(environ, start_response)
        environ["wsgi.input"] = io.BytesIO(body)
        return self._inner(environ, start_response)

    def _read(self, environ: dict[str, Any], most: int) -> bytes | None:
        """The body, or as much as came before the sender left; None when it was not in time."""
        read: Callable[[int], bytes] = environ["wsgi.input"].read
        gevent = sys.modules.get("gevent")
        if gevent is None:
            return read(most)
        with gevent.Timeout(self._within_s, False):
            return read(most)
        return None


def _let_go(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    log.warning("let go %s: a request came too slowly", environ.get("REMOTE_ADDR", "somebody"))
    answer = Response(
        "This request took too long to arrive. Please send it again.\n",
        408,
        content_type="text/plain; charset=utf-8",
    )
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Connection"] = "close"
    return answer(environ, start_response)

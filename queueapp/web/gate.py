"""In front of pages and sockets alike: by what name we are asked, and from whose page.

What comes under another name, or from another site's page, is turned away before anything reads
it. No list is ever "everyone": with no origin known, no page may command or listen.
"""

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Response

from queueapp.config import Settings

log = logging.getLogger("queueapp.security")

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_LIVE = "/socket.io"
_PORT = re.compile(r":[0-9]+$")
_NAMES = "Host", "Origin"


def names_its_origin(environ: dict[str, Any]) -> bool:
    """Whether the request says from whose page it comes, as every browser's does; see `Gate`."""
    return bool(environ.get("HTTP_ORIGIN"))


class Gate:
    """Lets through what asks for us by a name of ours, and commands from our own pages alone."""

    def __init__(self, inner: WSGI, settings: Settings) -> None:
        self._inner = inner
        self._hosts, self._origins = settings.hosts, settings.origins
        self._warned_of_proxy = settings.proxies > 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """A WSGI call."""
        self._look_for_a_proxy(environ)
        if not self._is_our_name(environ.get("HTTP_HOST", "")):
            return _turned_away(
                environ, start_response, 400, "queueapp does not answer to this address. Whoever "
                "runs it says by PUBLIC_URL how people reach it.",
            )  # fmt: skip
        if not self._is_from_us(environ):
            return _turned_away(
                environ, start_response, 403, "This came from a page of another site. Open "
                "queueapp under its own address, and try again there.",
            )  # fmt: skip
        return self._inner(environ, start_response)

    def _is_our_name(self, host: str) -> bool:
        # Of Werkzeug the form alone: to it an empty list of names means "every name".
        return host_is_trusted(host) and _PORT.sub("", host.lower()) in self._hosts

    def _is_from_us(self, environ: dict[str, Any]) -> bool:
        # There, but empty, is a lie: a browser says "null" where it does not want to tell.
        if "HTTP_ORIGIN" not in environ or environ["HTTP_ORIGIN"] in self._origins:
            return True
        is_live = environ.get("PATH_INFO", "").startswith(_LIVE)
        return not is_live and environ["REQUEST_METHOD"] in _READS

    def _look_for_a_proxy(self, environ: dict[str, Any]) -> None:
        if not self._warned_of_proxy and "HTTP_X_FORWARDED_FOR" in environ:
            self._warned_of_proxy = True
            log.warning(
                "requests come through a proxy, so that all people look like one to the limits: "
                "set TRUSTED_PROXIES=1 if it is yours"
            )


def _turned_away(
    environ: dict[str, Any], start_response: Any, status: int, words: str
) -> Iterable[bytes]:
    said = ", ".join(f"{name} {environ.get(f'HTTP_{name.upper()}', '')[:200]!r}" for name in _NAMES)
    log.warning("turned away %s: %s", environ.get("REMOTE_ADDR", "somebody"), said)
    answer = Response(words + "\n", status, content_type="text/plain; charset=utf-8")
    answer.headers.update(
        {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        }
    )
    return answer(environ, start_response)

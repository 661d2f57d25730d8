"""Who sends slowly has no turn yet, so that all turns are there for the others."""

import io
import threading
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from queueapp.web.senders import Senders
from queueapp.web.turns import Turns


class Slow(io.RawIOBase):
    """A body that does not come before it is told to."""

    def __init__(self, may_come: threading.Event) -> None:
        self.may_come, self.waited_for = may_come, threading.Event()

    def read(self, size: int = -1) -> bytes:
        self.waited_for.set()
        assert self.may_come.wait(20)
        return b"x" * size


def reads(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that looks at the form."""
    return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]


def ask(app: Callable[..., Any], body: Any, length: int = 4) -> list[bytes]:
    environ = {"PATH_INFO": "/sign-in", "wsgi.input": body, "CONTENT_LENGTH": str(length)}
    return list(app(environ, lambda status, headers: None))


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_slow_body_takes_nobodys_turn(is_guarded: bool) -> None:
    turns = Turns(reads, at_once=1)
    app = Senders(turns, 100) if is_guarded else turns
    may_come, answered = threading.Event(), threading.Event()
    body = Slow(may_come)
    slow = threading.Thread(target=ask, args=(app, body), daemon=True)
    slow.start()
    assert body.waited_for.wait(20)

    def other() -> None:
        assert ask(app, io.BytesIO(b"abcd")) == [b"abcd"]
        answered.set()

    quick = threading.Thread(target=other, daemon=True)
    quick.start()
    # The control: without it one slow sender has the only turn.
    assert answered.wait(20 if is_guarded else 0.5) is is_guarded
    may_come.set()
    for one in (slow, quick):
        one.join(20)
    assert answered.is_set()


def test_a_body_that_is_too_late_is_let_go() -> None:
    class Never:
        def read(self, size: int) -> bytes:
            gevent.sleep(20)
            return b""

    told: list[str] = []
    app = Senders(reads, 100, within_s=0.05)
    environ = {
        "PATH_INFO": "/sign-in", "wsgi.input": Never(), "CONTENT_LENGTH": "4",
        "REQUEST_METHOD": "POST",
    }  # fmt: skip
    list(app(environ, lambda status, headers: told.append(status)))
    assert told[0].startswith("408")


def test_a_body_without_length_is_read_and_one_too_large_is_left_unread() -> None:
    app = Senders(lambda environ, _: [environ["wsgi.input"].read()], 10)
    chunked = {
        "PATH_INFO": "/",
        "wsgi.input": io.BytesIO(b"abc"),
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    assert list(app(chunked, None)) == [b"abc"]
    large = io.BytesIO(b"x" * 20)
    environ = {"wsgi.input": large, "CONTENT_LENGTH": "20"}
    Senders(lambda *_: [], 10)(environ, None)
    assert large.tell() == 0

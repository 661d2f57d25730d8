"""How many requests are worked on at once, and that live connections are not among them."""

import subprocess
import sys
import threading
from typing import Any

from queueapp.web.turns import Turns


class Busy:
    """A WSGI app whose answers come when they are let go; counts who is in it."""

    def __init__(self) -> None:
        self.arrived, self.let_go = threading.Semaphore(0), threading.Event()
        self.inside = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.inside += 1
        self.arrived.release()
        assert self.let_go.wait(10)
        self.inside -= 1
        return [b"done"]


def asked(app: Turns, path: str) -> threading.Thread:
    thread = threading.Thread(target=app, args=({"PATH_INFO": path}, None))
    thread.start()
    return thread


def test_who_comes_while_all_turns_are_taken_waits_but_a_live_screen_does_not() -> None:
    busy = Busy()
    app = Turns(busy, at_once=2)
    threads = [asked(app, "/desk/x") for _ in range(3)]
    assert busy.arrived.acquire(timeout=10)
    assert busy.arrived.acquire(timeout=10)
    threads.append(asked(app, "/socket.io/"))
    assert busy.arrived.acquire(timeout=10), "the screen is in at once"
    assert busy.inside == 3
    assert not busy.arrived.acquire(blocking=False), "the third request is not"
    busy.let_go.set()
    for thread in threads:
        thread.join(10)
    assert busy.arrived.acquire(timeout=10), "its turn came"
    assert busy.inside == 0


def test_whoever_asks_again_at_once_lets_the_others_go_first() -> None:
    """A greenlet that finds its next request there would go on for ever; so it gives way."""
    program = """
from gevent import monkey
monkey.patch_all()
import gevent
from queueapp.web.turns import Turns

order = []
app = Turns(lambda environ, _: order.append(environ["who"]) or [])

def ask(who, times):
    for _ in range(times):
        app({"PATH_INFO": "/api/v1/x", "who": who}, None)

gevent.joinall([gevent.spawn(ask, "a", 9), gevent.spawn(ask, "b", 1)])
print("".join(order))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "abaaaaaaaa", done.stderr

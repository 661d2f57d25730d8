"""Loading modules quickly: without looking for garbage, and not those that nobody will use."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def loading() -> Iterator[None]:
    """What is made inside is for good: the collector waits, and later leaves it out of its rounds.

    A fifth of a start otherwise, and then a tenth of a second in every full round of a process
    that serves.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@contextmanager
def as_if_missing(*names: str) -> Iterator[None]:
    """Inside, these modules are not found: what a library imports in case it is wanted."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # as `import` has it
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def load_app() -> Any:
    """The module `queueapp.app`, and with it all that a web process needs."""
    with loading():
        # For clients of Socket.IO and its own way of passing on, which a server has none of; they
        # take long to load, and Redis is loaded where it is set.
        with as_if_missing("aiohttp", "requests", "redis"):
            import flask_socketio  # noqa: F401
        import queueapp.app as app
    return app

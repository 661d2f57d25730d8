"""Loading modules quickly: without looking for garbage, and not those that nobody will use."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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

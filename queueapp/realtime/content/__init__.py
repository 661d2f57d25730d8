"""What each kind of channel says: one function per kind, each in a module of this package."""

import pkgutil
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Any

from sqlalchemy.orm import Session

from queueapp.db.models import Site

# (session, site, now, subject) -> content; `subject` is the id of a `room:` or `visit:` channel.
Render = Callable[[Session, Site, datetime, int | None], dict[str, Any]]
_renders: dict[str, Render] = {}
# (session, subjects): loads what all of them need, before each is rendered.
Load = Callable[[Session, list[int]], None]
_loads: dict[str, Load] = {}


def content(kind: str) -> Callable[[Render], Render]:
    """Register what the channels of `kind` say.

    The same facts must give equal content: no relative times, no tokens, nothing of one viewer.
    Empty content is not sent.
    """

    def register(render: Render) -> Render:
        if kind in _renders and _renders[kind] is not render:
            raise ValueError(f"two functions say what {kind} channels say")
        _renders[kind] = render
        return render

    return register


def together(kind: str) -> Callable[[Load], Load]:
    """Register what loads many channels of `kind` at once."""

    def register(load: Load) -> Load:
        _loads[kind] = load
        return load

    return register


def load_together(session: Session, kind: str, subjects: list[int]) -> None:
    """Load what the channels of `kind` about `subjects` will ask for."""
    if subjects and kind in _loads:
        _loads[kind](session, subjects)


def render_of(kind: str) -> Render | None:
    """The function registered for `kind`, if its screen is installed."""
    return _renders.get(kind)


def install() -> None:
    """Load every module of this package, so that each registers what it says."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")

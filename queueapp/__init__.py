"""queueapp: an appointment and walk-in queue manager for clinics."""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from queueapp.config import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """The web app, wired together; `settings` default to the environment's."""
    # Imported late: gevent must patch the standard library before Flask and the drivers load,
    # and the rules of `queueapp.domain` stay usable without any of them.
    from queueapp import logs
    from queueapp.loading import load_app, loading

    logs.configure()
    with loading():
        app = load_app().build(settings)
    # What is loaded by now stays: looking through all of it for garbage stops everything for a
    # tenth of a second.
    gc.collect()
    gc.freeze()
    return app

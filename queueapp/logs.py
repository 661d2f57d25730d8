"""Where log lines go: standard error, with the time and whose they are."""

import logging
import os


def configure() -> None:
    """Log at the level of `LOG_LEVEL` (default INFO), unless someone has set logging up already."""
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # Each session of a browser would be a line otherwise.
    for name in ("alembic", "engineio", "socketio", "geventwebsocket"):
        logging.getLogger(name).setLevel(logging.WARNING)

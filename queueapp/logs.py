"""Where log lines go: standard error, with the time and whose they are."""

import logging
import os
import time

# What would end a line or steer a terminal; a request's path may hold any of them.
_CONTROLS = {n: f"\\x{n:02x}" for n in (*range(32), 127)}


class OneLine(logging.Formatter):
    """A line per message with its instant in UTC; nothing in a message can begin another line."""

    converter = time.gmtime
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The message's line; a traceback follows it on lines of its own."""
        return super().formatMessage(record).translate(_CONTROLS)


def configure() -> None:
    """Log at the level of `LOG_LEVEL` (default INFO), unless someone has set logging up already."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO").upper(), handlers=[handler])
    # Each session of a browser would be a line otherwise.
    for name in ("alembic", "engineio", "socketio", "geventwebsocket"):
        logging.getLogger(name).setLevel(logging.WARNING)

"""The product's own wire without the product: sockets that are all told the same, again and again.

Gunicorn serves `create_app()` with `BENCH_PAYLOAD`, a file of what is said. It tells what the way
of a message costs by itself: no database, no rendering, no commands.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from flask import Flask
from flask_socketio import SocketIO, join_room

from queueapp.web.sockets import PING_INTERVAL_S, PING_TIMEOUT_S, async_mode
from queueapp.web.wire import Wire


def create_app() -> Flask:
    """The app; its worker is the only one that uses it."""
    app = Flask(__name__)
    sockets = SocketIO(
        app, async_mode=async_mode(), transports=["websocket"], ping_interval=PING_INTERVAL_S,
        ping_timeout=PING_TIMEOUT_S,
    )  # fmt: skip
    wire = Wire(sockets)
    said = Path(os.environ["BENCH_PAYLOAD"]).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(said[2:])[1]

    @sockets.on("connect")
    def connect(_auth: Any = None) -> None:
        join_room("all")

    @app.post("/say/<int:first>/<int:number>/<int:seconds>")
    def say(first: int, number: int, seconds: int) -> str:
        """Tell all of it so often in that time; `first` is the `seq` of the first."""
        began = time.monotonic()
        for n in range(number):
            time.sleep(max(0.0, began + n * seconds / number - time.monotonic()))
            wire.emit("update", {**content, "seq": first + n}, "all")
        return ""

    return app

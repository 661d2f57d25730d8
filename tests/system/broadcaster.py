"""An app of sockets alone, to be served by gunicorn under gevent: `POST /say/NUMBER/LETTERS` tells
the room of all so many updates of that many letters each, one after the other.

By the environment its Socket.IO lacks a part that the short way needs (`HIDE`), as another version
might, or nothing is bounded (`BOUNDLESS`).
"""

import os
from itertools import count
from typing import Any

from engineio.async_drivers import gevent as driver
from flask import Flask
from flask_socketio import SocketIO, join_room

from queueapp.realtime import outlet
from queueapp.web.wire import Wire

PING_S, PATIENCE_S = 1, 4
if os.environ.get("HIDE"):
    driver._async["queue"] = type("Queue", (driver._async["queue"],), {"empty": None})
if os.environ.get("BOUNDLESS"):
    outlet.MOST_HELD, outlet.LATE_S = 2**40, 1e9

app = Flask(__name__)
_sockets = SocketIO(
    app, async_mode="gevent", transports=["websocket"], ping_interval=PING_S,
    ping_timeout=600 if os.environ.get("BOUNDLESS") else PATIENCE_S,
)  # fmt: skip
_wire = Wire(_sockets)
_seq = count(1)


@_sockets.on("connect")
def _connect(_auth: Any = None) -> None:
    join_room("all")


@app.post("/say/<int:number>/<int:letters>")
def say(number: int, letters: int) -> dict[str, Any]:
    """Tell all of it; returns how, and how many bytes are kept for whoever does not take them."""
    for _ in range(number):
        update = {"channel": "line:all", "seq": next(_seq), "said": "\N{SNOWMAN}" * letters}
        _wire.emit("update", update, "all")
    return {"held": _wire.held(), "by_the_short_way": _wire.is_short}

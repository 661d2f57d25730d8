"""The way from a connection to its channels. Clients only listen: they command by HTTP POST."""

import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from flask_socketio import ConnectionRefusedError, SocketIO, join_room
from sqlalchemy.orm import Session

from queueapp.actions.access import identity_of_token, viewer_of
from queueapp.config import Settings
from queueapp.db.session import Database
from queueapp.domain.viewer import Viewer
from queueapp.realtime import channels, content
from queueapp.realtime.audience import Audience, Listener
from queueapp.realtime.publish import Publisher, beat_room
from queueapp.realtime.watch import Watch
from queueapp.web import gate, limits, security
from queueapp.web.websocket import LARGEST_MESSAGE
from queueapp.web.wire import Wire

if TYPE_CHECKING:
    from queueapp.realtime.pokes import Pokes

# A dead connection is noticed within their sum, on both sides; a slow one has the second to answer.
PING_INTERVAL_S = 3
PING_TIMEOUT_S = 5
_MOST_WANTED = 20


def async_mode() -> str:
    """`gevent` where it has patched the standard library, else `threading`; never by guessing."""
    monkey = sys.modules.get("gevent.monkey")
    return "gevent" if monkey and monkey.is_module_patched("socket") else "threading"


@dataclass(slots=True)
class Live:
    """The live channels of one process; the loops start with the first socket."""

    socketio: SocketIO
    publisher: Publisher
    watch: Watch
    pokes: "Pokes | None"
    _started: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Begin to serve, if it has not begun."""
        with self._lock:
            if self._started is None:
                self._started = threading.Thread(
                    target=self.publisher.run, name="publisher", daemon=True
                )
                self._started.start()
                threading.Thread(target=self.watch.run, name="watch", daemon=True).start()
                if self.pokes:
                    self.pokes.listen(self.publisher, self.watch.heard)

    def stop(self) -> None:
        """End the loops and wait for that of the screens."""
        self.publisher.stop()
        self.watch.stop()
        if self.pokes:
            self.pokes.stop()
        if self._started:
            self._started.join()


def register(app: Flask, settings: Settings, database: Database) -> None:
    """Open the live channels of the app; `app.extensions["queueapp.live"]` is their `Live`."""
    content.install()
    socketio = SocketIO(
        app,
        async_mode=async_mode(),
        transports=["websocket"],
        # A function, as an empty list would switch the check off. The gate asks before this does.
        cors_allowed_origins=lambda origin: origin in settings.origins,
        ping_interval=PING_INTERVAL_S,
        ping_timeout=PING_TIMEOUT_S,
        max_http_buffer_size=LARGEST_MESSAGE,
        manage_session=False,
    )
    audience, wire = Audience(), Wire(socketio)
    watch = Watch(database, audience, wire)
    database.on_access(watch.heard)
    pokes = None
    if settings.redis_url:
        from queueapp.realtime.pokes import Pokes
        from queueapp.realtime.seal import Seal

        pokes = Pokes(settings.redis_url, Seal(settings, Path(app.root_path, app.template_folder)))
        database.on_access(pokes.tell_access)
    publisher = Publisher(app, database, audience, wire, pokes)
    database.on_commit(publisher.committed)
    live = Live(socketio, publisher, watch, pokes)
    app.extensions["queueapp.live"] = live

    @socketio.on("connect")
    def connect(auth: Any = None) -> None:
        listener = _admit(database, auth)
        if not listener.channels:
            raise ConnectionRefusedError("no channel is open to you")
        for channel in listener.channels:
            join_room(channel.name)
            join_room(beat_room(channel.site_id))
        live.start()
        publisher.joined(listener)

    @socketio.on("disconnect")
    def disconnect(*_: Any) -> None:
        publisher.left(request.sid)  # type: ignore[attr-defined]


def _admit(database: Database, auth: Any) -> Listener:
    """Who connects, and the channels this page shows of those that are theirs."""
    said: dict[str, Any] = auth if isinstance(auth, dict) else {}
    with database.read() as session:
        if "token" in said:
            viewer = _program(session, said["token"])
        elif not gate.names_its_origin(request.environ):
            # Every browser says where its page is from; who does not is no browser of ours.
            raise ConnectionRefusedError("a page must say where it is from")
        else:
            viewer = viewer_of(session, security.cookies(), security.now())
        if not viewer.identities:
            raise ConnectionRefusedError("sign in first")
        may = channels.allowed(viewer, channels.load_grounds(session, viewer))
    want = said.get("want")
    if want is not None:
        want = [name for name in want if isinstance(name, str)] if isinstance(want, list) else []
        want = want[:_MOST_WANTED]
    return Listener(
        request.sid,  # type: ignore[attr-defined]
        tuple(channels.chosen(viewer, may, want)),
        tuple((one.credential, frozenset(one.grants)) for one in viewer.identities),
    )


def _program(session: Session, token: Any) -> Viewer:
    found = identity_of_token(session, token if isinstance(token, str) else "", security.now())
    if found is None and not limits.may_guess():
        raise ConnectionRefusedError("too many tries; wait a minute")
    return Viewer((found,)) if found else Viewer()

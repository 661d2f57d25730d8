"""From a committed change to what each screen gets: rendered once, sent only where it changed.

One loop per process does all of it, so a channel's updates leave in the order of their `seq`, and
a heartbeat only leaves when everything before it was rendered: a screen that says "live" is.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from flask import Flask, g
from sqlalchemy.orm import Session

from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.db.unit import Committed
from queueapp.realtime.audience import Audience, Listener
from queueapp.realtime.channels import Channel
from queueapp.realtime.content import load_together, render_of
from queueapp.realtime.touched import touched_since

log = logging.getLogger(__name__)

TICK_S = 1.0
# Changes that come closer together than this become one update; after a long round the gap is as
# long as the round was, so that under load no more than half of the time goes into rendering.
GAP_S = 0.02
# A longer round gives way now and then, so that pings do not wait for the whole of it. Rarely, as
# under load every request that waits comes first then, and the screens wait as long.
SLICE_S = 0.25
# Told first: what most people look at, and where a call is heard.
_FIRST = ("line", "lobby", "visit", "room")


_SITES = sa.select(Site.id, Site.slug, Site.seq).where(
    Site.id.in_(sa.bindparam("heard", expanding=True))
)


class Transport(Protocol):
    """How messages leave this process."""

    def emit(
        self,
        event: str,
        data: dict[str, Any],
        room: str | list[str],
        skip: list[str] | None = None,
    ) -> None:
        """Send to the local sockets of a room, or to some by their ids, but for those of `skip`."""


def stamp(instant: datetime) -> str:
    """An instant as scripts read it: UTC, milliseconds, `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def beat_room(site_id: int) -> str:
    """The Socket.IO room of everyone who hears a site's heartbeat."""
    return f"beat:{site_id}"


@dataclass(slots=True)
class _Said:
    """What a channel was last rendered as; `seq` is the newest it is true as of."""

    seq: int
    content: dict[str, Any]


class Publisher:
    """Renders the channels that this process's sockets listen to, and tells them."""

    def __init__(
        self,
        app: Flask,
        database: Database,
        audience: Audience,
        transport: Transport,
    ) -> None:
        self._app, self._database, self._audience = app, database, audience
        self._transport = transport
        self._base_url = app.extensions["queueapp.settings"].public_url
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._dirty: set[int] = set()
        self._rendered: dict[int, int] = {}
        self._said: dict[str, _Said] = {}
        self._said_at: dict[int, set[str]] = {}
        self._failing: set[str] = set()
        self._stopped = False

    def heard(self, site_id: int, seq: int) -> None:
        """Somebody says that the site is at `seq` now."""
        if seq > self._rendered.get(site_id, -1):
            with self._lock:
                self._dirty.add(site_id)
            self._wake.set()

    def committed(self, change: Committed) -> None:
        """A listener of `Database.on_commit`."""
        self.heard(change.site_id, change.seq)

    def joined(self, listener: Listener) -> None:
        """A socket has come; it is told what its channels say."""
        self._audience.add(listener)
        self._wake.set()

    def left(self, sid: str) -> None:
        """A socket has gone."""
        self._audience.remove(sid)

    def stop(self) -> None:
        """End the loop after its round."""
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        """Serve the channels until stopped; survives whatever a round raises."""
        tick_at = time.monotonic()
        is_well = True
        while not self._stopped:
            self._wake.wait(max(0.0, tick_at - time.monotonic()))
            self._wake.clear()
            started = time.monotonic()
            ticks = started >= tick_at
            try:
                self.round(ticks=ticks)
                is_well = True
            except Exception:
                # Without a heartbeat the screens say themselves that they are not live.
                if is_well:
                    log.exception("the live channels could not be served; trying again")
                is_well, ticks = False, True
            ended = time.monotonic()
            if ticks:
                tick_at = ended + TICK_S
            time.sleep(min(max(GAP_S, ended - started), TICK_S))

    def round(self, *, ticks: bool) -> None:
        """Tell newcomers, render what changed, and with `ticks` look for all changes and beat."""
        newcomers = self._audience.take_new()
        seqs = self._look() if ticks else {}
        with self._lock:
            dirty, self._dirty = self._dirty, set()
        sites = dirty | {c.site_id for one in newcomers for c in one.channels}
        try:
            for site_id in sorted(sites.intersection(self._audience.sites())):
                self._serve(site_id, newcomers)
        except Exception:
            with self._lock:
                self._dirty |= dirty
            for one in newcomers:
                self._audience.again(one)
            raise
        for site_id, (slug, seq) in seqs.items():
            self._beat(site_id, slug, seq)

    def _look(self) -> dict[int, tuple[str, int]]:
        heard = self._audience.sites()
        for site_id in self._said_at.keys() - heard:
            self._forget_unheard(site_id)
            del self._said_at[site_id]
            self._rendered.pop(site_id, None)
        if not heard:
            return {}
        with self._database.read() as session:
            rows = session.connection().execute(_SITES, {"heard": heard}).all()
        for site_id, _, seq in rows:
            if seq > self._rendered.get(site_id, -1):
                self._dirty.add(site_id)
        return {site_id: (slug, seq) for site_id, slug, seq in rows}

    def _serve(self, site_id: int, newcomers: list[Listener]) -> None:
        channels = self._audience.of_site(site_id)
        self._forget_unheard(site_id)
        with self._database.read() as session, self._rendering():
            site = session.get(Site, site_id)
            if site is None:
                return
            now = datetime.now(UTC)
            touched = touched_since(session, site.id, self._rendered.get(site_id))
            due = sorted((c for c in channels if self._is_due(c, site, touched)), key=_turn)
            visits = [c.subject for c in due if c.kind == "visit" and c.subject is not None]
            sent, gave_way_at = set(), time.monotonic()
            for channel in due:
                if channel.kind == "visit" and visits:
                    load_together(session, "visit", visits)
                    visits = []
                if self._say(session, site, channel, now):
                    sent.add(channel.name)
                if time.monotonic() - gave_way_at > SLICE_S:
                    time.sleep(0)
                    gave_way_at = time.monotonic()
            self._rendered[site_id] = site.seq
        self._tell_newcomers(site_id, newcomers, sent)

    def _tell_newcomers(self, site_id: int, newcomers: list[Listener], sent: set[str]) -> None:
        """What the channels said before: made once for all who came together."""
        untold: dict[str, list[str]] = {}
        for one in newcomers:
            for channel in one.channels:
                if channel.site_id == site_id and channel.name not in sent:
                    untold.setdefault(channel.name, []).append(one.sid)
        for name, sids in untold.items():
            if said := self._said.get(name):
                self._send(name, said, sids[0] if len(sids) == 1 else sids)

    def _is_due(self, channel: Channel, site: Site, touched: set[int] | None) -> bool:
        """Whether the channel may say something else than it did."""
        said = self._said.get(channel.name)
        if render_of(channel.kind) is None or (said and said.seq >= site.seq):
            return False
        # A phone's own channel speaks only when its visit changed: a thousand need no rendering.
        is_untouched = touched is not None and channel.subject not in touched
        is_well = channel.name not in self._failing
        if said and is_well and channel.kind == "visit" and is_untouched:
            said.seq = site.seq
            return False
        return True

    def _say(self, session: Session, site: Site, channel: Channel, now: datetime) -> bool:
        """Bring the channel up to the snapshot; whether that was sent to all who listen."""
        said = self._said.get(channel.name)
        render = render_of(channel.kind)
        assert render
        is_well = channel.name not in self._failing
        try:
            content = render(session, site, now, channel.subject)
        except Exception:
            if is_well:
                log.exception("%s could not be rendered; its screens are not live", channel.name)
            self._failing.add(channel.name)
            with self._lock:
                self._dirty.add(site.id)
            return False
        self._failing.discard(channel.name)
        fresh = _Said(site.seq, content)
        changed = said is None or said.content != content
        self._said[channel.name] = fresh
        self._said_at.setdefault(site.id, set()).add(channel.name)
        if changed:
            self._send(channel.name, fresh, channel.name)
        return changed

    def _send(self, name: str, said: _Said, room: str | list[str]) -> None:
        if said.content:
            head = {"channel": name, "seq": said.seq, "sent_at": stamp(datetime.now(UTC))}
            self._transport.emit("update", {**head, **said.content}, room)

    def _beat(self, site_id: int, slug: str, seq: int) -> None:
        at = stamp(datetime.now(UTC))
        skip = self._audience.members(self._failing)
        self._transport.emit(
            "heartbeat", {"site": slug, "seq": seq, "at": at}, beat_room(site_id), skip
        )

    def _forget_unheard(self, site_id: int) -> None:
        said_at = self._said_at.get(site_id, set())
        for name in [name for name in said_at if not self._audience.has(name)]:
            said_at.discard(name)
            self._said.pop(name, None)
            self._failing.discard(name)

    @contextmanager
    def _rendering(self) -> Iterator[None]:
        """A Flask context in which the pages' own partials can be rendered."""
        with self._app.test_request_context("/", base_url=self._base_url):
            g.is_live = True
            yield


def _turn(channel: Channel) -> int:
    return _FIRST.index(channel.kind) if channel.kind in _FIRST else len(_FIRST)

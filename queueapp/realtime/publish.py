"""From a committed change to what each screen gets: rendered once, sent only where it changed.

One loop per process does all of it, so a channel's updates leave in the order of their `seq`, and
a heartbeat only leaves when everything before it was rendered: a screen that says "live" is.
"""

import logging
import threading
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Protocol

import sqlalchemy as sa
from flask import Flask

from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.db.unit import Committed
from queueapp.realtime.audience import Audience, Listener
from queueapp.realtime.channels import Channel
from queueapp.realtime.content import render_of
from queueapp.realtime.peers import Peers
from queueapp.realtime.render import Renderer
from queueapp.realtime.told import Said, Told, Transport, stamp

log = logging.getLogger(__name__)

TICK_S = 1.0
# Changes that come closer together than this become one update; after a long round the gap is as
# long as the round was, so that under load no more than half of the time goes into rendering.
GAP_S = 0.02

_SITES = sa.select(Site.id, Site.slug, Site.seq).where(
    Site.id.in_(sa.bindparam("heard", expanding=True))
)
_NOTHING: tuple[int, frozenset[str]] = (-1, frozenset())


def beat_room(site_id: int) -> str:
    """The Socket.IO room of everyone who hears a site's heartbeat."""
    return f"beat:{site_id}"


class Voice(Protocol):
    """How other processes are told; never waits nor raises. `me` is this process's name there."""

    me: str

    def tell(self, change: Committed, names: Collection[str]) -> None:
        """A site changed, and `names` are about to be said from here."""

    def say(self, site_id: int, name: str, said: Said | None) -> bool:
        """What a channel says, for their screens; None: this process does not say it any more.

        Whether there may be any that wait for it.
        """


class Publisher:
    """Renders the channels that this process's sockets listen to, and tells them.

    With a `voice`, what the speaker of a site renders is told to other processes (see `peers`).
    """

    def __init__(
        self,
        app: Flask,
        database: Database,
        audience: Audience,
        transport: Transport,
        voice: Voice | None = None,
    ) -> None:
        self._database, self._audience = database, audience
        self._transport, self._voice = transport, voice
        self._told, self._peers = Told(transport), Peers(voice.me if voice else "")
        self._renderer = Renderer(app, database, self._told)
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._dirty: set[int] = set()
        # By site: the newest seq heard of; what is promised from here, as of which seq; and the
        # beat that waits to be true.
        self._newest: dict[int, int] = {}
        self._promised: dict[int, tuple[int, frozenset[str]]] = {}
        self._beats: dict[int, tuple[str, int]] = {}
        self._stopped = False

    def heard(self, site_id: int, seq: int) -> None:
        """Somebody says that the site is at `seq` now."""
        if self._is_news(site_id, seq):
            self._wake.set()

    def committed(self, change: Committed) -> None:
        """A listener of `Database.on_commit`."""
        if self._voice:
            names = self._behind(change.site_id, change.seq) - self._renderer.failing
            if names:
                self._promised[change.site_id] = (change.seq, names)
                self._peers.promised(change.site_id, self._peers.me)
            self._voice.tell(change, names)
        self.heard(change.site_id, change.seq)

    def changed(self, site_id: int, seq: int, who: str, names: Collection[str]) -> None:
        """Of `Ears`: another process has changed the site, or this one hears its own promise."""
        if who:
            self._peers.promised(site_id, who, names)
        if who != self._peers.me:
            _, mine = self._promised.get(site_id, _NOTHING)
            self._peers.expect(site_id, seq, self._behind(site_id, seq, told=True) - mine)
            self._is_news(site_id, seq)
            self._wake.set()

    def passed_on(self, site_id: int, name: str, said: Said | None) -> None:
        """Of `Ears`: what another has rendered is told as it is, if it is news here."""
        if not self._audience.has(name):
            return
        if said is None:
            self._peers.withdrawn(site_id, name)
            self._again({site_id})
            return
        self._told.tell(site_id, name, said)
        self._peers.said(site_id, name, said.seq)
        self._renderer.failing.discard(name)
        if self._newest.get(site_id, -1) > said.seq and not self._peers.expects(site_id, name):
            self._again({site_id})
        elif site_id in self._beats:
            self._wake.set()

    def lost(self) -> None:
        """Of `Ears`: what others promised will not be heard."""
        self._again(self._peers.lost())

    def listened_to(self) -> list[str]:
        """Of `Ears`: a phone's own channel is at one process alone, the others may be at many."""
        return [c.name for site_id in self._audience.sites() for c in self._shared(site_id)]

    def joined(self, listener: Listener) -> None:
        """A socket has come; it is told what its channels say."""
        self._audience.add(listener)
        self._wake.set()

    def left(self, sid: str) -> None:
        """A socket has gone."""
        for channel in self._audience.remove(sid):
            # As of a desk that loads its page anew after a command: others wait for it from here.
            if self._voice and channel.kind != "visit" and self._peers.speaks(channel.site_id):
                self._voice.say(channel.site_id, channel.name, None)

    def stop(self) -> None:
        """End the loop after its round."""
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        """Serve the channels until stopped; survives whatever a round raises."""
        tick_at = time.monotonic()
        is_well = True
        while not self._stopped:
            wake_at = min(tick_at, self._peers.due_at())
            self._wake.wait(max(0.0, wake_at - time.monotonic()))
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
        if ticks:
            self._look()
        newcomers, late = self._audience.take_new(), self._peers.give_up()
        with self._lock:
            dirty, self._dirty = self._dirty | late, set()
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
        for site_id, (slug, seq) in list(self._beats.items()):
            if self._is_true(site_id, seq):
                del self._beats[site_id]
                self._beat(site_id, slug, seq)

    def _look(self) -> None:
        heard = self._audience.sites()
        for site_id in {*self._told.sites(), *self._newest}.difference(heard):
            self._forget_unheard(site_id)
            self._renderer.forget(site_id)
            for known in (self._newest, self._promised, self._beats):
                known.pop(site_id, None)
        if not heard:
            return
        with self._database.read() as session:
            rows = session.connection().execute(_SITES, {"heard": heard}).all()
        for site_id, slug, seq in rows:
            self._is_news(site_id, seq)
            # One that still waits says less, and can sooner be true.
            self._beats.setdefault(site_id, (slug, seq))

    def _serve(self, site_id: int, newcomers: list[Listener]) -> None:
        self._forget_unheard(site_id)
        mine = [c for c in self._audience.of_site(site_id) if not self._waits_for(c)]
        sent: set[str] = set()
        if mine:
            sent = self._renderer.bring_up(site_id, mine, self._pass_on)
            with self._lock:
                promised = self._promised.get(site_id)
                if promised and self._renderer.looked(site_id) >= promised[0]:
                    del self._promised[site_id]
                if not self._renderer.failing.isdisjoint(c.name for c in mine):
                    self._dirty.add(site_id)
        self._tell_newcomers(site_id, newcomers, sent)

    def _pass_on(self, site_id: int, name: str, said: Said) -> bool:
        if self._voice and (site_id in self._promised or self._peers.speaks(site_id)):
            return self._voice.say(site_id, name, said)
        return False

    def _waits_for(self, channel: Channel) -> bool:
        """Whether another process is about to say it, to screens that have something meanwhile."""
        name, site_id = channel.name, channel.site_id
        if name in self._promised.get(site_id, _NOTHING)[1] or self._told.seq_of(name) is None:
            return False
        return self._peers.expects(site_id, name)

    def _tell_newcomers(self, site_id: int, newcomers: list[Listener], sent: set[str]) -> None:
        """What the channels said before: made once for all who came together."""
        untold: dict[str, list[str]] = {}
        for one in newcomers:
            for channel in one.channels:
                if channel.site_id == site_id and channel.name not in sent:
                    untold.setdefault(channel.name, []).append(one.sid)
        for name, sids in untold.items():
            self._told.repeat(name, sids)

    def _shared(self, site_id: int) -> list[Channel]:
        """The site's channels that are listened to here and may be at other processes too."""
        return [c for c in self._audience.shared_of(site_id) if render_of(c.kind)]

    def _behind(self, site_id: int, seq: int, *, told: bool = False) -> frozenset[str]:
        """Those of them that do not say yet what is so as of `seq`; `told`: but something."""
        as_of = {c.name: self._told.seq_of(c.name) for c in self._shared(site_id)}
        return frozenset(n for n, at in as_of.items() if (not told if at is None else at < seq))

    def _is_news(self, site_id: int, seq: int) -> bool:
        with self._lock:
            if seq <= self._newest.get(site_id, -1):
                return False
            self._newest[site_id] = seq
            self._dirty.add(site_id)
            return True

    def _again(self, sites: set[int]) -> None:
        if sites:
            with self._lock:
                self._dirty |= sites
            self._wake.set()

    def _is_true(self, site_id: int, seq: int) -> bool:
        """Whether everything up to `seq` was said here, but on channels that fail."""
        if self._audience.has_phones(site_id) and self._renderer.looked(site_id) < seq:
            return False
        return self._behind(site_id, seq) <= self._renderer.failing

    def _beat(self, site_id: int, slug: str, seq: int) -> None:
        at = stamp(datetime.now(UTC))
        skip = self._audience.members(self._renderer.failing)
        self._transport.emit(
            "heartbeat", {"site": slug, "seq": seq, "at": at}, beat_room(site_id), skip
        )

    def _forget_unheard(self, site_id: int) -> None:
        gone = self._told.forget_unheard(site_id, self._audience.has)
        self._renderer.failing.difference_update(gone)

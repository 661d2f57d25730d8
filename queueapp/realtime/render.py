"""Brings the channels of a site up to one snapshot of the database; only what changed is sent."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flask import Flask, g
from sqlalchemy.orm import Session

from queueapp.db.models import Site
from queueapp.db.session import Database
from queueapp.realtime.channels import Channel
from queueapp.realtime.content import load_together, render_of
from queueapp.realtime.told import Said, Told
from queueapp.realtime.touched import touched_since

log = logging.getLogger(__name__)

# A longer round gives way now and then, so that pings do not wait for the whole of it. Rarely, as
# under load every request that waits comes first then, and the screens wait as long.
SLICE_S = 0.25
# Told first: what most people look at, and where a call is heard.
_FIRST = ("line", "lobby", "visit", "room")

# (site id, channel, what it says): for whoever else is to hear of it; whether somebody may.
PassOn = Callable[[int, str, Said], bool]


class Renderer:
    """Renders channels and tells them; for one thread."""

    def __init__(self, app: Flask, database: Database, told: Told) -> None:
        self._app, self._database, self._told = app, database, told
        self._base_url = app.extensions["queueapp.settings"].public_url
        # By site, the seq as of which the phones' own channels were looked through.
        self._looked: dict[int, int] = {}
        self.failing: set[str] = set()

    def looked(self, site_id: int) -> int:
        """As of which seq the site was last read here; -1 for never."""
        return self._looked.get(site_id, -1)

    def forget(self, site_id: int) -> None:
        """Nobody listens to the site any more."""
        self._looked.pop(site_id, None)

    def bring_up(self, site_id: int, channels: Collection[Channel], pass_on: PassOn) -> set[str]:
        """Render what may have changed; the names of those that all listeners were told of.

        What is rendered goes to `pass_on` too, but for the phones' own.
        """
        with self._database.read() as session, self._rendering():
            site = session.get(Site, site_id)
            if site is None:
                return set()
            now = datetime.now(UTC)
            touched = touched_since(session, site.id, self._looked.get(site_id))
            due = sorted((c for c in channels if self._is_due(c, site, touched)), key=_turn)
            visits = [c.subject for c in due if c.kind == "visit" and c.subject is not None]
            sent, gave_way_at = set(), time.monotonic()
            for channel in due:
                if channel.kind == "visit" and visits:
                    load_together(session, "visit", visits)
                    visits = []
                said, is_awaited = self._said(session, site, channel, now), False
                if said:
                    if self._told.tell(site.id, channel.name, said):
                        sent.add(channel.name)
                    is_awaited = channel.kind != "visit" and pass_on(site.id, channel.name, said)
                # What is awaited elsewhere leaves before the next is rendered.
                if is_awaited or time.monotonic() - gave_way_at > SLICE_S:
                    time.sleep(0)
                    gave_way_at = time.monotonic()
            self._looked[site_id] = site.seq
        return sent

    def _is_due(self, channel: Channel, site: Site, touched: set[int] | None) -> bool:
        """Whether the channel may say something else than it did."""
        seq = self._told.seq_of(channel.name)
        if render_of(channel.kind) is None or (seq is not None and seq >= site.seq):
            return False
        # A phone's own channel speaks only when its visit changed: a thousand need no rendering.
        is_untouched = touched is not None and channel.subject not in touched
        is_well = channel.name not in self.failing
        if seq is not None and is_well and channel.kind == "visit" and is_untouched:
            self._told.still(channel.name, site.seq)
            return False
        return True

    def _said(self, session: Session, site: Site, channel: Channel, now: datetime) -> Said | None:
        render = render_of(channel.kind)
        assert render
        try:
            content = render(session, site, now, channel.subject)
        except Exception:
            if channel.name not in self.failing:
                log.exception("%s could not be rendered; its screens are not live", channel.name)
            self.failing.add(channel.name)
            return None
        self.failing.discard(channel.name)
        return Said(site.seq, content)

    @contextmanager
    def _rendering(self) -> Iterator[None]:
        """A Flask context in which the pages' own partials can be rendered."""
        with self._app.test_request_context("/", base_url=self._base_url):
            g.is_live = True
            yield


def _turn(channel: Channel) -> int:
    return _FIRST.index(channel.kind) if channel.kind in _FIRST else len(_FIRST)

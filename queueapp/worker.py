"""The background worker: forecasts where something changed, the sweep, housekeeping.

It holds a lease in the database, so that of all that run exactly one works.
"""

import logging
import math
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from queueapp.actions import day, leases
from queueapp.actions.forecasting import Forecaster
from queueapp.clocks import ClockWatch
from queueapp.config import Settings
from queueapp.db.faults import in_words
from queueapp.db.models import Site
from queueapp.db.queries.forecasts import sites_to_forecast
from queueapp.db.session import Database
from queueapp.domain.actor import SYSTEM
from queueapp.notifications import bookings
from queueapp.web import idempotency

log = logging.getLogger(__name__)

LEASE = "work"
LEASE_LASTS = timedelta(seconds=12)
RENEW_S = 3.0
LOOK_S = 0.4
SWEEP_S = 5.0
HOUSEKEEPING_S = 3600.0
# A site's forecasts come at most twice a second, and a broken one does not take the others' time.
FORECAST_GAP_S = 0.5
AFTER_FAILURE_S = 10.0
STALE_AFTER = timedelta(seconds=20)
# Learning from years of history is slow; a database that is gone must be noticed all the same.
_PATIENCE_S = 120.0


class Worker:
    """One worker process's work on `database`; `clock` gives now, `ticking` monotonic seconds.

    `public_url` is where people reach the clinic, for what its messages say.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticking: Callable[[], float] = time.monotonic,
        public_url: str = "",
    ) -> None:
        self._database, self._clock, self._ticking = database, clock, ticking
        self._public_url = public_url
        self.holder = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._forecaster = Forecaster(database)
        self._not_before: dict[int, float] = {}
        self._clocks = ClockWatch(clock, ticking)
        self._holds_until = self._renew_at = self._messages_at = self._tidy_at = 0.0
        self._swept: dict[int, float] = {}
        self._is_well = True

    def step(self) -> list[int]:
        """Do what is due, if the lease is ours; the sites that were forecast."""
        self._clocks.look()
        if not self._has_lease():
            return []
        self._sweep()
        if self._ticking() >= self._messages_at:
            self._messages_at = self._ticking() + SWEEP_S
            self._write_messages()
        if self._ticking() >= self._tidy_at:
            self._tidy_at = self._ticking() + HOUSEKEEPING_S
            with self._database.write() as session:
                idempotency.sweep(session, self._clock())
        with self._database.read() as session:
            due = sites_to_forecast(session, self._clock(), STALE_AFTER)
        done = []
        for site_id in due:
            if self._ticking() < self._not_before.get(site_id, 0.0):
                continue
            if not self._has_lease():
                break
            if self._forecast(site_id):
                done.append(site_id)
        return done

    def release(self) -> None:
        """Let another worker take over at once."""
        with self._database.write() as session:
            leases.release(session, self._clock(), name=LEASE, holder=self.holder)
        self._renew_at = self._holds_until = 0.0

    def run(self, is_over: Callable[[float], bool]) -> None:
        """Work until `is_over(seconds to wait)`; survives whatever a step raises."""
        while True:
            try:
                self.step()
                self._is_well = True
            except Exception as error:
                if self._is_well:
                    _failed("the worker could not work; trying again", error)
                self._is_well = False
            if is_over(LOOK_S):
                break
        self.release()

    def _has_lease(self) -> bool:
        """Renew the lease in good time; work only where it surely is ours."""
        started = self._ticking()
        if started >= self._renew_at:
            with self._database.write() as session:
                held = leases.hold(
                    session, self._clock(), name=LEASE, holder=self.holder, lasts=LEASE_LASTS
                )
            self._renew_at = started + RENEW_S
            self._holds_until = started + LEASE_LASTS.total_seconds() if held else 0.0
        return self._ticking() < self._holds_until

    def _forecast(self, site_id: int) -> bool:
        started = self._ticking()
        try:
            self._forecaster.refresh(site_id, self._clock())
        except Exception as error:
            _failed(f"site {site_id} could not be forecast; next try in a while", error)
            self._not_before[site_id] = started + AFTER_FAILURE_S
            return False
        self._not_before[site_id] = started + FORECAST_GAP_S
        return True

    def _sweep(self) -> None:
        """Sweep where there is something to do; each site is looked at once in a while.

        Many sites are not looked at together: somebody waits for the forecasts in between.
        """
        with self._database.read() as session:
            sites = session.scalars(sa.select(Site.id).order_by(Site.id)).all()
        waiting = [n for n in sites if self._ticking() >= self._swept.get(n, -math.inf) + SWEEP_S]
        share = max(1, math.ceil(len(sites) * LOOK_S / SWEEP_S))
        for site_id in sorted(waiting, key=lambda n: self._swept.get(n, -math.inf))[: 2 * share]:
            self._swept[site_id] = self._ticking()
            try:
                with self._database.read() as session:
                    site = session.get_one(Site, site_id)
                    if not day.is_due(session, self._clock(), site=site):
                        continue
                with self._database.write() as session:
                    day.sweep(session, SYSTEM, self._clock(), site_id=site_id)
            except Exception as error:
                _failed(f"site {site_id} could not be swept", error)

    def _write_messages(self) -> None:
        try:
            with self._database.read() as session:
                is_pending = bookings.is_pending(session)
            if is_pending:
                with self._database.write() as session:
                    bookings.compose_pending(session, self._clock(), self._public_url)
        except Exception as error:
            _failed("messages could not be written; next try in a while", error)


def _failed(what: str, error: Exception) -> None:
    """Say it in the log: what ails the database in a line, a mistake of ours with its traceback."""
    if words := in_words(error):
        log.error("%s. %s", what, words)
    else:
        log.error("%s", what, exc_info=error)


def run(settings: Settings) -> None:
    """Work until told to stop, or until the process that started this one is gone."""
    over = threading.Event()

    def stop(*_: Any) -> None:
        over.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    parent = os.getppid()
    database = Database(settings.database_url, secret=settings.secret_key, patience_s=_PATIENCE_S)
    if settings.redis_url:
        from queueapp.realtime.pokes import Pokes

        database.on_commit(Pokes(settings.redis_url).tell)
    worker = Worker(database, public_url=settings.public_url)
    worker.run(lambda seconds: over.wait(seconds) or os.getppid() != parent)
    database.dispose()

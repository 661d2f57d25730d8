"""Refreshing a site's forecast: read one snapshot, compute outside any transaction, store."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from queueapp.actions import learning
from queueapp.actions.intake import closes_at
from queueapp.actions.keeping import Keeping
from queueapp.actions.lessons import Lessons
from queueapp.actions.promises import store_forecast
from queueapp.actions.revisions import revise, slipped
from queueapp.db.models import Site
from queueapp.db.queries.history import Known
from queueapp.db.queries.snapshot import load_snapshot
from queueapp.db.session import Database
from queueapp.db.unit import lock_site
from queueapp.waits.corrected import corrected
from queueapp.waits.durations import Durations
from queueapp.waits.forecast import forecast
from queueapp.waits.kept import kept

_KEEP = timedelta(hours=1)
_DRAWS = 500


@dataclass(slots=True)
class Forecaster:
    """Forecasts of many sites; what history taught is kept for an hour per site."""

    database: Database
    lessons: Lessons = field(default_factory=Lessons)
    keeping: Keeping = field(default_factory=Keeping)
    _learned: dict[int, tuple[datetime, Known, Durations]] = field(default_factory=dict)

    def refresh(self, site_id: int, now: datetime) -> None:
        """Compute and store the site's forecast as of `now`, and revise promises by it.

        The seed is the site's own, so that a range only moves when something has happened.
        """
        known, durations = self._known(site_id, now)
        with self.database.read() as session:
            site = session.get_one(Site, site_id)
            snapshot = load_snapshot(session, site, now, known, closes_at(session, site, now))
            lesson = self.lessons.for_now(session, site, now)
            calibrator = self.keeping.for_now(session, site, now, lesson[0] if lesson else None)
        made = forecast(snapshot, durations, draws=_DRAWS, seed=site_id)
        if lesson is not None:
            made = corrected(made, snapshot, *lesson)
        made = kept(made, snapshot, calibrator)
        # Looked for before: while something is written on SQLite, nobody else writes.
        with self.database.read() as session:
            slipping = [entry.id for entry, *_ in slipped(session, site_id, made)]
        with self.database.write() as session:
            site = lock_site(session, site_id)
            store_forecast(session, now, site=site, made=made)
            if slipping:
                revise(session, now, site=site, made=made, among=slipping)

    def forget(self, site_id: int) -> None:
        """Learn this site anew next time, because its services or history were changed."""
        self._learned.pop(site_id, None)

    def _known(self, site_id: int, now: datetime) -> tuple[Known, Durations]:
        held = self._learned.get(site_id)
        if held is not None and now - held[0] < _KEEP:
            return held[1], held[2]
        with self.database.read() as session:
            known, durations = learning.learn_site(session, session.get_one(Site, site_id), now)
        with self.database.write() as session:
            learning.store_learned(
                session, now, site_id=site_id, habits=known.habits, durations=durations
            )
        self._learned[site_id] = (now, known, durations)
        return known, durations

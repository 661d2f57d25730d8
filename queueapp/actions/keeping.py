"""How far the ends of each site's ranges are to be moved, by how its promises came out."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from queueapp.db.models import Site
from queueapp.db.queries.outcomes import load_waits
from queueapp.waits.calibration import Calibrator, practised
from queueapp.waits.corrected import Taught

_HISTORY = timedelta(days=60)


@dataclass(slots=True)
class Keeping:
    """What outcomes teach, per site: those before today once a day, today's anew each time.

    So a call that was undone teaches nothing, and a worker just started says what the one before
    it would have said.
    """

    _before: dict[int, tuple[date, Calibrator]] = field(default_factory=dict)

    def for_now(
        self, session: Session, site: Site, now: datetime, taught: Taught | None
    ) -> Calibrator:
        """By all that came out by `now`; with a lesson, by what it practised on and came since."""
        today = site.day_at(now)
        start = site.span_of(today).start
        held = self._before.get(site.id)
        if held is None or held[0] != today:
            past = load_waits(session, site, start - _HISTORY, start)
            held = today, practised(past, start.timestamp())
            self._before[site.id] = held
        known, since = held[1], start
        if taught is not None:
            # Its ranges are others than those of before it, but "now" is said by the simulation.
            known = taught.calibrator.with_now_of(known)
            since = max(start, datetime.fromtimestamp(taught.until, now.tzinfo))
        return practised(load_waits(session, site, since, now), now.timestamp(), known)

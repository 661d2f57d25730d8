"""What each site's history taught, learned once a day beside the forecasts, never before one."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from queueapp.db.models import Site
from queueapp.db.queries.passages import load_passages
from queueapp.domain.localtime import parse_zone, service_day
from queueapp.domain.passages import Passage
from queueapp.domain.visit import EntryClass
from queueapp.waits.corrected import ENOUGH, Taught

log = logging.getLogger(__name__)

_HISTORY = timedelta(days=60)
# An entry of before may still wait or be in care when the lesson ends.
_OVERLAP = timedelta(hours=12)
# The simulation knows bookings and what they are for, this record does not: on made-up days with
# half of the people booked the simulation's point was better by a quarter.
_MOST_BOOKED = 0.1
# A worker just started forecasts plainly first: learning takes seconds of a processor.
_FIRST_AFTER = timedelta(seconds=60)


@dataclass(slots=True)
class _Site:
    first_seen: datetime
    learned_on: date | None = None
    taught: Taught | None = None


@dataclass(slots=True)
class Lessons:
    """The lessons of many sites, kept in memory; each is learned in a thread of its own.

    `beside` runs the learning: a thread unless told otherwise.
    """

    beside: Callable[[Callable[[], None]], None] = field(default_factory=lambda: _thread)
    first_after: timedelta = _FIRST_AFTER
    _sites: dict[int, _Site] = field(default_factory=dict)

    def for_now(
        self, session: Session, site: Site, now: datetime
    ) -> tuple[Taught, list[Passage]] | None:
        """The newest lesson and the passages since; None while history is too short.

        Starts the day's lesson where it is due, and does not wait for it.
        """
        held = self._sites.setdefault(site.id, _Site(now))
        today = service_day(site.timezone, now, site.rules.day_starts_at)
        if held.learned_on != today and now - held.first_seen >= self.first_after:
            held.learned_on = today
            self._learn(held, site, now, load_passages(session, site, now - _HISTORY, now))
        taught = held.taught
        if taught is None:
            return None
        since = datetime.fromtimestamp(taught.until, now.tzinfo) - _OVERLAP
        return taught, load_passages(session, site, since, now)

    def _learn(self, held: _Site, site: Site, now: datetime, passages: list[Passage]) -> None:
        zone, seed = parse_zone(site.timezone), site.id

        def learn() -> None:
            # Brings a large library, which the forecasts of small clinics never need.
            from queueapp.waits import teaching

            try:
                held.taught = teaching.teach(passages, zone, now.timestamp(), seed=seed)
            except Exception:
                log.exception("site %s could not be learned from; next try tomorrow", seed)

        booked = sum(p.entry_class == EntryClass.BOOKED for p in passages)
        if sum(p.counts for p in passages) >= ENOUGH and booked <= _MOST_BOOKED * len(passages):
            self.beside(learn)
        else:
            held.taught = None


def _thread(work: Callable[[], None]) -> None:
    # It holds nothing that the end of the process could hurt.
    threading.Thread(target=work, name="lesson", daemon=True).start()

"""Ticket codes for visits of past days."""

from collections import defaultdict
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from queueapp.actions.tickets import code_of
from queueapp.db.models import Site, TicketCounter, Visit


class Tickets:
    """Gives each visit the code asked for where its day has it free, else the next free one."""

    def __init__(self, session: Session, site: Site) -> None:
        self._session = session
        self._site_id = site.id
        self._taken: dict[date, set[str]] = defaultdict(set)
        found = session.execute(sa.select(Visit.day, Visit.ticket).where(Visit.site_id == site.id))
        for day, ticket in found:
            self._taken[day].add(ticket)
        self._given: dict[date, int] = {}
        self._changed: set[date] = set()

    def give(self, day: date, wanted: str = "") -> str:
        """A code that no visit of the day has."""
        taken = self._taken[day]
        self._changed.add(day)
        if wanted and wanted not in taken:
            taken.add(wanted)
            return wanted
        n = self._given.get(day, 0)
        while (code := code_of(n)) in taken:
            n += 1
        self._given[day] = n + 1
        taken.add(code)
        return code

    def remember(self) -> None:
        """Let the day's counter go on after all codes of its own kind that are taken now."""
        for day in self._changed:
            taken, given = set(self._taken[day]), 0
            ours = (n for n in range(20_000) if code_of(n) in taken)
            left = len(taken)
            for n in ours:
                given, left = n + 1, left - 1
                if left == 0:
                    break
            counter = self._session.get(TicketCounter, (self._site_id, day))
            if counter is None:
                counter = TicketCounter(site_id=self._site_id, day=day, given=0)
                self._session.add(counter)
            counter.given = max(counter.given, given)
        self._session.flush()

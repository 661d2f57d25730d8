"""What was sent and answered during a replay, and what must hold of it.

Times are seconds of one monotonic clock. An entry counts as touched from the moment the first
request that changes it was sent, so one with a request in flight is never held against a call.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

FINAL = frozenset(
    {"finished", "left_without_being_seen", "transferred", "not_reached", "cancelled"}
)


@dataclass(slots=True)
class Taken:
    """An acknowledged entry; `touched_at` is when a request that ended its wait was first sent."""

    entry_id: int
    ticket: str
    service: str
    due_by: datetime
    acked_at: float
    touched_at: float | None = None
    state: str = "waiting"

    def touch(self, sent_at: float) -> None:
        """A request that ends the wait was sent."""
        if self.touched_at is None or sent_at < self.touched_at:
            self.touched_at = sent_at


@dataclass(frozen=True, slots=True)
class Summons:
    """A call-next and the entry it answered with."""

    sent_at: float
    answered_at: float
    clinician: str
    entry_id: int
    ticket: str


@dataclass(slots=True)
class Ledger:
    """All acknowledged entries and calls. `skills` are services (slugs) by clinician."""

    skills: Mapping[str, Collection[str]]
    taken: dict[int, Taken] = field(default_factory=dict)
    calls: list[Summons] = field(default_factory=list)
    twice: int = 0

    def acknowledge(self, entry: Taken) -> None:
        """A ticket was given. The same id or ticket again counts as duplicated.

        With several processes its call may be answered before the ticket itself.
        """
        tickets = {t.ticket for t in self.taken.values()}
        self.twice += entry.entry_id in self.taken or entry.ticket in tickets
        self.taken[entry.entry_id] = entry
        for call in self.calls:
            if call.entry_id == entry.entry_id:
                entry.touch(call.sent_at)

    def called(self, summons: Summons) -> None:
        """A call-next answered with an entry."""
        self.calls.append(summons)
        known = self.taken.get(summons.entry_id)
        if known is not None:
            known.touch(summons.sent_at)

    def duplicated(self) -> int:
        """Tickets given twice, and entries handed to more than one call-next."""
        handed = Counter(call.entry_id for call in self.calls)
        return self.twice + sum(n - 1 for n in handed.values())

    def lost(self, still_there: Collection[int], seen: Collection[str]) -> int:
        """Entries that are neither final nor still there, and calls that no lobby showed."""
        gone = [
            e for e in self.taken.values() if e.state not in FINAL and e.entry_id not in still_there
        ]
        unseen = [c for c in self.calls if c.ticket not in seen]
        return len(gone) + len(unseen)

    def order_violations(self) -> int:
        """Calls made while another entry, eligible for that clinician, was due earlier.

        The other was acknowledged before the call was sent and no request for it was sent before
        the call was answered. A replay moves nobody, so no recorded move excuses any.
        """
        found = 0
        for call in self.calls:
            called = self.taken.get(call.entry_id)
            skills = self.skills.get(call.clinician, ())
            if called is not None and any(
                other.due_by < called.due_by
                and other.acked_at < call.sent_at
                and (other.touched_at is None or other.touched_at >= call.answered_at)
                and other.service in skills
                for other in self.taken.values()
            ):
                found += 1
        return found

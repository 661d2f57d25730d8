"""What each booked patient who checked in now would wait, read off the same run.

As for one who joins (see `join`), the call comes at the first moment at which an able clinician has
nobody to call or calls somebody due later. A booked patient's due time and wish are known, so both
count exactly: others than the one wished for may call from the release of the wish on. In the run
they come at some time of their own; that call is theirs too.
"""

from datetime import timedelta

import numpy as np

from queueapp.domain.quantiles import Quantiles
from queueapp.domain.snapshot import Expected, Snapshot
from queueapp.domain.targets import booked_reference
from queueapp.waits.durations import Singles
from queueapp.waits.join import summarise
from queueapp.waits.outcome import Outcome, Turns
from queueapp.waits.people import declared_delays
from queueapp.waits.plan import Plan, released
from queueapp.waits.servers import after


def checking_in(snapshot: Snapshot, plan: Plan, outcome: Outcome) -> dict[int, Quantiles]:
    """By appointment id: of those who may check in now and would still count as booked."""
    opens = snapshot.taken_at + snapshot.rules.check_in_opens
    delays = declared_delays(snapshot, [one.candidate for one in plan.expected])
    there = [
        (one, column, due)
        for column, (one, delay) in enumerate(
            zip(plan.expected, delays, strict=True), len(plan.waiting)
        )
        if one.scheduled_at <= opens and (due := _due_s(snapshot, one, delay)) is not None
    ]
    if not there:
        return {}
    everybody, dues = [one.candidate for one, _, _ in there], [due for _, _, due in there]
    release = released(snapshot, everybody, np.array(dues)).tolist()
    calls = _Calls(plan, outcome)
    times = [
        calls.first(column, due, held_until)
        for (_, column, due), held_until in zip(there, release, strict=True)
    ]
    told = summarise(np.stack(times), dues)
    return {
        one.appointment_id: quantiles for (one, _, _), quantiles in zip(there, told, strict=True)
    }


def _due_s(snapshot: Snapshot, one: Expected, delay: timedelta) -> float | None:
    reference, too_late = booked_reference(
        one.scheduled_at, snapshot.taken_at, delay, snapshot.rules
    )
    return None if too_late else after(snapshot, reference + one.candidate.target)


class _Calls:
    """The calls of a run, by the servers who make them."""

    def __init__(self, plan: Plan, outcome: Outcome) -> None:
        self.plan, self.outcome = plan, outcome
        ends = plan.servers.ends[:, None]
        self.idle = np.where(outcome.idle < ends, outcome.idle, np.float32(np.inf))
        self.ends = plan.servers.ends.tolist()

    def first(self, column: int, due: float, release: float) -> Singles:
        """When one due then would be called (D,), by those of their wish alone until `release`."""
        plan, outcome = self.plan, self.outcome
        fits = plan.fits[plan.kind, column]
        waits = plan.held[plan.kind, column] & (release > 0)
        mine, others = (fits & ~waits).nonzero()[0].tolist(), waits.nonzero()[0].tolist()
        # In the run they come at some time of their own; that call is theirs too.
        free: Singles = outcome.called[column].copy()
        for server in mine:
            np.minimum(free, self.idle[server], out=free)
        for server in others:
            if np.float32(release) < self.ends[server]:
                np.minimum(free, np.maximum(self.idle[server], np.float32(release)), out=free)
        place = outcome.due_by(due)
        turns = self._by(mine, place)
        if others:
            held = outcome.called[place:] < release
            np.minimum(turns, outcome.without(held, self._by(others, place)), out=turns)
        to_come = turns[len(plan.waiting) - place :]
        to_come[:] = outcome.without(outcome.coming_by(due), to_come)
        first = turns.min(axis=0, initial=outcome.never)
        np.minimum(free, outcome.when(first), out=free)
        return free

    def _by(self, servers: list[int], place: int) -> Turns:
        """The turns at which one of these calls each one from a place on (E - place, D)."""
        turns = self.outcome.turn[:, place:]
        found = np.full(turns.shape[1:], self.outcome.never)
        for server in servers:
            np.minimum(found, turns[server], out=found)
        return found

"""What each booked patient who checked in now would wait, read off the same run.

As for one who joins (see `join`), the call comes at the first moment at which an able clinician has
nobody to call or calls somebody due later. A booked patient's due time and wish are known, so both
count exactly: others than the one wished for may call from the release of the wish on. In the run
they come at some time of their own; that call is theirs too.
"""

from datetime import timedelta

import numpy as np

from queueapp.domain.ordering import Candidate
from queueapp.domain.quantiles import Quantiles
from queueapp.domain.snapshot import Expected, Snapshot
from queueapp.domain.targets import booked_reference
from queueapp.domain.visit import PreferenceKind
from queueapp.waits.durations import Singles
from queueapp.waits.join import first_of, summarise
from queueapp.waits.plan import Plan, able, released
from queueapp.waits.servers import after
from queueapp.waits.simulate import Outcome


def checking_in(snapshot: Snapshot, plan: Plan, outcome: Outcome) -> dict[int, Quantiles]:
    """By appointment id: of those who may check in now and would still count as booked."""
    found: dict[int, Quantiles] = {}
    opens = snapshot.taken_at + snapshot.rules.check_in_opens
    for column, one in enumerate(plan.expected, len(plan.waiting)):
        if one.scheduled_at > opens:
            continue
        due = _due_s(snapshot, one)
        if due is None:
            continue
        times = _call_times(snapshot, plan, outcome, one.candidate, column, due)
        found[one.appointment_id] = summarise(times[None, :], [due])[0]
    return found


def _due_s(snapshot: Snapshot, one: Expected) -> float | None:
    wished = one.candidate.clinicians
    delays = [s.declared_delay for s in snapshot.shifts if s.clinician_id in wished]
    reference, too_late = booked_reference(
        one.scheduled_at, snapshot.taken_at, max(delays, default=timedelta(0)), snapshot.rules
    )
    return None if too_late else after(snapshot, reference + one.candidate.target)


def _call_times(
    snapshot: Snapshot, plan: Plan, outcome: Outcome, one: Candidate, column: int, due: float
) -> Singles:
    held = one.preference is PreferenceKind.IF_POSSIBLE
    release = float(released(snapshot, [one], np.array([due]))[0]) if held else 0.0
    free: Singles = np.full(plan.draws, np.inf, dtype=np.float32)
    mine, others = np.zeros((2, *outcome.whose.shape), dtype=bool)
    for s, shift in enumerate(plan.servers.shifts):
        if not able(one, shift):
            continue
        waits = held and release > 0 and shift.clinician_id not in one.clinicians
        group = others if waits else mine
        group |= outcome.whose == s
        idle = np.maximum(outcome.idle[s], np.float32(release)) if waits else outcome.idle[s]
        np.minimum(free, idle, out=free, where=idle < plan.servers.ends[s])
    if held and release > 0:
        mine |= others & (outcome.at >= release)
    mine &= outcome.key > due
    # In the run they come at some time of their own; that call is theirs too.
    own = outcome.called[column]
    np.minimum(free, own, out=free)
    return np.minimum(free, first_of(outcome, mine))

"""The forecast of a site: the queue played forward many times, told as quantiles.

One immutable snapshot in, one `Forecast` out; the same snapshot, durations and seed always give the
same numbers. Nobody on duty is modelled, not capped: a draw in which nobody ever calls an entry is
infinity there, and its share is `not_reached`.
"""

import numpy as np

from queueapp.domain.quantiles import Forecast, JoinKey, JoinTable, Quantiles
from queueapp.domain.snapshot import Snapshot
from queueapp.domain.visit import Presence
from queueapp.waits.checking_in import checking_in
from queueapp.waits.durations import ANY_REASON, Durations
from queueapp.waits.join import join_tables, summarise
from queueapp.waits.outcome import Outcome
from queueapp.waits.plan import Plan, make_plan
from queueapp.waits.servers import after
from queueapp.waits.simulate import simulate

__all__ = ["Forecast", "JoinKey", "JoinTable", "Quantiles", "entry_waits", "forecast"]

# Once a process has freed something this big, glibc keeps what is freed later (mallopt(3), "dynamic
# mmap threshold") instead of handing it back: else every forecast fetches its memory page by page.
np.empty(16 << 20, dtype=np.uint8)


def forecast(
    snapshot: Snapshot, durations: Durations, *, draws: int = 500, seed: int = 0
) -> Forecast:
    """Forecast every wait of the snapshot; `draws` simulated days, `seed` any whole number >= 0."""
    plan = make_plan(snapshot, durations, draws, seed)
    outcome = simulate(plan)
    return Forecast(
        seq=snapshot.seq,
        made_at=snapshot.taken_at,
        entries=_entries(snapshot, plan, outcome),
        join=join_tables(snapshot, plan, outcome, durations, seed),
        booked=checking_in(snapshot, plan, outcome),
        mean_s={s: durations.mean_s(s, ANY_REASON) for s in snapshot.services},
        until_s=max(float(plan.servers.ends.max(initial=0.0)), 0.0),
        draws=draws,
    )


def entry_waits(
    snapshot: Snapshot, durations: Durations, *, draws: int = 200, seed: int = 0
) -> dict[int, Quantiles]:
    """Of a forecast the waits of those waiting alone, by entry id: for two to be compared.

    With one seed everybody has the same luck in both, so that what differs is what was changed.
    """
    plan = make_plan(snapshot, durations, draws, seed)
    return _entries(snapshot, plan, simulate(plan))


def _entries(snapshot: Snapshot, plan: Plan, outcome: Outcome) -> dict[int, Quantiles]:
    told = [i for i, c in enumerate(plan.waiting) if c.presence is not Presence.UNCONFIRMED]
    due = [after(snapshot, plan.waiting[i].due_by) for i in told]
    quantiles = summarise(outcome.called[told], due) if told else []
    return {plan.waiting[i].entry_id: q for i, q in zip(told, quantiles, strict=True)}

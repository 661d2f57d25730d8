"""A day of a visit log as what is to be done: who comes and goes, and each clinician's work."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from queueapp.domain.localtime import to_local
from queueapp.integrations.visit_log import LogRow


@dataclass(frozen=True, slots=True)
class Move:
    """A patient's arrival (`is_arrival`) or leaving; `row` numbers the day's arrivals from 0."""

    at: datetime
    is_arrival: bool
    row: int


@dataclass(frozen=True, slots=True)
class Job:
    """One service of a clinician: the call-next at `at`, which takes `length`.

    `after` is how many had arrived by then; `number` is its place among all services of the day.
    """

    number: int
    at: datetime
    length: timedelta
    after: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The day: arrivals in order, patients' moves in order, and jobs by clinician in order."""

    rows: tuple[LogRow, ...]
    moves: tuple[Move, ...]
    jobs: dict[str, tuple[Job, ...]]
    starts: tuple[datetime, ...]


def plan_of(rows: list[LogRow], day: date, zone: str) -> Plan:
    """The entries that arrived on that local day."""
    of_day = [r for r in rows if r.arrived_at and to_local(zone, r.arrived_at).date() == day]
    of_day.sort(key=lambda r: r.at)
    arrivals = [r.at for r in of_day]
    moves = [Move(r.at, True, n) for n, r in enumerate(of_day)]
    moves += [
        Move(r.left_at, False, n)
        for n, r in enumerate(of_day)
        if r.left_at and r.outcome == "left_without_being_seen"
    ]
    served = [r for r in of_day if r.clinician and r.started_at]
    served.sort(key=_begins)
    jobs: dict[str, list[Job]] = defaultdict(list)
    for number, row in enumerate(served):
        at = _begins(row)
        length = (row.finished_at or at) - (row.started_at or at)
        jobs[row.clinician].append(Job(number, at, length, bisect_right(arrivals, at)))
    return Plan(
        tuple(of_day),
        tuple(sorted(moves, key=lambda m: (m.at, not m.is_arrival, m.row))),
        {name: tuple(mine) for name, mine in jobs.items()},
        tuple(_begins(r) for r in served),
    )


def _begins(row: LogRow) -> datetime:
    found = row.called_at or row.started_at
    assert found is not None
    return found

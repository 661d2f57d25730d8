"""What is left for each clinician today, laid out in time: an outline of the day, not a promise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from queueapp.domain.localtime import to_local
from queueapp.domain.spans import Span

# More are never drawn, and a day's crowd would only slow the screen down.
_MOST_JOBS = 60


@dataclass(frozen=True, slots=True)
class Job:
    """Somebody still to be seen: not before `from_at`, for `length`, by one of `shift_ids`.

    Jobs come in calling order; `key` is the caller's own name for it.
    """

    key: str
    from_at: datetime
    length: timedelta
    shift_ids: frozenset[int]


@dataclass(slots=True)
class Bench:
    """A clinician who works: free from `free_at` until `ends_at`, but for `breaks`."""

    shift_id: int
    free_at: datetime
    ends_at: datetime
    breaks: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A job at the time at which its turn should come."""

    job: Job
    start: datetime
    end: datetime


def lay_out(jobs: Iterable[Job], benches: Iterable[Bench]) -> Mapping[int, Sequence[Placed]]:
    """Whoever is free first takes the first in order whom they may see; in time order by shift id.

    A job that would begin after its shift's end is left out.
    """
    waiting = list(jobs)[:_MOST_JOBS]
    at_work = {b.shift_id: Bench(b.shift_id, b.free_at, b.ends_at, b.breaks) for b in benches}
    found: dict[int, list[Placed]] = {shift_id: [] for shift_id in at_work}
    while waiting and at_work:
        bench = min(at_work.values(), key=lambda b: (b.free_at, b.shift_id))
        bench.free_at = _after_breaks(bench.free_at, bench.breaks)
        mine = [j for j in waiting if bench.shift_id in j.shift_ids]
        if not mine or bench.free_at >= bench.ends_at:
            del at_work[bench.shift_id]
            continue
        job = next((j for j in mine if j.from_at <= bench.free_at), None)
        if job is None:
            bench.free_at = min(j.from_at for j in mine)
            continue
        end = bench.free_at + job.length
        found[bench.shift_id].append(Placed(job, bench.free_at, end))
        waiting.remove(job)
        bench.free_at = end
    return found


def done_between(
    free_at: datetime, lengths: Sequence[timedelta], spread: float, z: float
) -> tuple[datetime, datetime]:
    """When independent visits of these mean lengths are over, `spread` sd each as a share.

    `z` is the normal quantile of the range wanted.
    """
    total = sum(lengths, timedelta(0))
    sd = spread * sum(x.total_seconds() ** 2 for x in lengths) ** 0.5
    return free_at + total - timedelta(seconds=z * sd), free_at + total + timedelta(seconds=z * sd)


def usual_moments(
    per_hour: Mapping[int, float], zone: str, start: datetime, until: datetime
) -> list[datetime]:
    """When the usual ones should come: the k-th where k - 1/2 are expected by, until `until`.

    `per_hour` is how many come in each hour of the local day.
    """
    found: list[datetime] = []
    at, expected = start, 0.0
    while at < until and len(found) < _MOST_JOBS:
        local = to_local(zone, at)
        next_hour = (
            at
            + timedelta(hours=1)
            - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        )
        rate = per_hour.get(local.hour, 0.0)
        to_come = rate * (next_hour - at).total_seconds() / 3600
        while rate and len(found) + 0.5 <= expected + to_come and len(found) < _MOST_JOBS:
            moment = at + timedelta(hours=(len(found) + 0.5 - expected) / rate)
            if moment >= until:
                return found
            found.append(moment)
        at, expected = next_hour, expected + to_come
    return found


def _after_breaks(at: datetime, breaks: Sequence[Span]) -> datetime:
    for rest in sorted(breaks):
        if at in rest:
            at = rest.end
    return at

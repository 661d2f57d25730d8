"""A record played through once: what stood on the floor at each arrival that had to wait."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import inf
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.passages import Passage, mended
from queueapp.waits import baselines
from queueapp.waits.durations import Floats
from queueapp.waits.features import FEATURES, look
from queueapp.waits.floor import Floor, Step, events, place
from queueapp.waits.promise import cold_start_quote

DAY_STARTS = time(4)
_REPORT_EVERY = 500


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """N arrivals that had to wait and were served, in the order in which they came.

    `rows` (N, F) are features; `waits`, `arrived`, `called` (N,) seconds; `ahead`, `service`,
    `hour` and `day` (ordinal of the service day) whole numbers (N,); `entry_class` (N,) labels;
    `seen` (N, 4) baselines; `cold` (N, 3) the range without any history; `number` (N,) the passage.
    """

    number: NDArray[np.int64]
    rows: Floats
    waits: Floats
    arrived: Floats
    called: Floats
    ahead: NDArray[np.intp]
    service: NDArray[np.intp]
    entry_class: tuple[str, ...]
    hour: NDArray[np.intp]
    day: NDArray[np.intp]
    seen: Floats
    cold: Floats

    def __len__(self) -> int:
        return len(self.waits)

    def known_by(self, instant: float) -> NDArray[np.bool_]:
        """Whose wait was over before an instant."""
        return self.called < instant


def moments(
    passages: Iterable[Passage],
    zone: ZoneInfo,
    *,
    floor: Floor | None = None,
    until: float = inf,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Moments:
    """Play the record through on `floor` (an empty one unless given), which stays as at the end.

    What happened after `until` (seconds since 1970) is not played.
    """
    floor = floor or Floor()
    happened = [event for event in events(mended(passages)) if event[0] <= until]
    found = []
    for i, event in enumerate(happened):
        _, step, _, one = event
        floor.now = event[0]
        if step is Step.ARRIVED and one.counts:
            found.append((one, *_at_arrival(floor, one, zone)))
        floor.tell(event)
        if i % _REPORT_EVERY == 0:
            on_progress(i, len(happened))
    on_progress(len(happened), len(happened))
    who = [f[0] for f in found]
    local = [datetime.fromtimestamp(p.arrived, zone) for p in who]
    arrived = np.array([p.arrived for p in who], dtype=np.float64)
    called = np.array([p.called for p in who], dtype=np.float64)
    return Moments(
        number=np.array([p.number for p in who], dtype=np.int64),
        rows=np.array([f[2] for f in found], dtype=np.float64).reshape(-1, len(FEATURES)),
        waits=called - arrived,
        arrived=arrived,
        called=called,
        ahead=np.array([f[1] for f in found], dtype=np.intp),
        service=np.array([p.service for p in who], dtype=np.intp),
        entry_class=tuple(p.entry_class for p in who),
        hour=np.array([at.hour for at in local], dtype=np.intp),
        day=np.array([service_day(at) for at in local], dtype=np.intp),
        seen=np.array([f[3] for f in found], dtype=np.float64).reshape(-1, len(baselines.SEEN)),
        cold=np.array([f[4] for f in found], dtype=np.float64).reshape(-1, 3),
    )


def service_day(local: datetime) -> int:
    """The ordinal of the day that a local time belongs to; it turns at DAY_STARTS."""
    return (local - timedelta(hours=DAY_STARTS.hour, minutes=DAY_STARTS.minute)).toordinal()


def day_begins(day: int, zone: ZoneInfo) -> float:
    """When a service day begins, in seconds since 1970."""
    return datetime.combine(datetime.fromordinal(day), DAY_STARTS, zone).timestamp()


def _at_arrival(
    floor: Floor, one: Passage, zone: ZoneInfo
) -> tuple[int, list[float], tuple[float, ...], tuple[float, float, float]]:
    here = look(floor, one.service, one.entry_class, zone)
    ahead = sum(place(other) < place(one) for other in here.line)
    cold = cold_start_quote(ahead, here.able, here.length + 30.0)
    said = (cold.low_s, cold.mid_s, cold.high_s)
    return ahead, here.row(ahead), baselines.seen(floor, one), said

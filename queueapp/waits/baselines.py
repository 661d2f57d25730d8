"""Published ways to say a wait, as they were published, to be measured against.

LES and HOL: Ibrahim & Whitt 2009; the queue length rule and its rescaling: Whitt 1999, Ibrahim &
Whitt 2011; a rolling mean is what vendors show, the mean of the hour what signs say.
"""

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.passages import Passage
from queueapp.waits.floor import Floor, place

Floats = NDArray[np.float64]

LES, HOL, ROLLING, QUEUE, RESCALED, HOUR = (
    "les",
    "hol",
    "rolling_10",
    "queue_length",
    "queue_length_rescaled",
    "hour_mean",
)
NAMES = (LES, HOL, ROLLING, QUEUE, RESCALED, HOUR)
# What is read off the floor; the other two need history as well.
SEEN = (LES, HOL, ROLLING, QUEUE)
# Their errors grow with what they say, so their range is a share of it.
_BY_RATIO = frozenset({QUEUE, RESCALED, HOUR})


def seen(floor: Floor, newcomer: Passage) -> tuple[float, ...]:
    """SEEN in seconds for one who comes now and is not in the line yet; nan where there is none."""
    waited = [c.wait_s for c in floor.waited]
    ahead = [p for p in floor.waiting.values() if place(p) < place(newcomer)]
    busy = sum(server.serving is not None for server, _ in floor.on_duty())
    return (
        waited[-1] if waited else nan,
        max((floor.now - p.arrived for p in floor.waiting.values()), default=0.0),
        sum(waited) / len(waited) if waited else nan,
        (len(ahead) + 1) * floor.length.value / max(busy, 1),
    )


def told(
    points: Floats, hours: NDArray[np.intp], waits: Floats, known: NDArray[np.bool_]
) -> dict[str, Floats]:
    """(n, 3) low, point, high of every baseline in seconds, fitted on the rows that are `known`.

    `points` (n, 4) is SEEN per row, `hours` (n,) the local hour, `waits` (n,) what followed.
    """
    past = waits[known]
    mean = float(past.mean())
    columns = {n: np.where(np.isnan(points[:, i]), mean, points[:, i]) for i, n in enumerate(SEEN)}
    raw = columns[QUEUE]
    columns[RESCALED] = raw * float(raw[known] @ past / (raw[known] @ raw[known]))
    by_hour = [past[hours[known] == h] for h in range(24)]
    means = np.array([rows.mean() if len(rows) else mean for rows in by_hour])
    columns[HOUR] = means[hours]
    return {name: _with_range(name, columns[name], past, known) for name in NAMES}


def _with_range(name: str, point: Floats, past: Floats, known: NDArray[np.bool_]) -> Floats:
    """The point between the 10 % and 90 % quantiles of its own past ratio or error."""
    if name in _BY_RATIO:
        low, high = point * _ends(past / np.maximum(point[known], 1.0))[:, None]
    else:
        low, high = point + _ends(past - point[known])[:, None]
    low = np.maximum(low, 0.0)
    return np.stack([low, point, np.maximum(high, low)], axis=1)


def _ends(values: Sequence[float] | Floats) -> Floats:
    return np.asarray(np.quantile(values, [0.1, 0.9]))

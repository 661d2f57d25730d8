"""How long each person takes of who sees them, draw by draw."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from queueapp.waits.chance import Number, Part, Words, pick
from queueapp.waits.durations import Durations, Floats


def lengths(
    durations: Durations,
    luck: Words,
    visits: Sequence[tuple[int, Floats]],
    pace: Mapping[int, Floats],
    precision: type[Number],
) -> tuple[NDArray[Number], NDArray[Number], NDArray[Number]]:
    """Visit, walk with gap, and gap alone in seconds (each (N, D), of the `precision` asked for).

    `visits` (N,) are the service and the quantiles of each one's visit, `pace` (D,) what all visits
    of a service share.
    """
    different: dict[int, Floats] = {id(table): table for _, table in visits}
    number = {name: n for n, name in enumerate(different)}
    tables = np.array([*different.values()], dtype=precision)
    visit = pick(tables, luck, Part.VISIT, [number[id(table)] for _, table in visits])
    services = list(dict.fromkeys(service for service, _ in visits))
    paces = np.array([pace[service] for service in services], dtype=precision)
    visit *= paces.reshape(-1, luck.shape[1]).take(
        [services.index(service) for service, _ in visits], axis=0
    )
    gap = pick(durations.gap.astype(precision), luck, Part.GAP)
    besides = pick(durations.walk.astype(precision), luck, Part.WALK)
    besides += gap
    return visit, besides, gap

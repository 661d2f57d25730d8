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
    names = [(service, id(table)) for service, table in visits]
    kinds = dict(zip(names, visits, strict=True))
    number = {name: n for n, name in enumerate(kinds)}
    whose = [number[name] for name in names]
    tables = np.array([table for _, table in kinds.values()], dtype=precision)
    paces = np.array([pace[service] for service, _ in kinds.values()], dtype=precision)
    visit = pick(tables, luck, Part.VISIT, whose)
    visit *= paces.reshape(-1, luck.shape[1]).take(whose, axis=0)
    gap = pick(durations.gap.astype(precision), luck, Part.GAP)
    besides = pick(durations.walk.astype(precision), luck, Part.WALK)
    besides += gap
    return visit, besides, gap

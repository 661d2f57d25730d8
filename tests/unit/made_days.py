"""Days of a made-up clinic as passages: chance makes them, the first in order is called."""

import heapq
import random
from datetime import UTC, datetime

from queueapp.domain.passages import Passage

FIRST_DAY = datetime(2025, 3, 3, tzinfo=UTC).timestamp()
DAY_S = 86400.0
GP, BLOOD = 1, 2


def made_days(days: int, *, a_day: int = 60, seed: int = 0, slower: float = 1.0) -> list[Passage]:
    """`days` days of `a_day` people from 8:00 for three clinicians, each in order of due time.

    Clinician 11 and 12 give both services, 13 blood tests alone; `slower` stretches visits.
    Urgent ones are due ten minutes earlier. One in twenty leaves before the call.
    """
    dice = random.Random(seed)
    found: list[Passage] = []
    for day in range(days):
        opens = FIRST_DAY + day * DAY_S + 8 * 3600
        free = [(opens, 11), (opens, 12), (opens + 600, 13)]
        arrivals = sorted(opens + dice.uniform(0, 8 * 3600) for _ in range(a_day))
        line: list[tuple[float, int, float, int, str]] = []
        while arrivals or line:
            at, clinician = heapq.heappop(free)
            while arrivals and arrivals[0] <= at:
                came = arrivals.pop(0)
                service = dice.choice([GP, GP, BLOOD])
                label = dice.choice(["walk_in"] * 4 + ["urgent"])
                due = came - 600 * (label == "urgent")
                line.append((due, len(found) + len(line), came, service, label))
            able = [one for one in line if clinician != 13 or one[3] == BLOOD]
            if not able:
                heapq.heappush(free, (max(arrivals[0] if arrivals else 0.0, at + 60), clinician))
                continue
            due, order, came, service, label = min(able)
            line = [one for one in line if one[1] != order]
            number = len(found)
            if at - came > 300 and dice.random() < 0.05:
                found.append(Passage(number, service, label, came, due, left=at - 100))
                heapq.heappush(free, (at, clinician))
                continue
            length = dice.lognormvariate(0, 0.5) * (900 if service == GP else 500) * slower
            found.append(Passage(number, service, label, came, due, at, at + length,
                                 clinician=clinician))  # fmt: skip
            heapq.heappush(free, (at + length + 20, clinician))
    return found

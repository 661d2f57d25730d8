"""When a promise no longer holds: one decision for the product and for whoever rehearses it."""

from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite

from queueapp.domain.quantiles import Quantiles


class Step(StrEnum):
    """What to do about a promise: leave it, tell a new range, or apologise and tell the desk."""

    KEEP = "keep"
    REVISE = "revise"
    APOLOGISE = "apologise"


def next_step(
    quantiles: Quantiles | None, made_at: datetime, number: int, high_at: datetime | None
) -> Step:
    """What the newest forecast asks for, where the last range told was the `number`-th.

    A range no longer holds when the call is likelier than not to come after its end. A range is
    told anew once; without a range (an apology) nothing more is said.
    """
    if quantiles is None or high_at is None:
        return Step.KEEP
    if not isfinite(quantiles.p50) or not isfinite(quantiles.p90):
        return Step.KEEP
    if made_at + timedelta(seconds=quantiles.p50) <= high_at:
        return Step.KEEP
    return Step.REVISE if number == 1 else Step.APOLOGISE

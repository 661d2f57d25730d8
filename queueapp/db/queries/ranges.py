"""A wait as it is told: what the forecast says now, and what was promised."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

from queueapp.db.models import QueueEntry
from queueapp.domain.quantiles import Forecast


@dataclass(frozen=True, slots=True)
class Range:
    """A wait told as instants; `high_at` is None when the end of the day may come first."""

    low_at: datetime
    mid_at: datetime | None
    high_at: datetime | None
    miss: float | None = None
    not_reached: float = 0.0


def estimate_of(forecast: Forecast | None, entry: QueueEntry) -> Range | None:
    """The forecast's range for an entry; what was promised while the forecast has none yet."""
    quantiles = forecast.entries.get(entry.id) if forecast else None
    if forecast is None or quantiles is None:
        return promise_of(entry)

    def at(seconds: float) -> datetime | None:
        return forecast.made_at + timedelta(seconds=seconds) if isfinite(seconds) else None

    low = at(quantiles.p10)
    if low is None:
        return None
    ends = whole_minutes(low, at(quantiles.p90))
    return Range(ends[0], at(quantiles.p50), ends[1], quantiles.miss, quantiles.not_reached)


def whole_minutes(low: datetime, high: datetime | None) -> tuple[datetime, datetime | None]:
    """Whole minutes round a range, so that a breath of the forecast changes nothing on a screen."""
    first = low.replace(second=0, microsecond=0)
    if high is None:
        return first, None
    last = high.replace(second=0, microsecond=0)
    return first, last if last == high else last + timedelta(minutes=1)


def promise_of(entry: QueueEntry) -> Range | None:
    """The range the person was told last."""
    told = [p for p in entry.promises if p.low_at is not None]
    if not told:
        return None
    low_at = told[-1].low_at
    assert low_at is not None
    return Range(low_at, told[-1].mid_at, told[-1].high_at)

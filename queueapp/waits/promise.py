"""The wait as it is told: a range looked up or computed at once, rounded honestly, and kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import exp, isfinite, isinf, sqrt

from queueapp.domain.outcomes import NOW_S, Place
from queueapp.domain.quantiles import NOBODY_ON_DUTY, Forecast, Quantiles
from queueapp.domain.rules import SiteRules
from queueapp.domain.visit import EntryClass
from queueapp.waits.calibration import Calibrator, group_of, moved_range

FORECAST = "forecast"
COLD_START = "cold_start"

# Normal quantile of an 80 % range; spreads (log) of a visit and of a mean nobody has measured yet.
Z80 = 1.2816
VISIT_SD, MEAN_SD = 0.6, 0.5

# From this chance of not being called today on it is said.
SAY_NOT_REACHED = 0.1


@dataclass(frozen=True, slots=True)
class Quote:
    """Seconds from now, always finite, 0 <= low <= mid <= high, never beyond closing.

    `not_reached` is the chance of not being called today: where it is not small, say so. `raw_s` is
    the range before outcomes moved its ends, at `ahead` people due before; None where they do not.
    """

    low_s: float
    mid_s: float
    high_s: float
    basis: str
    not_reached: float = 0.0
    raw_s: tuple[float, float] | None = None
    ahead: int | None = None


def quote(
    forecast: Forecast | None,
    now: datetime,
    service_id: int,
    clinician_id: int | None,
    rank: int,
    closes_at: datetime | None,
    *,
    rules: SiteRules,
    servers: int,
    mean_s: float,
    free: int = 0,
    released_s: float | None = None,
    appointment_id: int | None = None,
    entry_class: str = EntryClass.WALK_IN,
) -> Quote:
    """What one who joins now is told: from a fresh forecast, or else the cold start.

    `clinician_id` is who is wished for: only them, or, with `released_s`, anybody from so many
    seconds on. A booked patient of `appointment_id` has a place of their own in the forecast.
    `rank` is how many eligible are due before, `servers` and `free` how many clinicians give the
    service now and have nobody, `mean_s` the seconds one patient takes.
    """
    if forecast is not None and is_fresh(forecast, now, rules):
        booked = forecast.booked.get(appointment_id) if appointment_id is not None else None
        return join_quote(
            forecast, now, service_id, clinician_id, rank, closes_at,
            released_s=released_s, booked=booked, entry_class=entry_class,
        )  # fmt: skip
    return _until(cold_start_quote(rank, servers, mean_s, free=free), now, closes_at)


def is_fresh(forecast: Forecast, now: datetime, rules: SiteRules) -> bool:
    """Whether a forecast may still be quoted from."""
    return now - forecast.made_at <= rules.forecast_fresh


def join_quote(
    forecast: Forecast,
    now: datetime,
    service_id: int,
    clinician_id: int | None,
    rank: int,
    closes_at: datetime | None,
    *,
    released_s: float | None = None,
    booked: Quantiles | None = None,
    entry_class: str = EntryClass.WALK_IN,
) -> Quote:
    """The range of `booked`, or the join table's at `rank`, less the forecast's age, calibrated.

    A share of draws without a call ends the range at closing (or when the last shift ends) and is
    told as `not_reached`. Where nine in ten are without a call nobody is on duty: then a cold start
    with one clinician, marked so. More people ahead are never told less.
    """
    age = (now - forecast.made_at).total_seconds()

    def at(place: int) -> Quantiles | None:
        found = _at(forecast, service_id, clinician_id, place)
        if found is not None and released_s is not None:
            anybody = _at(forecast, service_id, None, place)
            found = _released(found, anybody, released_s + age) if anybody else found
        return found

    found = booked or at(rank)
    if found is None or isinf(found.p10):
        guess = cold_start_quote(rank, 1, forecast.mean_s.get(service_id, 600.0))
        never = found.not_reached if found else 1.0
        return _until(replace(guess, basis=NOBODY_ON_DUTY, not_reached=never), now, closes_at)
    calibrator, here = Calibrator(forecast.moved), Place(service_id, entry_class, rank)
    raw_low, mid, raw_high = _raw(forecast, age, found)
    low, high = calibrator.told(here.told(raw_high), raw_low, raw_high)
    mid = min(max(mid, low), high)
    if booked is None and forecast.moved:
        for told in _before(forecast, age, calibrator, here, at):
            low, mid, high = max(low, told[0]), max(mid, told[1]), max(high, told[2])
    said = Quote(low, mid, high, FORECAST, found.not_reached, (raw_low, raw_high), rank)
    return _until(said, now, closes_at)


def _before(
    forecast: Forecast,
    age: float,
    calibrator: Calibrator,
    here: Place,
    at: Callable[[int], Quantiles | None],
) -> Iterator[tuple[float, float, float]]:
    """What those with fewer people ahead would be told."""
    group, ends = -1, (0.0, 0.0)
    now_ends = calibrator.ends(replace(here, now=True))
    for ahead in range(here.ahead):
        found = at(ahead)
        if found is None:
            continue
        if group_of(ahead) != group:
            group = group_of(ahead)
            ends = calibrator.ends(replace(here, ahead=ahead))
        raw_low, mid, raw_high = _raw(forecast, age, found)
        now = raw_high < NOW_S
        low, high = moved_range(now, now_ends if now else ends, raw_low, raw_high)
        yield low, min(max(mid, low), high), high


def _raw(forecast: Forecast, age: float, found: Quantiles) -> tuple[float, float, float]:
    until = forecast.until_s
    return (
        max(min(found.p10, until) - age, 0.0),
        max(min(found.p50, until) - age, 0.0),
        max(min(found.p90, until) - age, 0.0),
    )


def _at(forecast: Forecast, service: int, clinician: int | None, rank: int) -> Quantiles | None:
    table = forecast.join.get((service, clinician))
    return table.at(rank) if table else None


def _released(wished: Quantiles, anybody: Quantiles, released_s: float) -> Quantiles:
    """Whoever comes first: the one wished for, or anybody once the wish holds nobody back."""
    return wished._replace(
        p10=min(wished.p10, max(anybody.p10, released_s)),
        p50=min(wished.p50, max(anybody.p50, released_s)),
        p90=min(wished.p90, max(anybody.p90, released_s)),
        not_reached=min(wished.not_reached, anybody.not_reached),
    )


def cold_start_quote(rank: int, servers: int, mean_s: float, *, free: int = 0) -> Quote:
    """A wide closed-form range without any history: (k + 1) mean / servers.

    That point is what ticket systems quote (Munich's ZMS); the 80 % range round it is lognormal,
    from the spread of k + 1 visits and of a mean that nobody has measured. Who finds one of `free`
    clinicians waits for nothing but the call.
    """
    working = max(servers, 1)
    turns = max(rank, 0) + 1 - max(min(free, working), 0)
    if turns <= 0:
        return Quote(0.0, 0.0, mean_s / 2, COLD_START)
    mid = turns * max(mean_s, 0.0) / working
    spread = exp(Z80 * sqrt(MEAN_SD**2 + VISIT_SD**2 / turns))
    # The visit now running may be nearly over.
    low = mid / spread * (1 - 0.75 / turns)
    return Quote(low, mid, max(mid * spread, mean_s / 2), COLD_START)


def _until(said: Quote, now: datetime, closes_at: datetime | None) -> Quote:
    if closes_at is None:
        return said
    left = max((closes_at - now).total_seconds(), 0.0)
    return replace(
        said,
        low_s=min(said.low_s, left),
        mid_s=min(said.mid_s, left),
        high_s=min(said.high_s, left),
        not_reached=said.not_reached if said.high_s <= left else max(said.not_reached, 0.1),
    )


def spoken_range(low_s: float, high_s: float) -> tuple[int, int]:
    """Whole minutes that contain the range: steps of 1 below 10, of 2 below 20, of 5 above.

    Near the front it is 0 to 5; the ends are never equal. Raises ValueError for what is not a range
    of seconds from now.
    """
    if not (isfinite(low_s) and isfinite(high_s) and 0 <= low_s <= high_s):
        raise ValueError(f"not a range of seconds: {low_s} to {high_s}")
    low_step, high_step = _step(low_s), _step(high_s)
    low = int(low_s // (60 * low_step)) * low_step
    high = -int(-high_s // (60 * high_step)) * high_step
    if high <= 5:
        return 0, 5
    if high == low:
        high += _step(high * 60 + 1)
    return low, high


def _step(seconds: float) -> int:
    return 1 if seconds <= 600 else 2 if seconds <= 1200 else 5


def range_words(low_min: int, high_min: int) -> str:
    """The range in minutes as it is written: "20–35 min"."""
    return f"{low_min}–{high_min} min"


def said_range(said: Quote) -> tuple[timedelta, timedelta]:
    """The rounded range as it is told and kept: what a promise is stored with."""
    low, high = spoken_range(said.low_s, said.high_s)
    return timedelta(minutes=low), timedelta(minutes=high)


def percent_not_reached(chance: float) -> int | None:
    """The chance (0-1) of not being called today as it is told: tens of %, None while small."""
    return round(10 * chance) * 10 if chance >= SAY_NOT_REACHED else None

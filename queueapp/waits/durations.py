"""How long a visit takes: learned from history, pooled towards what is known while data are scarce.

Log-lengths follow a normal model with three nested effects on top of the planned length: service,
reason, clinician. Each effect is its posterior mean under a normal prior of a stated spread
(partial pooling: Gelman & Hill 2007, ch. 12), so three odd visits move a clinician little and
three hundred nearly all the way. The shape round the mean goes from lognormal to the service's own
quantiles as visits come in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.snapshot import Served

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

# A distribution is held as its quantiles at the midpoints of this many equal steps.
LEVELS = 1024
SHARES: Floats = (np.arange(LEVELS) + 0.5) / LEVELS
NORMAL: Floats = np.array([NormalDist().inv_cdf(p) for p in SHARES])

# Stands for a reason nobody knows yet, of one still to come; None is a visit without any.
ANY_REASON = -1

DEFAULT_S = 600.0
DEFAULT_WALK_S = 30.0
DEFAULT_GAP_S = 30.0
SHORTEST_S = 3.0
NEVER_PRESSED_S = 3 * 3600.0
LONGEST_GAP_S = 900.0
# One visit in a hundred lasts longer by itself, whatever the service: beyond it the button was
# likelier forgotten, so the clinician is asked; about short visits not before ten minutes.
PLAUSIBLE, NOT_BEFORE_S = 0.99, 600.0
# Of those who are still in, so many are out by the time the clinician is asked again.
OUT_BY_THEN = 0.9
ENOUGH_TO_MIX = 30

# Spreads in log-seconds: of single visits, of services round their plan, of reasons, of clinicians.
SIGMA, TAU_SERVICE, TAU_REASON, TAU_CLINICIAN = 0.6, 0.5, 0.3, 0.2
# A day as a whole runs this much faster or slower than history.
DAY_SD = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """One service: mean log-length without a reason (`base`), effects, spread and shape.

    `reasons` are mean log-lengths by reason; `clinicians` log-factors; `shape` the quantiles of
    the standardised residual; `unsure` the standard deviation of the mean itself, shared by all
    visits of one day; `mix` the log-mean and spread of all visits seen, whatever their reason.
    """

    base: float
    sigma: float = SIGMA
    shape: Floats = field(default_factory=lambda: NORMAL)
    reasons: Mapping[int, float] = field(default_factory=dict)
    clinicians: Mapping[int, float] = field(default_factory=dict)
    unsure: float = sqrt(TAU_SERVICE**2 + DAY_SD**2)
    visits: int = 0
    mix: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Durations:
    """Lengths in seconds. `walk` and `gap` are quantiles (LEVELS,) of the site as a whole.

    `plans` are planned lengths of reasons that no history knows yet.
    """

    services: Mapping[int, Learned]
    walk: Floats
    gap: Floats
    plans: Mapping[int, float] = field(default_factory=dict)
    _tables: dict[tuple[int, int | None], Floats] = field(default_factory=dict, repr=False)
    _means: dict[tuple[int, int | None, int | None], float] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def fixed(
        cls, seconds: Mapping[int, float], *, walk_s: float = 0.0, gap_s: float = 0.0
    ) -> "Durations":
        """Lengths without any chance, by service: for what-if runs and checks."""
        return cls(
            {s: Learned(log(v), sigma=0.0, unsure=0.0) for s, v in seconds.items()},
            np.full(LEVELS, walk_s),
            np.full(LEVELS, gap_s),
        )

    def learned(self, service: int) -> Learned:
        """What is known of a service; the stated default when nothing is."""
        return self.services.get(service) or Learned(_planned(DEFAULT_S))

    def table(
        self, service: int, reason: int | None = None, clinician: int | None = None
    ) -> Floats:
        """Quantiles (LEVELS,) of a visit's length in seconds."""
        table = self._tables.get((service, reason))
        if table is None:
            known, sigma = self.learned(service), self.learned(service).sigma
            mean = known.base if reason is None else known.reasons.get(reason, known.base)
            if reason == ANY_REASON and known.mix is not None:
                mean, sigma = known.mix
            if reason is not None and reason not in known.reasons and reason in self.plans:
                mean = _planned(self.plans[reason])
            table = np.exp(mean + sigma * known.shape)
            self._tables[service, reason] = table
        factor = self.factor(service, clinician)
        return table if factor == 1.0 else table * factor

    def factor(self, service: int, clinician: int | None) -> float:
        """How much longer than others a clinician takes (1 = the same)."""
        if clinician is None:
            return 1.0
        return exp(self.learned(service).clinicians.get(clinician, 0.0))

    def remaining(
        self, service: int, reason: int | None, clinician: int | None, elapsed_s: float
    ) -> Floats:
        """Quantiles (LEVELS,) of what is left of a visit that has run for `elapsed_s`.

        Beyond the longest fiftieth the button was probably forgotten: then what is left is
        exponential with a mean of a quarter of the time run, so the range widens with it.
        """
        lengths = self.table(service, reason, clinician)
        elapsed = max(elapsed_s, 0.0)
        gone = float(np.searchsorted(lengths, elapsed, side="right")) / LEVELS
        if gone > 0.98:
            tail: Floats = -0.25 * max(elapsed, float(lengths[LEVELS // 2])) * np.log1p(-SHARES)
            return tail
        left: Floats = np.interp(gone + (1.0 - gone) * SHARES, SHARES, lengths) - elapsed
        return np.maximum(left, 0.0)

    def plausible_s(
        self, service: int, reason: int | None, clinician: int | None, known_s: float = 0.0
    ) -> float:
        """Seconds from its start up to which a visit is believed to be still running.

        `known_s` is how long it surely ran: the clinician said so then, and is believed for as
        long again as is left of nine in ten such visits.
        """
        first = max(float(self.table(service, reason, clinician)[_at(PLAUSIBLE)]), NOT_BEFORE_S)
        if known_s <= 0:
            return first
        left = self.remaining(service, reason, clinician, known_s)[_at(OUT_BY_THEN)]
        return max(first, known_s + float(left))

    def draw(
        self,
        rng: np.random.Generator,
        service: int,
        reason: int | None,
        clinician: int | None,
        n: int,
    ) -> Floats:
        """`n` visit lengths in seconds."""
        return self.table(service, reason, clinician)[rng.integers(0, LEVELS, n)]

    def draw_remaining(
        self,
        rng: np.random.Generator,
        service: int,
        reason: int | None,
        clinician: int | None,
        elapsed_s: float,
        n: int,
    ) -> Floats:
        """`n` draws of the seconds left of a visit that has run for `elapsed_s`."""
        return self.remaining(service, reason, clinician, elapsed_s)[rng.integers(0, LEVELS, n)]

    def draw_gap(self, rng: np.random.Generator, n: int) -> Floats:
        """`n` gaps in seconds between a finish and the next call while somebody waits."""
        return self.gap[rng.integers(0, LEVELS, n)]

    def mean_s(
        self, service: int, reason: int | None = None, clinician: int | None = None
    ) -> float:
        """Mean seconds a clinician is taken by one patient: walk, visit and gap."""
        mean = self._means.get((service, reason, clinician))
        if mean is None:
            visit = float(self.table(service, reason, clinician).mean())
            mean = visit + float(self.walk.mean()) + float(self.gap.mean())
            self._means[service, reason, clinician] = mean
        return mean


def learn(
    history: Iterable[Served],
    *,
    service_default_s: Mapping[int, float] | None = None,
    planned_s: Mapping[int, float] | None = None,
) -> Durations:
    """Learn from finished services; the defaults are planned seconds by service and by reason.

    A visit longer than four medians and three hours, or shorter than three seconds, is a button
    never or wrongly pressed: it says nothing about length and is left out.
    """
    defaults, plans = dict(service_default_s or {}), dict(planned_s or {})
    by_service: dict[int, list[Served]] = {s: [] for s in defaults}
    gaps: list[float] = []
    walks: list[float] = []
    for one in history:
        by_service.setdefault(one.service_id, []).append(one)
        if one.gap_seconds is not None and 0 <= one.gap_seconds <= LONGEST_GAP_S:
            gaps.append(one.gap_seconds)
        if one.walk_seconds is not None and 0 <= one.walk_seconds <= LONGEST_GAP_S:
            walks.append(one.walk_seconds)
    services = {
        s: _learn_service(rows, defaults.get(s, DEFAULT_S), plans) for s, rows in by_service.items()
    }
    return Durations(services, _short(walks, DEFAULT_WALK_S), _short(gaps, DEFAULT_GAP_S), plans)


def _learn_service(rows: Sequence[Served], default_s: float, plans: Mapping[int, float]) -> Learned:
    longest = max(4 * float(np.median([r.seconds for r in rows] or [default_s])), NEVER_PRESSED_S)
    kept = [r for r in rows if SHORTEST_S <= r.seconds <= longest]
    plan_of = {r.reason_id: _planned(plans.get(r.reason_id or 0, default_s)) for r in kept}
    rest = np.array([log(r.seconds) - plan_of[r.reason_id] for r in kept])
    n = len(kept)
    shift = float(rest.sum()) / (n + (SIGMA / TAU_SERVICE) ** 2)
    rest = rest - shift
    reasons = _effects([r.reason_id for r in kept], rest, TAU_REASON)
    clinicians = _effects([r.clinician_id for r in kept], rest, TAU_CLINICIAN)
    sigma, shape = _shape(rest)
    fitted = np.array([plan_of[r.reason_id] + shift + reasons[r.reason_id] for r in kept])
    return Learned(
        base=_planned(default_s) + shift + reasons.get(None, 0.0),
        sigma=sigma,
        shape=shape,
        reasons={
            r: plan_of.get(r, _planned(planned)) + shift + reasons.get(r, 0.0)
            for r, planned in plans.items()
        }
        | {r: plan_of[r] + shift + e for r, e in reasons.items() if r is not None},
        clinicians={c: e for c, e in clinicians.items() if c is not None},
        unsure=sqrt(sigma**2 / (n + (SIGMA / TAU_SERVICE) ** 2) + DAY_SD**2),
        visits=n,
        mix=(float(fitted.mean()), sqrt(sigma**2 + float(fitted.var())))
        if n >= ENOUGH_TO_MIX
        else None,
    )


def _effects(keys: Sequence[int | None], rest: Floats, tau: float) -> dict[int | None, float]:
    """Shrunken mean residual by key; `rest` is reduced in place by what each key explains."""
    effects: dict[int | None, float] = {}
    names = np.array([-1 if k is None else k for k in keys], dtype=np.int64)
    for name in np.unique(names):
        mine = names == name
        effect = float(rest[mine].sum()) / (int(mine.sum()) + (SIGMA / tau) ** 2)
        rest[mine] -= effect
        effects[None if name == -1 else int(name)] = effect
    return effects


def _shape(rest: Floats) -> tuple[float, Floats]:
    """Spread (ten visits' worth of the default mixed in) and standardised quantiles."""
    n = len(rest)
    sigma = sqrt((10 * SIGMA**2 + float((rest**2).sum())) / (10 + n))
    if n < 2:
        return sigma, NORMAL
    seen = np.quantile(rest, SHARES) / sigma
    weight = n / (n + 50.0)
    return sigma, (1 - weight) * NORMAL + weight * seen


def _short(seen: Sequence[float], default_s: float) -> Floats:
    """Quantiles of a short stretch: the default (lognormal), giving way to what was seen."""
    usual: Floats = np.exp(log(default_s) - 0.32 + 0.8 * NORMAL)
    if not seen:
        return usual
    weight = len(seen) / (len(seen) + 20.0)
    mixed: Floats = (1 - weight) * usual + weight * np.quantile(seen, SHARES)
    return mixed


def _at(share: float) -> int:
    """Where a table holds the quantile of a share."""
    return round(share * LEVELS)


def _planned(seconds: float) -> float:
    """The mean log-length whose mean length is `seconds` under the default spread."""
    return log(max(seconds, 1.0)) - SIGMA**2 / 2

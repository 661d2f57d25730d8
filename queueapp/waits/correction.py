"""The learned forecast: a straight line through the work ahead, and trees boosted on the rest.

The line (least squares, never falling) carries what a handful of days can teach and goes on beyond
what was seen; the trees learn what stands on the floor besides, one model per number told: quantile
loss for the ends and the middle, squared error for the mean (histogram gradient boosting: Friedman
2001; Ke et al. 2017; as in scikit-learn).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from queueapp.waits.corrected import ENOUGH
from queueapp.waits.features import PROPORTIONAL

Floats = NDArray[np.float64]

# Older ones are forgotten: a clinic changes, and learning is to take seconds.
MOST = 30_000
SHARES = (0.1, 0.5, 0.9)
LOW, MID, HIGH, MEAN = range(4)


# From so many waits on the trees may be finer.
MANY = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """The fitted line, and the models of what it leaves for p10, p50, p90 and the mean."""

    line: Any
    models: tuple[Any, ...]

    def predict(self, rows: Floats) -> Floats:
        """(n, 4) seconds: p10 <= p50 <= p90, then the mean; never negative."""
        with threadpool_limits(1):
            usual = self.line.predict(_proportional(rows))
            told: Floats = np.stack([usual + m.predict(rows) for m in self.models], axis=1)
        told = np.maximum(told, 0.0)
        told[:, :MEAN] = np.sort(told[:, :MEAN], axis=1)
        return told


def fit(rows: Floats, waits: Floats, *, seed: int = 0) -> Correction:
    """Learn from rows of features (n, F), oldest first, and the waits (n,) that followed, seconds.

    The newest MOST count. Raises ValueError for fewer than ENOUGH. The same rows and seed give the
    same model. One thread: several would wait for each other on busy processors.
    """
    if len(waits) < ENOUGH:
        raise ValueError(f"{len(waits)} waits are too few to learn from; it takes {ENOUGH}")
    # Late, as it takes two seconds to load and only who learns anew has a use for it.
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    rows, waits = rows[-MOST:], waits[-MOST:]
    many = len(waits) >= MANY
    common: dict[str, Any] = {
        "learning_rate": 0.1 if many else 0.06,
        "max_iter": 100 if many else 60,
        "max_leaf_nodes": 8 if many else 6,
        "min_samples_leaf": 100 if many else 30,
        "max_features": 0.5,
        "l2_regularization": 1.0,
        "early_stopping": False,
        "random_state": seed,
    }
    losses: list[dict[str, Any]] = [{"loss": "quantile", "quantile": share} for share in SHARES]
    losses.append({"loss": "squared_error"})
    with threadpool_limits(1):
        line = LinearRegression(positive=True).fit(_proportional(rows), waits)
        rest = waits - line.predict(_proportional(rows))
        models = [
            HistGradientBoostingRegressor(**loss, **common).fit(rows, rest) for loss in losses
        ]
    return Correction(line, tuple(models))


def _proportional(rows: Floats) -> Floats:
    chosen: Floats = np.maximum(rows[:, PROPORTIONAL], 0.0)
    return chosen

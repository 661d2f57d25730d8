"""The learned forecast: trees boosted on what stands on the floor, one model per number told.

Quantile loss for the ends and the middle, squared error for the mean (histogram gradient boosting:
Friedman 2001; Ke et al. 2017; as in scikit-learn). Numbers that grow with the place in the line may
only raise what is told, so a place further back is never told less.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from queueapp.waits.corrected import ENOUGH
from queueapp.waits.features import MONOTONE

Floats = NDArray[np.float64]

# Older ones are forgotten: a clinic changes, and learning is to take seconds.
MOST = 30_000
SHARES = (0.1, 0.5, 0.9)
LOW, MID, HIGH, MEAN = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """Fitted models for p10, p50, p90 and the mean."""

    models: tuple[Any, ...]

    def predict(self, rows: Floats) -> Floats:
        """(n, 4) seconds: p10 <= p50 <= p90, then the mean; never negative."""
        with threadpool_limits(1):
            told: Floats = np.stack([m.predict(rows) for m in self.models], axis=1)
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
    leaf = int(np.clip(len(waits) // 150, 20, 100))
    common: dict[str, Any] = {
        "learning_rate": 0.1,
        "max_iter": 70,
        "max_leaf_nodes": 15,
        "min_samples_leaf": leaf,
        "max_features": 0.5,
        "l2_regularization": 1.0,
        "monotonic_cst": MONOTONE,
        "early_stopping": False,
        "random_state": seed,
    }
    rows, waits = rows[-MOST:], waits[-MOST:]
    losses: list[dict[str, Any]] = [{"loss": "quantile", "quantile": share} for share in SHARES]
    losses.append({"loss": "squared_error"})
    with threadpool_limits(1):
        return Correction(
            tuple(
                HistGradientBoostingRegressor(**loss, **common).fit(rows, waits) for loss in losses
            )
        )

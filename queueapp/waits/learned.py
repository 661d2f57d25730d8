"""What was learned of visit lengths as plain numbers, so that one process learns for all."""

from typing import Any

import numpy as np

from queueapp.waits.durations import Durations, Floats, Learned

VERSION = 1


def to_json(durations: Durations) -> dict[str, Any]:
    """Plain types for a JSON column; logs and quantiles to four decimals, seconds to two."""
    return {
        "version": VERSION,
        "walk": _pack(durations.walk, 2),
        "gap": _pack(durations.gap, 2),
        "plans": {str(r): s for r, s in durations.plans.items()},
        "services": {
            str(service): {
                "base": round(one.base, 6),
                "sigma": round(one.sigma, 6),
                "unsure": round(one.unsure, 6),
                "visits": one.visits,
                "mix": None if one.mix is None else [round(v, 6) for v in one.mix],
                "reasons": {str(r): round(v, 6) for r, v in one.reasons.items()},
                "clinicians": {str(c): round(v, 6) for c, v in one.clinicians.items()},
                "shape": _pack(one.shape, 4),
            }
            for service, one in durations.services.items()
        },
    }


def from_json(stored: dict[str, Any]) -> Durations:
    """Read what `to_json` wrote; raises ValueError for another version."""
    if stored.get("version") != VERSION:
        raise ValueError(f"learned durations of version {stored.get('version')!r}")
    return Durations(
        services={int(s): _learned(one) for s, one in stored["services"].items()},
        walk=np.array(stored["walk"], dtype=np.float64),
        gap=np.array(stored["gap"], dtype=np.float64),
        plans={int(r): float(s) for r, s in stored["plans"].items()},
    )


def _learned(one: dict[str, Any]) -> Learned:
    return Learned(
        base=one["base"],
        sigma=one["sigma"],
        shape=np.array(one["shape"], dtype=np.float64),
        reasons={int(r): v for r, v in one["reasons"].items()},
        clinicians={int(c): v for c, v in one["clinicians"].items()},
        unsure=one["unsure"],
        visits=one["visits"],
        mix=None if one.get("mix") is None else (one["mix"][0], one["mix"][1]),
    )


def _pack(values: Floats, decimals: int) -> list[float]:
    packed: list[float] = np.round(values, decimals).tolist()
    return packed

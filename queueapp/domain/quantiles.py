"""What a forecast says, and how it is stored: plain numbers, no NumPy."""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime
from math import inf, isinf
from typing import Any, NamedTuple

VERSION = 1

# The basis of a promise that says nothing: a marked guess, told as "we cannot say yet".
NOBODY_ON_DUTY = "nobody_on_duty"

# Service and, for "only this clinician", the clinician.
JoinKey = tuple[int, int | None]


class Quantiles(NamedTuple):
    """Seconds from `made_at` until the call; infinity where that share is not called today.

    `miss` is the chance of a call after `due_by` or none, `not_reached` the chance of none.
    """

    p10: float
    p50: float
    p90: float
    miss: float = 0.0
    not_reached: float = 0.0


@dataclass(frozen=True, slots=True)
class JoinTable:
    """Quantiles for one who joins, at some numbers of eligible people due before (rising)."""

    ranks: tuple[int, ...]
    quantiles: tuple[Quantiles, ...]

    def at(self, rank: int) -> Quantiles:
        """Quantiles at any rank: straight lines between, and on with the last slope beyond."""
        rank = max(rank, 0)
        i = min(bisect_left(self.ranks, rank), len(self.ranks) - 1)
        if self.ranks[i] == rank or len(self.ranks) == 1:
            return self.quantiles[i]
        low, high = self.quantiles[i - 1], self.quantiles[i]
        share = (rank - self.ranks[i - 1]) / (self.ranks[i] - self.ranks[i - 1])
        return Quantiles(
            _line(low.p10, high.p10, share),
            _line(low.p50, high.p50, share),
            _line(low.p90, high.p90, share),
            min(_line(low.miss, high.miss, share), 1.0),
            min(_line(low.not_reached, high.not_reached, share), 1.0),
        )


def _line(low: float, high: float, share: float) -> float:
    if isinf(high) or share == 1.0:
        return high
    return low + share * (high - low)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The waits of a site, true as of `seq` and `made_at`.

    `entries` holds every waiting entry but the unconfirmed; `join` a table per service, and per
    service and clinician for "only" wishes; `booked` by appointment id those who may check in now,
    as if they did. `mean_s` is what one patient takes of a clinician's
    time (walk, visit, gap) by service; `until_s` the last moment anybody is on duty. `moved` is how
    far outcomes lately asked the ends of a promise to be moved out, in widths, by group.
    """

    seq: int
    made_at: datetime
    entries: dict[int, Quantiles] = field(default_factory=dict)
    join: dict[JoinKey, JoinTable] = field(default_factory=dict)
    booked: dict[int, Quantiles] = field(default_factory=dict)
    mean_s: dict[int, float] = field(default_factory=dict)
    until_s: float = 0.0
    draws: int = 0
    moved: dict[str, tuple[float, float]] = field(default_factory=dict)
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain types for a JSON column; infinity becomes null, seconds are whole."""
        return {
            "version": self.version,
            "seq": self.seq,
            "made_at": self.made_at.isoformat(),
            "draws": self.draws,
            "until_s": round(self.until_s),
            "mean_s": {str(s): round(v, 1) for s, v in self.mean_s.items()},
            "entries": {str(e): _pack(q) for e, q in self.entries.items()},
            "booked": {str(a): _pack(q) for a, q in self.booked.items()},
            "moved": {group: [round(v, 4) for v in ends] for group, ends in self.moved.items()},
            "join": [
                {
                    "service": service,
                    "clinician": clinician,
                    "ranks": list(table.ranks),
                    "quantiles": [_pack(q) for q in table.quantiles],
                }
                for (service, clinician), table in self.join.items()
            ],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Forecast":
        """Read what `to_json` wrote; raises ValueError for another version."""
        if stored.get("version") != VERSION:
            raise ValueError(f"forecast version {stored.get('version')!r} is not {VERSION}")
        return cls(
            seq=stored["seq"],
            made_at=datetime.fromisoformat(stored["made_at"]),
            entries={int(e): _unpack(q) for e, q in stored["entries"].items()},
            join={
                (one["service"], one["clinician"]): JoinTable(
                    tuple(one["ranks"]), tuple(_unpack(q) for q in one["quantiles"])
                )
                for one in stored["join"]
            },
            moved={g: (ends[0], ends[1]) for g, ends in stored.get("moved", {}).items()},
            booked={int(a): _unpack(q) for a, q in stored.get("booked", {}).items()},
            mean_s={int(s): v for s, v in stored["mean_s"].items()},
            until_s=float(stored["until_s"]),
            draws=stored["draws"],
        )


def _pack(one: Quantiles) -> list[float | None]:
    return [
        *(None if isinf(v) else round(v) for v in (one.p10, one.p50, one.p90)),
        round(one.miss, 3),
        round(one.not_reached, 3),
    ]


def _unpack(stored: list[float | None]) -> Quantiles:
    p10, p50, p90, miss, not_reached = stored
    return Quantiles(
        inf if p10 is None else float(p10),
        inf if p50 is None else float(p50),
        inf if p90 is None else float(p90),
        float(miss or 0.0),
        float(not_reached or 0.0),
    )

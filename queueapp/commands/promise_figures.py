"""What became of promises: how often they held, how far off, revised how often and in time."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any

from queueapp.commands.rehearsal import Stay
from queueapp.domain.outcomes import NOW_S


def figures(train: Sequence[Sequence[Stay]], test: Sequence[Sequence[Stay]]) -> dict[str, Any]:
    """Of the test days; the baseline's means are learned from the train days."""
    sums: dict[tuple[int, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for s in (s for d in train for s in d):
        if s.wait_s:
            row = sums[s.guest.service, s.candidate.entry_class]
            row[0] += s.wait_s
            row[1] += s.ahead + 1
    stays = [s for d in test for s in d]
    waited = [s for s in stays if s.wait_s]

    def point(s: Stay) -> float:
        total, places = sums[s.guest.service, s.candidate.entry_class]
        return total / max(places, 1) * (s.ahead + 1)

    def group(rows: list[Stay]) -> dict[str, Any]:
        waits = [s.wait_s or 0.0 for s in rows]
        pairs = list(zip(rows, waits, strict=True))
        return kept(rows) | {
            "mean_wait_s": round(fmean(waits)),
            "mae_s": round(fmean(abs(s.told.mid_s - w) for s, w in pairs), 1),
            "mae_class_mean_s": round(fmean(abs(point(s) - w) for s, w in pairs), 1),
            "width_s": round(fmean(s.told.high_s - s.told.low_s for s in rows)),
        }

    outran = [s for s in stays if (s.called_at or s.left_at or s.high_at) > s.high_at]
    found: dict[str, Any] = {
        "days": len(test),
        "patients": len(stays),
        "at_once": share(s.wait_s == 0 for s in stays),
        "called": share(bool(s.called_at) for s in stays),
        "waited": group(waited),
        "revised": share(s.revised_at is not None for s in stays),
        "apologised": share(s.apologised_at is not None for s in stays),
        "outran": len(outran),
        "outran_told_before": share(
            s.revised_at is not None and s.revised_at < s.high_at for s in outran
        ),
        "classes": {},
        "groups": {},
    }
    called = [s for s in stays if s.called_at]
    found["classes"] = {
        label: {name: kept([s for s in mine if chosen(s)]) for name, chosen in PARTS.items()}
        for label, mine in (
            ("everybody", called),
            *(
                (label, [s for s in called if s.candidate.entry_class == label])
                for label in sorted({s.candidate.entry_class for s in called})
            ),
        )
    }
    by: dict[str, list[Stay]] = defaultdict(list)
    for s in waited:
        by[f"class {s.candidate.entry_class}"].append(s)
        by[f"wish {s.candidate.entry_class} {s.guest.preference.value}"].append(s)
        by[f"service {s.guest.service}"].append(s)
        by[f"ahead {min(s.ahead, 6)}"].append(s)
        by[f"basis {s.told.basis}"].append(s)
    found["groups"] = {name: group(rows) for name, rows in sorted(by.items())}
    return found


def kept(rows: Sequence[Stay]) -> dict[str, Any]:
    """How often the exact range (`cover_80`, `below`, `above`) and the one as said were right."""
    pairs = [(s, s.wait_s or 0.0) for s in rows]
    return {
        "n": len(rows),
        "cover_80": share(s.told.low_s <= w <= s.told.high_s for s, w in pairs),
        "below": share(w < s.told.low_s for s, w in pairs),
        "above": share(w > s.told.high_s for s, w in pairs),
        "cover_said": share(s.called_at and s.low_at <= s.called_at <= s.high_at for s in rows),
    }


def _now(one: Stay) -> bool:
    return one.told.raw_s is not None and one.told.raw_s[1] < NOW_S


# Of those who were called. Who was told "now" is told no range; that and "range" are known at
# joining, who had to wait only afterwards.
PARTS: dict[str, Callable[[Stay], bool]] = {
    "all": lambda s: True,
    "now": _now,
    "range": lambda s: not _now(s),
    "waited": lambda s: bool(s.wait_s),
}


def share(flags: Iterable[object]) -> float | None:
    """The share that is true, None of nothing."""
    kept = [bool(f) for f in flags]
    return round(sum(kept) / len(kept), 4) if kept else None

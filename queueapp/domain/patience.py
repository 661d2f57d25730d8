"""How long people wait before they give up, from those who did and those who were called first.

Kaplan & Meier (1958): who was called before they gave up says only that they would have waited so
long. Without that, the patient ones, who are always called in the end, would not count.
"""

from collections.abc import Iterable, Sequence

# Fewer who gave up say too little.
ENOUGH = 30
KNOTS = 40

# Seconds waited, and the share that is still there then; both in order of time.
Patience = tuple[tuple[float, float], ...]


def patience(waits: Iterable[tuple[float, bool]]) -> Patience:
    """What waits teach (seconds, whether given up); nothing while too few gave up."""
    seen = sorted((max(seconds, 0.0), not gave_up) for seconds, gave_up in waits)
    if sum(not called for _, called in seen) < ENOUGH:
        return ()
    left, share = len(seen), 1.0
    found: list[tuple[float, float]] = []
    for seconds, called in seen:
        if not called:
            share *= 1 - 1 / left
            found.append((seconds, share))
        left -= 1
    return _thinned(found)


def _thinned(found: Sequence[tuple[float, float]]) -> Patience:
    step = max(-(-len(found) // KNOTS), 1)
    kept = [*found[step - 1 :: step]]
    if kept[-1] != found[-1]:
        kept.append(found[-1])
    return tuple(kept)

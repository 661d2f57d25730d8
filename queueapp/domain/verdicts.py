"""Whether a target is met, as far as the numbers can tell."""

from enum import StrEnum
from math import sqrt
from statistics import NormalDist

# Nine in ten: the interval that boards draw.
CONFIDENCE = 0.9
_FEW = 15
_HARDLY_ANY = 5


class Verdict(StrEnum):
    """How a share stands to its aim."""

    MEETING = "meeting"
    MISSING = "missing"
    TOO_CLOSE = "too_close"
    TOO_FEW = "too_few"


def wilson(hits: int, of: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Where the true share (0-1) lies, by Wilson's score interval; (0, 1) without any."""
    if not of:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, square = hits / of, z * z / of
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * sqrt(share * (1 - share) / of + square / of / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def verdict(hits: int, of: int, aim: float, confidence: float = CONFIDENCE) -> Verdict:
    """Meeting or missing only where the whole interval lies on one side of the aim (0-1)."""
    low, high = wilson(hits, of, confidence)
    if of < _HARDLY_ANY:
        return Verdict.TOO_FEW
    if low >= aim:
        return Verdict.MEETING
    if high < aim:
        return Verdict.MISSING
    return Verdict.TOO_FEW if of < _FEW else Verdict.TOO_CLOSE


def share_difference(
    hits: int, of: int, before_hits: int, before_of: int, confidence: float = 0.95
) -> tuple[float, float, float] | None:
    """How much a share has changed, with Newcombe's interval; None where either is empty."""
    if not of or not before_of:
        return None
    now, before = hits / of, before_hits / before_of
    low, high = wilson(hits, of, confidence)
    before_low, before_high = wilson(before_hits, before_of, confidence)
    change = now - before
    return (
        change,
        change - sqrt((now - low) ** 2 + (before_high - before) ** 2),
        change + sqrt((high - now) ** 2 + (before - before_low) ** 2),
    )

"""Ranges that keep their word: what was told is compared with what came, and the ends are moved.

Each end is tracked online (Gibbs & Candès 2021; Angelopoulos, Candès & Tibshirani 2023): a miss
moves it out by much, a hit in by little, so that one in ten may lie beyond it. The move is a sum of
terms, one for everybody, one for the number ahead, the class, the service. Each is moved by every
outcome that is its own, so that after n of them the share that missed cannot differ from one in ten
by more than what the term has moved, divided by n times the rate, in all these groups at once and
whatever drifts (gradient equilibrium: Angelopoulos, Jordan & Tibshirani 2025). A class begins with
larger steps, which shrink as 1/n to the common one (Angelopoulos, Barber & Bates 2024): what its
outcomes say soon stays its own, and a class of few is told little by those of others.
"""

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import count

from queueapp.domain.outcomes import NOW_S, Place, Wait

MISS = 0.1
# Of a range's width, per term: about five of them together move an end by 6 % after a miss. It is
# the same for every outcome: only so are all groups right at once.
RATE = 0.0125
# A class alone begins with so many times that, and has come down to it at so many outcomes.
EAGER, SETTLED = 8.0, 200
# Numbers ahead from which a group begins; from the last but one on all are a group as well.
GROUPS = (0, 1, 2, 3, 6)
FAR = 3
# How the groups of a class are called.
CLASS = "class "
# The group of those called within a minute.
NOW = "now"
# What the end of "now" is moved in: seconds, as a clinician free of work may be slow to call.
NOW_SCALE_S = 600.0

BELOW, ABOVE = 0, 1
Ends = tuple[float, float]


def group_of(ahead: int) -> int:
    """The group a number ahead belongs to."""
    return GROUPS[bisect_right(GROUPS, max(ahead, 0)) - 1]


def terms_of(place: Place) -> tuple[str, ...]:
    """The groups a place is one of."""
    if place.now:
        return (NOW,)
    near = (
        "all",
        f"ahead {group_of(place.ahead)}",
        f"{CLASS}{place.entry_class}",
        f"service {place.service}",
    )
    return (*near, "far") if place.ahead >= FAR else near


class Calibrator:
    """How far the ends are moved out, in widths of the range, by group; `moved` as stored.

    `seen` counts the outcomes of each class at each end: needed to learn on, not to tell.
    """

    def __init__(
        self,
        moved: Mapping[str, Ends] | None = None,
        seen: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self.moved: dict[str, Ends] = dict(moved or {})
        self.seen: Counter[tuple[str, int]] = Counter(seen or {})

    def told(self, place: Place, low: float, high: float) -> tuple[float, float]:
        """The range to tell for a raw one in seconds; 0 <= low <= high."""
        return moved_range(place.now, self.ends(place), low, high)

    def ends(self, place: Place) -> Ends:
        """How far the ends are moved out at a place, in widths; the same for a group of places."""
        below = above = 0.0
        for term in terms_of(place):
            ends = self.moved.get(term)
            if ends is not None:
                below += ends[BELOW]
                above += ends[ABOVE]
        return below, above

    def with_now_of(self, other: "Calibrator") -> "Calibrator":
        """These, but "now" as other outcomes say."""
        now = {NOW: other.moved[NOW]} if NOW in other.moved else {}
        return Calibrator(self.moved | now, self.seen)

    def learn(self, place: Place, end: int, *, missed: bool) -> None:
        """Take in whether a wait lay beyond one end of what was told."""
        step = RATE * (missed - MISS)
        for term in terms_of(place):
            ends = self.moved.get(term, (0.0, 0.0))
            moved = ends[end] + step * (self._eager(term, end) if term.startswith(CLASS) else 1.0)
            if place.now:
                # Nothing is told that is shorter than now, so nothing is saved up for it.
                moved = max(moved, 0.0)
            self.moved[term] = (moved, ends[ABOVE]) if end == BELOW else (ends[BELOW], moved)

    def _eager(self, term: str, end: int) -> float:
        self.seen[term, end] += 1
        return min(max(SETTLED / self.seen[term, end], 1.0), EAGER)


def moved_range(now: bool, ends: Ends, low: float, high: float) -> tuple[float, float]:
    """A raw range in seconds with its ends moved; `now` where it is told as a minute or so."""
    below, above = ends
    if now:
        return 0.0, NOW_S + NOW_SCALE_S * max(above, 0.0)
    scale = max(high - low, 10.0 + 0.1 * high)
    first, last = low - scale * below, high + scale * above
    first = max(min(first, last), 0.0)
    return first, max(first, last)


class Practice:
    """Tells waits in the order of telling; each outcome counts from when it was known.

    Who waits longer than they were told is known to have missed then, not only when called.
    """

    def __init__(self, calibrator: Calibrator | None = None) -> None:
        self.calibrator = calibrator or Calibrator()
        self._count = count()
        self._coming: list[tuple[float, int, Place, int, bool]] = []

    def tell(self, wait: Wait) -> tuple[float, float]:
        """The range told, in seconds, from what was known at that instant."""
        self.catch_up(wait.told_at)
        first, last = self.calibrator.told(wait.place, wait.low, wait.high)
        at, called = wait.told_at, wait.called_at
        overran = called is None or called - at > last
        if overran:
            self._expect(at + last, wait.place, ABOVE, missed=True)
        if called is not None:
            self._expect(called, wait.place, BELOW, missed=called - at < first)
            if not overran:
                self._expect(called, wait.place, ABOVE, missed=False)
        return first, last

    def catch_up(self, now: float) -> None:
        """Take in what was known by `now`."""
        while self._coming and self._coming[0][0] <= now:
            _, _, place, end, missed = heapq.heappop(self._coming)
            self.calibrator.learn(place, end, missed=missed)

    def _expect(self, at: float, place: Place, end: int, *, missed: bool) -> None:
        heapq.heappush(self._coming, (at, next(self._count), place, end, missed))


def practised(waits: Iterable[Wait], now: float, since: Calibrator | None = None) -> Calibrator:
    """What these waits, in the order of telling, taught by `now` on top of what was known before.

    The same waits teach the same, whoever asks.
    """
    practice = Practice(Calibrator(since.moved, since.seen) if since else None)
    for wait in waits:
        practice.tell(wait)
    practice.catch_up(now)
    return practice.calibrator

"""A wait of the past as forecasts learn from it: instants alone, no person."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

# Nobody waits this long: a clock was set back, or a button pressed on another day.
NO_WAIT_S = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class Passage:
    """One entry's way through the queue; times are seconds since 1970, None while unknown.

    `due` is where its place in the order comes from. `called` is the first standing call, or the
    start where no call was recorded; `ended` the end of care, `left` of a wait without a call.
    `clinician` is who called; None where the record does not say. `served` is False for who was
    called and went without care.
    """

    number: int
    service: int
    entry_class: str
    arrived: float
    due: float
    called: float | None = None
    ended: float | None = None
    left: float | None = None
    clinician: int | None = None
    served: bool = True

    @property
    def wait_s(self) -> float | None:
        """Seconds from arrival to call; None for who never was."""
        return None if self.called is None else self.called - self.arrived

    @property
    def counts(self) -> bool:
        """Whether this one had to wait and was served: what is learned from and scored."""
        return self.called is not None and self.called > self.arrived and self.served


def mended(passages: Iterable[Passage]) -> list[Passage]:
    """In order of arrival, with waits that cannot be true taken as none."""
    found = []
    for one in passages:
        wait = one.wait_s
        if wait is not None and not 0 <= wait <= NO_WAIT_S:
            ended = None if one.ended is None else one.ended - wait
            one = replace(one, called=one.arrived, ended=ended)
        found.append(one)
    return sorted(found, key=lambda p: (p.arrived, p.number))

"""How a promise came out, as ranges are calibrated by: instants and seconds alone, no person."""

from dataclasses import dataclass, replace

# Nobody is called to the second: who is told "now" is told a minute.
NOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody stands who is told a range; `now` where they are called within a minute."""

    service: int
    entry_class: str
    ahead: int
    now: bool = False

    def told(self, raw_high: float) -> "Place":
        """The place of one whose raw range ends after so many seconds."""
        return replace(self, now=True) if raw_high < NOW_S else self


@dataclass(frozen=True, slots=True)
class Wait:
    """One who was told a raw range of seconds at an instant, and when they were called, if ever.

    Instants are seconds since 1970.
    """

    place: Place
    told_at: float
    low: float
    high: float
    called_at: float | None

"""Notices that the machine's clock was set back, and says so."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

# Time servers put a clock right by less than this, and by slowing it down.
NOTABLE = timedelta(seconds=2)


class ClockWatch:
    """Compares the clock with seconds that only ever rise (monotonic)."""

    def __init__(self, clock: Callable[[], datetime], ticking: Callable[[], float]) -> None:
        self._clock, self._ticking = clock, ticking
        self._began_at, self._began_ticking = clock(), ticking()

    def look(self) -> timedelta:
        """By how much the clock was set back since the last look; zero if it was not."""
        now, ticks = self._clock(), self._ticking()
        back = self._began_at + timedelta(seconds=ticks - self._began_ticking) - now
        self._began_at, self._began_ticking = now, ticks
        if back < NOTABLE:
            return timedelta(0)
        log.warning(
            "the clock was set back by %s; what happened before keeps its time, and order holds. "
            "Let the machine follow a time server (timedatectl set-ntp true)",
            timedelta(seconds=round(back.total_seconds())),
        )
        return back

"""A phone's own place and range out of the site's line, as phone.js reads them too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask_babel import gettext as _

from queueapp.domain.languages import N_
from queueapp.languages import not_reached_words
from queueapp.realtime.content.line import LineRow
from queueapp.waits.promise import spoken_range

MOST_STOPS = 6
_STEP_S = 300
_NEAR_S = 20 * 60
_INSIDE = {"called": N_("called"), "in_service": N_("inside")}


@dataclass(frozen=True, slots=True)
class Stop:
    """A dot of the line: its code (or `+4`), a word below it, and its kind (`in`, `me`, `more`)."""

    code: str
    word: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Mine:
    """What the phone says of its own wait; minutes are from `now`, None when nobody can say.

    `not_reached` is the chance of not being called today in words, empty while it is small.
    """

    before: int
    low_min: int | None
    high_min: int | None
    low_at: datetime | None
    high_at: datetime | None
    stops: tuple[Stop, ...]
    not_reached: str = ""


def mine_of(rows: Sequence[LineRow], key: str, ticket: str, now: datetime) -> Mine | None:
    """The row of `key` in words and stops; None when it is not waiting."""
    row = next((r for r in rows if r.key == key and r.place is not None), None)
    if row is None:
        return None
    low_min = high_min = low_at = high_at = None
    if row.low is not None and row.high is not None:
        seconds = now.timestamp()
        low_min, high_min = spoken_range(max(row.low - seconds, 0), max(row.high - seconds, 0))
        low_at, high_at = _clock(row.low, row.high, seconds)
    chance = not_reached_words(row.not_reached)
    return Mine(row.before, low_min, high_min, low_at, high_at, stops_of(rows, row, ticket), chance)


def _clock(low: int, high: int, now_s: float) -> tuple[datetime, datetime]:
    """The clock times: to five minutes while the range is far, to the minute when it is near."""
    low = max(low, int(now_s) // 60 * 60)
    high = max(high, low + 60)
    if high - now_s > _NEAR_S:
        low, high = low // _STEP_S * _STEP_S, -(-high // _STEP_S) * _STEP_S
    return datetime.fromtimestamp(low, UTC), datetime.fromtimestamp(high, UTC)


def stops_of(rows: Sequence[LineRow], mine: LineRow, ticket: str) -> tuple[Stop, ...]:
    """At most six: some inside, who is next, the rest folded, oneself."""
    me = Stop(ticket, _("you"), "me")
    inside = [
        Stop(r.ticket, _(_INSIDE[r.state]), "in")
        for r in rows
        if r.place is None and r.ticket and r.key != mine.key
    ]
    ahead = [r for r in rows if r.place is not None and r.place < (mine.place or 0)]
    room = MOST_STOPS - 1
    # Whoever is before in the calling order but for other clinicians is no person before you.
    if mine.before != len(ahead) or any(r.ticket is None for r in ahead):
        more = [Stop(f"+{mine.before}", _("before you"), "more")] if mine.before else []
        return (*inside[: room - len(more)][:3], *more, me)
    waiting = [Stop(r.ticket or "", _("waiting") if n else _("next")) for n, r in enumerate(ahead)]
    inside = inside[: max(2, room - len(waiting))]
    left = room - len(inside)
    if len(waiting) > left:
        folded = Stop(f"+{len(waiting) - left + 1}", _("more"), "more")
        waiting = [*waiting[: left - 2], folded, waiting[-1]]
    return (*inside, *waiting, me)

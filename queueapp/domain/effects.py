"""Who gains and who loses by an act, and that in a sentence that can be read aloud."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from queueapp.domain.quantiles import Quantiles

# From this chance of missing the target on, it is more likely missed than not.
LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """One entry's forecast without and with the act; None where it waits for no call there.

    `acted_on`: the act was done to this one, or put it in or took it out of the line; `is_new`: it
    was not there before; `is_called`: the act calls this one. `name` is the name the person is
    spoken to by, perhaps empty.
    """

    entry_id: int
    ticket: str
    name: str = ""
    acted_on: bool = False
    is_new: bool = False
    is_called: bool = False
    before: Quantiles | None = None
    after: Quantiles | None = None

    @property
    def minutes(self) -> int | None:
        """Whole minutes the median wait grows by (negative: sooner); None where there is none."""
        if self.before is None or self.after is None:
            return None
        if not (isfinite(self.before.p50) and isfinite(self.after.p50)):
            return 0 if self.before.p50 == self.after.p50 else None
        return round((self.after.p50 - self.before.p50) / 60)

    @property
    def miss(self) -> float | None:
        """How much the chance of missing the target grows (-1 to 1); None where there is none."""
        if self.before is None or self.after is None:
            return None
        return self.after.miss - self.before.miss

    @property
    def newly_misses(self) -> bool:
        """More likely called after the target than before it, which was not so without the act."""
        if self.after is None or self.after.miss < LIKELY:
            return False
        return self.before is None or self.before.miss < LIKELY

    @property
    def no_longer_misses(self) -> bool:
        """The other way round."""
        if self.before is None or self.after is None:
            return False
        return self.before.miss >= LIKELY > self.after.miss

    @property
    def lost(self) -> bool:
        """Likely reached today without the act, and likely not with it."""
        if self.before is None or self.after is None:
            return False
        return isfinite(self.before.p50) and not isfinite(self.after.p50)

    def who(self, names: bool = True) -> str:
        """`Ann (B12)`, or the ticket alone; one who has none yet is the newcomer."""
        if self.is_new:
            return "the newcomer"
        return f"{self.name} ({self.ticket})" if names and self.name else self.ticket


@dataclass(frozen=True, slots=True)
class Consequence:
    """All that an act would change, by entry, in calling order before it."""

    changes: tuple[Change, ...]

    @property
    def gains(self) -> tuple[Change, ...]:
        """Those called at least a minute sooner, by far first."""
        found = [c for c in self.changes if c.minutes is not None and c.minutes < 0]
        return tuple(sorted(found, key=lambda c: c.minutes or 0))

    @property
    def losses(self) -> tuple[Change, ...]:
        """Those called at least a minute later, or not today any more, by far first."""
        found = [c for c in self.changes if c.lost or (c.minutes or 0) > 0]
        return tuple(sorted(found, key=lambda c: (not c.lost, -(c.minutes or 0))))

    @property
    def newly_missing(self) -> tuple[Change, ...]:
        """Those who would come to miss their target by it."""
        return tuple(c for c in self.changes if c.newly_misses)

    def sentence(self, names: bool = True) -> str:
        """`Ann (B12) 6 min sooner; 3 people 2 min later; nobody newly misses the target.`"""
        done_to = [c for c in self.changes if c.acted_on]
        # Of several, those who wait the same as before need no word.
        said = [c for c in done_to if c.minutes != 0 or c.is_called] or done_to
        acted = [words for c in said if (words := _done_to(c, names))]
        others = [c for c in self.changes if not c.acted_on]
        sooner = _group([c for c in self.gains if c in others], "sooner", names)
        later = _group([c for c in self.losses if c in others and not c.lost], "later", names)
        lost = [c for c in others if c.lost]
        parts = [*acted, *sooner, *later]
        if lost:
            parts.append(f"{_people(lost, names)} likely not reached today")
        if not sooner and not later and not lost:
            parts.append("nobody else waits longer" if acted else "nobody waits longer")
        saved = [c for c in self.changes if c.no_longer_misses]
        if saved:
            parts.append(f"{_people(saved, names)} no longer likely to miss the target")
        missing = self.newly_missing
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            parts.append(f"{_people(missing, names)} {verb} now likely to miss the target")
        else:
            parts.append("nobody newly misses the target")
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}."


def _done_to(one: Change, names: bool) -> str:
    who = one.who(names)
    if one.after is None:
        return f"{who} leaves the line" if one.before is not None else ""
    if one.lost or not isfinite(one.after.p50):
        return f"{who} is likely not reached today"
    if one.minutes is None:
        return f"{who} waits about {round(one.after.p50 / 60)} min"
    if one.is_called:
        gain = f", {-one.minutes} min sooner" if one.minutes < 0 else ""
        return f"{who} is called now{gain}"
    if one.minutes == 0:
        return f"{who} no sooner and no later"
    return f"{who} {abs(one.minutes)} min {'sooner' if one.minutes < 0 else 'later'}"


def _group(changes: Iterable[Change], word: str, names: bool) -> list[str]:
    found = list(changes)
    if not found:
        return []
    spans = sorted(abs(c.minutes or 0) for c in found)
    span = f"{spans[0]}" if spans[0] == spans[-1] else f"{spans[0]}–{spans[-1]}"
    return [f"{_people(found, names)} {span} min {word}"]


def _people(changes: Iterable[Change], names: bool) -> str:
    found = list(changes)
    if len(found) == 1:
        return found[0].who(names)
    return f"{len(found)} people"

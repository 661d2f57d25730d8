"""The simulated forecast put right by what the site's own history taught.

The learned model tells what one who came now with so many ahead would wait; somebody waiting with
as many ahead waits as long. The simulation keeps the word where it knows what no history can show:
a break, a shift that ends, nobody on duty, a clinician with nobody to call.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from queueapp.domain.ordering import Candidate, ShiftView, in_order
from queueapp.domain.passages import Passage, mended
from queueapp.domain.quantiles import Forecast, Quantiles
from queueapp.domain.snapshot import Snapshot
from queueapp.domain.visit import EntryClass, PreferenceKind, Presence
from queueapp.waits.calibration import Calibrator
from queueapp.waits.features import Look, look
from queueapp.waits.floor import ON_DUTY_S, Floor, Server, events

if TYPE_CHECKING:
    from queueapp.waits.correction import Correction

# Waits to learn from before anything but the simulation is told.
ENOUGH = 300
# Where the simulation sees more than this chance of no call today, its word stands.
NOT_REACHED = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What a site's history taught by `until` (seconds since 1970), from `waits` waits."""

    correction: "Correction"
    calibrator: Calibrator
    floor: Floor
    zone: ZoneInfo
    until: float
    waits: int


@dataclass(frozen=True, slots=True)
class _Place:
    """One place to tell: `line` is whose places are compared, None `entry_id` one who joins."""

    line: tuple[int, str]
    ahead: int
    plain: Quantiles
    row: list[float]
    entry_id: int | None = None


def corrected(
    plain: Forecast, snapshot: Snapshot, taught: Taught, lately: Iterable[Passage]
) -> Forecast:
    """The forecast with the quantiles that history taught, never falling with the number ahead.

    They are raw: `waits.kept` calibrates them as it does simulated ones.

    `lately` are the site's passages that were not over at `taught.until`, or came since. "Only this
    clinician" stays as simulated.
    """
    floor = _floor(snapshot, taught, lately)
    places = [*_joining(plain, floor, taught.zone), *_waiting(plain, snapshot, floor, taught.zone)]
    if not places:
        return plain
    raw = taught.correction.predict(np.array([p.row for p in places]))
    told: dict[tuple[tuple[int, str], bool], list[tuple[_Place, Quantiles]]] = {}
    for place, (low, mid, high, _) in zip(places, raw.tolist(), strict=True):
        ours = place.plain._replace(p10=low, p50=mid, p90=high)
        told.setdefault((place.line, place.entry_id is None), []).append(
            (place, ours if _agrees(place.plain, ours) else place.plain)
        )
    entries, join = dict(plain.entries), dict(plain.join)
    for (line, joins), group in told.items():
        rising = _rising(group)
        if joins:
            found = {p.ahead: q for p, q in rising}
            table = join[line[0], None]
            quantiles = [found.get(r, q) for r, q in zip(table.ranks, table.quantiles, strict=True)]
            join[line[0], None] = replace(table, quantiles=tuple(quantiles))
        else:
            entries |= {p.entry_id: q for p, q in rising if p.entry_id is not None}
    return replace(plain, entries=entries, join=join)


def _joining(plain: Forecast, floor: Floor, zone: ZoneInfo) -> Iterator[_Place]:
    for (service, clinician), table in plain.join.items():
        if clinician is not None:
            continue
        here = look(floor, service, EntryClass.WALK_IN, zone)
        for ahead, quantiles in zip(table.ranks, table.quantiles, strict=True):
            if _has_to_wait(here, ahead):
                line = service, str(EntryClass.WALK_IN)
                yield _Place(line, ahead, quantiles, here.row(ahead))


def _waiting(plain: Forecast, snapshot: Snapshot, floor: Floor, zone: ZoneInfo) -> Iterator[_Place]:
    looks: dict[tuple[int, str], Look] = {}
    for one in snapshot.waiting:
        quantiles = plain.entries.get(one.entry_id)
        if quantiles is None or one.entry_id not in floor.waiting:
            continue
        if one.preference is PreferenceKind.ONLY:
            continue
        mine = floor.waiting[one.entry_id]
        kind = mine.service, mine.entry_class
        if kind not in looks:
            looks[kind] = look(floor, *kind, zone)
        here = looks[kind].without(one.entry_id)
        ahead = sum(other.due < mine.due for other in here.line)
        if _has_to_wait(here, ahead):
            yield _Place(kind, ahead, quantiles, here.row(ahead), one.entry_id)


def _has_to_wait(here: Look, ahead: int) -> bool:
    """Whether history is about such a place: clinicians are there, and none is left over."""
    return here.able > 0 and ahead >= here.idle


def _agrees(plain: Quantiles, ours: Quantiles) -> bool:
    """Two ranges apart from each other: the simulation knows of something unusual."""
    if not isfinite(plain.p90) or plain.not_reached > NOT_REACHED:
        return False
    return ours.p10 <= plain.p90 and plain.p10 <= ours.p90


def _rising(group: list[tuple[_Place, Quantiles]]) -> list[tuple[_Place, Quantiles]]:
    """In order of the number ahead, none told less than one before."""
    found: list[tuple[_Place, Quantiles]] = []
    low = mid = high = 0.0
    for place, told in sorted(group, key=lambda g: (g[0].ahead, g[0].entry_id or 0)):
        low, mid, high = max(low, told.p10), max(mid, told.p50), max(high, told.p90)
        found.append((place, told._replace(p10=low, p50=mid, p90=high)))
    return found


def _floor(snapshot: Snapshot, taught: Taught, lately: Iterable[Passage]) -> Floor:
    """The floor as it is now: what was learned, what happened since, and who is there."""
    floor = deepcopy(taught.floor)
    now = snapshot.taken_at.timestamp()
    since = [e for e in events(mended(lately)) if taught.until < e[0] <= now]
    floor.tell_all(since)
    floor.now = now
    free_since = {c: s.since for c, s in floor.servers.items() if s.serving is None}
    here = [c for c in in_order(snapshot.waiting) if c.presence is Presence.HERE]
    floor.waiting = {c.entry_id: _passage(c, i) for i, c in enumerate(here)}
    floor.servers = dict(enumerate(_servers(snapshot, free_since, now)))
    return floor


def _passage(one: Candidate, place: int) -> Passage:
    return Passage(
        one.entry_id, one.service_id, one.entry_class, one.arrived_at.timestamp(), float(place)
    )


def _servers(snapshot: Snapshot, free_since: dict[int, float], now: float) -> Iterator[Server]:
    for shift in snapshot.shifts:
        if not shift.is_open or _is_away(snapshot, shift):
            continue
        inside = [r for r in snapshot.in_rooms if r.shift_id == shift.shift_id]
        for one in inside:
            yield Server(
                one.since.timestamp(),
                Passage(one.entry_id, one.service_id, one.entry_class, 0.0, 0.0),
                _gives(shift),
            )
        for _ in range(shift.free_places):
            # A roster says who is on duty, however long they have had nobody.
            earliest = now - ON_DUTY_S
            yield Server(
                max(free_since.get(shift.clinician_id, earliest), earliest), None, _gives(shift)
            )


def _gives(shift: ShiftView) -> Counter[int]:
    return Counter(dict.fromkeys(shift.services, 1))


def _is_away(snapshot: Snapshot, shift: ShiftView) -> bool:
    if shift.paused_until is not None and shift.paused_until > snapshot.taken_at:
        return True
    spans = snapshot.breaks.get(shift.shift_id, ())
    return any(start <= snapshot.taken_at < end for start, end in spans)

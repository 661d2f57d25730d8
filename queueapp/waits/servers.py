"""Who gives care when: every place of every shift as one server, with breaks, pauses and an end.

All times are seconds from the snapshot; infinity means never.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import MAXYEAR, datetime

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.ordering import ShiftView
from queueapp.domain.snapshot import InRoom, Snapshot
from queueapp.waits.chance import Part, Stream, pick, stream, streams, words
from queueapp.waits.durations import Durations, Floats

# An open shift past its planned end goes on for this long; nobody has said otherwise.
OVERRUN_S = 900.0
# Means of what nobody told: how late one not yet there will be, how long a pause without end lasts.
LATE_START_S = 600.0
PAUSE_S = 900.0
# More seconds than any shift still lasts: as far apart lie the servers' times in one table.
_APART_S = 2.0**24


@dataclass(frozen=True, slots=True, eq=False)
class Servers:
    """S servers in D draws: `ready` (D, S) when each is free first, `ends` (S,) its last moment.

    Ends and breaks lie in one table, each server's moments _APART_S after the last one's. At
    `turns` (T,) a server opens or closes; `opens` (1 + T,) says from when it may call then, minus
    infinity for at once. `visit_free` says by visit when the entry now in a room is over, `pace` by
    service what all its visits of a draw share (D,).
    """

    shifts: list[ShiftView]
    ready: Floats
    ends: Floats
    turns: Floats
    opens: Floats
    visit_free: dict[int, Floats] = field(default_factory=dict)
    pace: dict[int, Floats] = field(default_factory=dict)

    def limits(self, now: float = 0.0) -> Floats:
        """Until when nothing changes for each server (S,), whose breaks till `now` are over."""
        begins = np.arange(len(self.shifts)) * _APART_S
        closes = np.where(self.opens[1:] > now, self.turns, np.inf)
        limits: Floats = np.minimum.reduceat(closes, self.turns.searchsorted(begins)) - begins
        return limits

    def open_in_place(self, server: NDArray[np.intp], at: Floats, limits: Floats) -> None:
        """Change each of `at` (n,) to the first moment from then on when the server may call."""
        over = (at >= limits.take(server)).nonzero()[0]
        if len(over):
            at[over] = self.open_from(server[over], at[over])

    def open_from(self, server: NDArray[np.intp], at: Floats) -> Floats:
        """The first moment from `at` (…, n) when each `server` (n,) may; infinity after its end."""
        turn = self.turns.searchsorted(np.minimum(at, _APART_S / 2) + server * _APART_S, "right")
        opened: Floats = np.maximum(at, self.opens.take(turn))
        return opened


def _turns(
    ends: Sequence[float], spans: Sequence[Sequence[tuple[float, float]]]
) -> tuple[Floats, Floats]:
    """See `Servers.turns` and `Servers.opens`."""
    turns, opens = [], [-np.inf]
    for n, (end, breaks) in enumerate(zip(ends, spans, strict=True)):
        last = max(end, 0.0)
        mine = [(0.0, -np.inf)]
        for begins, over in breaks:
            if begins < last:
                mine += [
                    (max(begins, 0.0), over if over < end else np.inf),
                    (min(over, last), -np.inf),
                ]
        for moment, then in [*mine, (last, np.inf)]:
            turns.append(n * _APART_S + moment)
            opens.append(then)
    return np.array(turns), np.array(opens)


def place_servers(snapshot: Snapshot, durations: Durations, draws: int, seed: int) -> Servers:
    """One server per free place and per person in a room, in order of shift."""
    shifts: list[ShiftView] = []
    ready: list[Floats] = []
    visit_free: dict[int, Floats] = {}
    pace = day_pace(snapshot, durations, draws, seed)
    in_rooms = sorted(snapshot.in_rooms, key=lambda r: r.entry_id)
    inside: dict[int, list[tuple[InRoom, Floats, Floats]]] = {}
    over = _over(snapshot, durations, in_rooms, pace, draws, seed)
    for one, finish, gap in zip(in_rooms, *over, strict=True):
        inside.setdefault(one.shift_id, []).append((one, finish, gap))
    for shift in sorted(snapshot.shifts, key=lambda s: s.shift_id):
        begins = _begins(snapshot, shift, draws, seed)
        for one, finish, gap in inside.get(shift.shift_id, []):
            if one.visit_id is not None:
                visit_free[one.visit_id] = finish
            shifts.append(shift)
            ready.append(np.maximum(begins, finish + gap))
        places = _places(shift, len(inside.get(shift.shift_id, [])))
        shifts += [shift] * places
        ready += [begins] * places
    spans = [_spans(snapshot, s) for s in shifts]
    ends = [ends_after(snapshot, s) for s in shifts]
    turns, opens = _turns(ends, spans)
    servers = Servers(
        shifts=shifts,
        ready=np.array(ready).reshape(-1, draws).T,
        ends=np.array(ends),
        turns=turns,
        opens=opens,
        visit_free=visit_free,
        pace=pace,
    )
    # Server by server: so whole rows are compared with one number each.
    servers.ready.T[:] = servers.open_from(np.arange(len(shifts))[:, None], servers.ready.T)
    return servers


def after(snapshot: Snapshot, at: datetime) -> float:
    """Seconds from the snapshot to an instant."""
    return (at - snapshot.taken_at).total_seconds()


def ends_after(snapshot: Snapshot, shift: ShiftView) -> float:
    """Seconds until a shift calls nobody any more: its end, or closing."""
    end = after(snapshot, shift.ends_at)
    if shift.is_open and end <= 0:
        end = OVERRUN_S
    return end if snapshot.closes_at is None else min(end, after(snapshot, snapshot.closes_at))


def _places(shift: ShiftView, taken: int) -> int:
    """Free places; who has yet to come, or has no room yet, will have one."""
    if not shift.is_open or shift.room_id is None:
        return max(shift.free_places, 1 - taken)
    return max(shift.free_places, 0)


def _begins(snapshot: Snapshot, shift: ShiftView, draws: int, seed: int) -> Floats:
    begins = np.zeros(draws)
    if shift.is_open and shift.paused_until is None:
        return begins
    chance = stream(seed, Stream.SHIFT, shift.shift_id)
    unknown = chance.standard_exponential(draws)
    if not shift.is_open:
        due = after(snapshot, shift.starts_at)
        begins += _starts(snapshot, shift, due, unknown, chance.random(draws))
    if shift.paused_until is not None:
        if shift.paused_until.year == MAXYEAR:
            begins = np.maximum(begins, PAUSE_S * unknown)
        else:
            begins = np.maximum(begins, after(snapshot, shift.paused_until))
    return begins


def _starts(
    snapshot: Snapshot, shift: ShiftView, due: float, unknown: Floats, luck: Floats
) -> Floats:
    """Seconds until one not yet there begins: as late as others were, given how late it is."""
    if due > 0 and shift.declared_delay:
        return np.full_like(luck, due)
    late = np.array([s for s in snapshot.habits.late_starts_s if s > -due] or [0.0])
    if due <= 0 and not late[0]:
        return LATE_START_S * unknown
    return np.asarray(due + late[(luck * len(late)).astype(np.intp)])


def _over(
    snapshot: Snapshot,
    durations: Durations,
    in_rooms: Sequence[InRoom],
    pace: dict[int, Floats],
    draws: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """When those in rooms are finished, and the gaps after (seconds, (N, D) each)."""
    if not in_rooms:
        return np.zeros((0, draws)), np.zeros((0, draws))
    # The luck they had while they waited, so that a call by itself changes nobody's forecast.
    luck = words(seed, [(Stream.ENTRY, [one.entry_id for one in in_rooms])], draws)
    elapsed = [-after(snapshot, one.since) for one in in_rooms]
    tables = [
        durations.remaining(one.service_id, one.reason_id, one.clinician_id, since)
        if one.started
        else durations.table(one.service_id, one.reason_id, one.clinician_id)
        for one, since in zip(in_rooms, elapsed, strict=True)
    ]
    left = pick(np.concatenate(tables), luck, Part.VISIT, range(len(tables)))
    walk = pick(durations.walk, luck, Part.WALK)
    for n, one in enumerate(in_rooms):
        if not one.started:
            left[n] += np.maximum(walk[n] - elapsed[n], 0.0)
        left[n] *= pace[one.service_id]
    return left, pick(durations.gap, luck, Part.GAP)


def day_pace(snapshot: Snapshot, durations: Durations, draws: int, seed: int) -> dict[int, Floats]:
    """What all visits of a service share in one draw (D,): the mean is not known exactly."""
    services = {*snapshot.services, *(r.service_id for r in snapshot.in_rooms)}
    services |= {c.service_id for c in snapshot.waiting}
    services |= {e.candidate.service_id for e in snapshot.expected}
    services |= {service for service, _, _ in snapshot.habits.arrivals_per_hour}
    return {
        s: np.exp(durations.learned(s).unsure * chance.standard_normal(draws))
        for s, chance in zip(services, streams(seed, Stream.DAY, services), strict=True)
    }


def _spans(snapshot: Snapshot, shift: ShiftView) -> list[tuple[float, float]]:
    """Breaks as seconds from the snapshot, joined where they touch."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(snapshot.breaks.get(shift.shift_id, ())):
        first, last = after(snapshot, start), after(snapshot, end)
        if last <= 0:
            continue
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined

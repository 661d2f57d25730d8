"""A snapshot as arrays: who may be called by which server from when, and in which order.

Columns are people: those waiting, in calling order, then the booked to come, then those who may
turn up. All times are seconds from the snapshot; infinity means never.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.ordering import Candidate, OrderKey, ShiftView, can_serve, in_order
from queueapp.domain.snapshot import Expected, Snapshot
from queueapp.domain.visit import PreferenceKind
from queueapp.waits import people
from queueapp.waits.durations import Durations, Floats
from queueapp.waits.people import Column
from queueapp.waits.servers import Servers, after, place_servers

# Bands lie this many seconds apart; ties are broken by far less than a microsecond a person.
BAND_S = 2e6
TIE_S = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Shapes: D draws, E people (W waiting, then `expected`), C kinds of server, S servers.

    `key` (D, E) is the calling order; `may` (C, D, E) from when a server of that kind may call;
    `kind` (S,) the kind of each server; a call takes `walk + visit * factor[server]` (each (E, D),
    factor (S, E)) and then `gap` (E, D). `siblings` are columns of one visit, never in two rooms at
    once; `anchors` those before whom somebody was moved.
    """

    taken_at: datetime
    waiting: list[Candidate]
    expected: list[Expected]
    servers: Servers
    key: Floats
    may: Floats
    kind: NDArray[np.intp]
    walk: Floats
    visit: Floats
    gap: Floats
    factor: Floats
    siblings: dict[int, list[int]] = field(default_factory=dict)
    anchors: frozenset[int] = frozenset()


def make_plan(snapshot: Snapshot, durations: Durations, draws: int, seed: int) -> Plan:
    """Lay the snapshot out for `draws` simulated days."""
    servers = place_servers(snapshot, durations, draws, seed)
    line = in_order(snapshot.waiting)
    columns = [people.waiting(snapshot, durations, servers, c, draws, seed) for c in line]
    to_come = people.soon_booked(snapshot, durations, servers)
    columns += [people.booked(snapshot, durations, servers, e, draws, seed) for e in to_come]
    columns += people.turning_up(snapshot, durations, servers, draws, seed)

    def stack(arrays: Sequence[Floats]) -> Floats:
        return np.stack(arrays) if arrays else np.zeros((0, draws))

    bands = np.array([(c.candidate.band - 1) * BAND_S for c in columns])
    due = stack([c.due for c in columns])
    key = np.ascontiguousarray(due.T) + bands + TIE_S * np.arange(len(columns))
    key[:, : len(line)] = order_keys(line, snapshot.taken_at)[1]
    may, kind = _gates(snapshot, servers, columns, draws)
    visits: dict[int, list[int]] = defaultdict(list)
    for i, one in enumerate(line):
        visits[one.visit_id].append(i)
    wanted = [c.candidate.service_id for c in columns]
    factor = []
    for shift in servers.shifts:
        own = {s: durations.factor(s, shift.clinician_id) for s in set(wanted)}
        factor.append([own[s] for s in wanted])
    return Plan(
        taken_at=snapshot.taken_at,
        waiting=line,
        expected=to_come,
        servers=servers,
        key=key,
        may=may,
        kind=kind,
        walk=stack([c.walk for c in columns]),
        visit=stack([c.visit for c in columns]),
        gap=stack([c.gap for c in columns]),
        factor=np.array(factor).reshape(len(servers.shifts), len(columns)),
        siblings={
            i: [j for j in group if j != i]
            for group in visits.values()
            if len(group) > 1
            for i in group
        },
        anchors=frozenset(
            i
            for i, c in enumerate(line)
            if any(m.move and m.move.before_id == c.entry_id for m in line)
        ),
    )


def order_keys(line: Iterable[Candidate], now: datetime) -> tuple[list[Candidate], Floats]:
    """Those waiting in calling order, and rising numbers that newcomers' keys compare with.

    Who was moved takes the place of the anchor, so has its key; the order itself is `in_order`.
    """
    ordered = in_order(line)
    place: dict[int, OrderKey] = {c.entry_id: c.key for c in ordered}
    band = {c.entry_id: c.band for c in ordered}
    moves = sorted((c.move.made_at, c.entry_id, c.move.before_id) for c in ordered if c.move)
    for _, one, anchor in moves:
        if anchor in place and anchor != one and band[anchor] == band[one]:
            place[one] = place[anchor]
    keys = [
        (place[c.entry_id][0] - 1) * BAND_S
        + (place[c.entry_id][1] - now).total_seconds()
        + TIE_S * i
        for i, c in enumerate(ordered)
    ]
    return ordered, np.array(keys)


def _gates(
    snapshot: Snapshot, servers: Servers, columns: list[Column], draws: int
) -> tuple[Floats, NDArray[np.intp]]:
    """From when each kind of server may call each person; servers alike share a kind."""
    kinds: dict[tuple[bytes, bytes], int] = {}
    kind = np.zeros(len(servers.shifts), dtype=np.intp)
    gates: list[Floats] = []
    release = {
        i: released_after(snapshot, c.candidate, c.due)
        for i, c in enumerate(columns)
        if c.candidate.preference is PreferenceKind.IF_POSSIBLE
    }
    free = np.zeros((draws, len(columns)))
    if columns:
        free[:] = np.stack([c.free_from for c in columns]).T
    for s, shift in enumerate(servers.shifts):
        fits = np.array([able(c.candidate, shift) for c in columns], dtype=bool)
        wished = np.array([shift.clinician_id in c.candidate.clinicians for c in columns], bool)
        held = np.array([i in release for i in range(len(columns))], bool) & ~wished & fits
        name = (fits.tobytes(), held.tobytes())
        if name not in kinds:
            kinds[name] = len(gates)
            gate = np.where(fits, free, np.inf)
            for i in np.flatnonzero(held):
                gate[:, i] = np.maximum(gate[:, i], release[int(i)])
            gates.append(gate)
        kind[s] = kinds[name]
    return np.stack(gates) if gates else np.zeros((0, draws, len(columns))), kind


def able(one: Candidate, shift: ShiftView) -> bool:
    """Whether a shift could ever serve somebody; a room is only known once the shift is open."""
    if shift.is_open and not one.needs <= shift.room_features:
        return False
    return can_serve(one, shift)


def released_after(snapshot: Snapshot, one: Candidate, due: Floats) -> Floats:
    """When an "if possible" wish no longer holds others back: `is_released` solved for time."""
    last = np.full_like(due, -np.inf)
    for s in snapshot.shifts:
        if s.clinician_id in one.clinicians and one.service_id in s.services:
            still = np.where(
                after(snapshot, s.starts_at) < due, after(snapshot, s.ends_at), -np.inf
            )
            last = np.maximum(last, still)
    released: Floats = np.minimum(due - snapshot.rules.release.total_seconds(), last)
    return released

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

from queueapp.domain.ordering import Candidate, ShiftView, can_serve, in_order
from queueapp.domain.snapshot import Expected, Snapshot
from queueapp.domain.visit import PreferenceKind
from queueapp.waits import people
from queueapp.waits.chance import Part, Stream, levels, words
from queueapp.waits.durations import LEVELS, Durations, Floats, Singles
from queueapp.waits.people import Comers
from queueapp.waits.servers import Servers, after, place_servers

# Bands lie this many seconds apart; ties are broken by far less than a microsecond a person.
BAND_S = 2e6
TIE_S = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """D draws, E people (W waiting, then `expected`, then who may turn up), S servers of K kinds.

    `waiting_key` (W,) is where those waiting stand now. In every draw alike are the `fixed`
    columns (A,), in calling order with keys `fixed_key` (A,), and from when each kind may call
    them, `fixed_gate` (K, A). The `late` columns (B,) have in each draw a key and from when they
    may be called, `late_key` and `late_free` (B, D); kinds of `late_held` (K, B) may not before
    `late_release` (B, D), those outside `late_fits` (K, B) never.

    `kind` (S,) is each server's. A call takes `besides` (walk and gap) + `visit` * `factor[server]`
    (E, D and S, E); `gap` (E, D) is the last part of it. Who is called after `gone` (E, D; no rows
    while nobody knows) has given up: nothing is taken then, and the call is when they would have
    been called. `siblings` are columns of one visit, never in two rooms at once; `anchors` those
    before whom somebody was moved.
    """

    taken_at: datetime
    draws: int
    waiting: list[Candidate]
    expected: list[Expected]
    servers: Servers
    waiting_key: Floats
    fixed: NDArray[np.intp]
    fixed_key: Floats
    fixed_gate: Floats
    late: NDArray[np.intp]
    late_key: Floats
    late_free: Floats
    late_release: Floats
    late_fits: NDArray[np.bool_]
    late_held: NDArray[np.bool_]
    kind: NDArray[np.intp]
    besides: Singles
    visit: Singles
    gap: Singles
    factor: Floats
    gone: Singles
    siblings: dict[int, list[int]] = field(default_factory=dict)
    anchors: frozenset[int] = frozenset()


def make_plan(snapshot: Snapshot, durations: Durations, draws: int, seed: int) -> Plan:
    """Lay the snapshot out for `draws` simulated days."""
    servers = place_servers(snapshot, durations, draws, seed)
    line = in_order(snapshot.waiting)
    waiting_key = order_keys(line, line, snapshot.taken_at)
    until = people.horizon(snapshot, durations, servers)
    to_come = people.soon_booked(snapshot, until)
    comers = [people.booked(snapshot, durations, to_come, draws, seed)]
    comers += people.turning_up(snapshot, durations, servers, until, draws, seed)
    everybody = [*line, *(c for group in comers for c in group.candidates)]
    siblings = _siblings(line)
    anchors = {one.move.before_id for one in line if one.move}
    # Whose place or gate may differ from draw to draw, or change while a draw runs.
    unsteady = np.array(
        [one.move is not None or one.visit_busy or i in siblings for i, one in enumerate(line)],
        dtype=bool,
    )
    fixed, moving = np.flatnonzero(~unsteady), np.flatnonzero(unsteady)
    late = np.concatenate([moving, np.arange(len(line), len(everybody))])
    fits, held, kind = _kinds(servers, everybody)
    free = np.array([people.free_from(snapshot, one) for one in line], dtype=np.float64)
    due = np.array([after(snapshot, one.due_by) for one in line], dtype=np.float64)
    release = np.array([_released(snapshot, one, d) for one, d in zip(line, due, strict=True)])
    gate = np.where(held[:, fixed], np.maximum(free, release)[fixed], free[fixed])
    late_free = np.concatenate(
        [np.repeat(free[moving, None], draws, axis=1), *(c.free_from for c in comers)]
    )
    for row, i in enumerate(moving):
        if line[i].visit_busy:
            busy = people.elsewhere_until(snapshot, durations, servers, line[i], draws, seed)
            late_free[row] = np.maximum(late_free[row], busy)
    late_due = np.concatenate(
        [np.repeat(due[moving, None], draws, axis=1), *(c.due for c in comers)]
    )
    late_release = np.full(late_due.shape if held[:, late].any() else (0, 0), -np.inf)
    for n in np.flatnonzero(held[:, late].any(axis=0)):
        late_release[n] = released_after(snapshot, everybody[late[n]], late_due[n])
    bands = np.array([(everybody[i].band - 1) * BAND_S for i in late])
    late_key = late_due + (bands + TIE_S * late)[:, None]
    late_key[: len(moving)] = waiting_key[moving, None]
    besides, visit, gap = _lengths(snapshot, durations, servers, line, comers, draws, seed)
    return Plan(
        taken_at=snapshot.taken_at,
        draws=draws,
        waiting=line,
        expected=to_come,
        servers=servers,
        waiting_key=waiting_key,
        fixed=fixed,
        fixed_key=waiting_key[fixed],
        fixed_gate=np.where(fits[:, fixed], gate, np.inf),
        late=late,
        late_key=late_key,
        late_free=late_free,
        late_release=late_release,
        late_fits=fits[:, late],
        late_held=held[:, late],
        kind=kind,
        besides=besides,
        visit=visit,
        gap=gap,
        factor=_factors(durations, servers, everybody),
        gone=_gone(snapshot, line, comers, draws, seed),
        siblings=siblings,
        anchors=frozenset(i for i, c in enumerate(line) if c.entry_id in anchors),
    )


def order_keys(ordered: Sequence[Candidate], home: Sequence[Candidate], now: datetime) -> Floats:
    """Numbers that rise along `ordered` (those waiting, as `in_order` has them).

    Who was moved takes the place of the anchor, directly before it. Who was not keeps one number
    whoever else is gone; `home` are all who waited at first.
    """
    places = {
        c.entry_id: (c.band - 1) * BAND_S + (c.due_by - now).total_seconds() + TIE_S * n
        for n, c in enumerate(sorted(home, key=lambda c: c.key), 1)
    }
    owner = {c.entry_id: c.entry_id for c in ordered}
    band = {c.entry_id: c.band for c in ordered}
    moves = sorted((c.move.made_at, c.entry_id, c.move.before_id) for c in ordered if c.move)
    for _, one, anchor in moves:
        if anchor in owner and anchor != one and band[anchor] == band[one]:
            owner[one] = owner[anchor]
    moved = [c.entry_id for c in ordered if owner[c.entry_id] != c.entry_id]
    keys = {c.entry_id: places[owner[c.entry_id]] for c in ordered}
    for n, one in enumerate(reversed(moved), 1):
        keys[one] -= TIE_S * n / (len(moved) + 1)
    return np.array([keys[c.entry_id] for c in ordered], dtype=np.float64)


def _siblings(line: Sequence[Candidate]) -> dict[int, list[int]]:
    visits: dict[int, list[int]] = defaultdict(list)
    for i, one in enumerate(line):
        visits[one.visit_id].append(i)
    groups = (group for group in visits.values() if len(group) > 1)
    return {i: [j for j in group if j != i] for group in groups for i in group}


def _kinds(
    servers: Servers, everybody: Iterable[Candidate]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.intp]]:
    """Whom each kind of server fits, whom it may call only once released, and servers' kinds."""
    asked = [(c.service_id, c.preference, c.clinicians, c.needs) for c in everybody]
    alike = dict(zip(asked, everybody, strict=True))
    number = {key: n for n, key in enumerate(alike)}
    which = np.array([number[key] for key in asked], dtype=np.intp)
    kinds: dict[tuple[bytes, bytes], int] = {}
    kind = np.zeros(len(servers.shifts), dtype=np.intp)
    fits: list[NDArray[np.bool_]] = []
    held: list[NDArray[np.bool_]] = []
    for s, shift in enumerate(servers.shifts):
        can = np.array([able(c, shift) for c in alike.values()], dtype=bool)
        others = np.array([_waits_for_others(c, shift) for c in alike.values()], dtype=bool) & can
        name = (can.tobytes(), others.tobytes())
        if name not in kinds:
            kinds[name] = len(fits)
            fits.append(can[which])
            held.append(others[which])
        kind[s] = kinds[name]
    shape = (len(fits), len(asked))
    return np.array(fits, bool).reshape(shape), np.array(held, bool).reshape(shape), kind


def _lengths(
    snapshot: Snapshot,
    durations: Durations,
    servers: Servers,
    line: Sequence[Candidate],
    comers: Sequence[Comers],
    draws: int,
    seed: int,
) -> tuple[Singles, Singles, Singles]:
    """Walk with gap, visit, and gap alone of everybody in every draw (each (E, D))."""
    waiting = words(seed, [(Stream.ENTRY, one.entry_id) for one in line], draws)
    luck = np.concatenate([waiting, *(group.luck for group in comers)])
    tables = [people.waiting_table(snapshot, durations, one) for one in line]
    tables += [table for group in comers for table in group.tables]
    different = {id(table): table for table in tables}
    start = {name: n * LEVELS for n, name in enumerate(different)}
    starts = np.array([start[id(table)] for table in tables], dtype=np.uint32)[:, None]
    lengths = np.concatenate([np.zeros(0), *different.values()]).astype(np.float32)
    visit = lengths.take(levels(luck, Part.VISIT) + starts)
    wanted = [c.service_id for c in line]
    wanted += [c.service_id for group in comers for c in group.candidates]
    for row, service in zip(visit, wanted, strict=True):
        row *= servers.pace[service]
    gap = durations.gap.astype(np.float32).take(levels(luck, Part.GAP))
    besides = durations.walk.astype(np.float32).take(levels(luck, Part.WALK))
    besides += gap
    return besides, visit, gap


def _gone(
    snapshot: Snapshot, line: Sequence[Candidate], comers: Sequence[Comers], draws: int, seed: int
) -> Singles:
    """When each would give up (E, D); without rows while nobody knows."""
    if not snapshot.habits.patience:
        return np.zeros((0, draws), dtype=np.float32)
    waited = [max(-after(snapshot, one.arrived_at), 0.0) for one in line]
    count = sum(len(group.candidates) for group in comers)
    owners = [(Stream.PATIENCE, one.entry_id) for one in line]
    owners += [(Stream.PATIENCE_TO_COME, n) for n in range(count)]
    luck = words(seed, owners, draws)
    gone = people.gone_after(snapshot, np.array([*waited, *[0.0] * count]), luck)
    gone[: len(line)] -= np.array(waited, dtype=np.float32)[:, None]
    gone[len(line) :] += np.concatenate([group.free_from for group in comers])
    return gone


def _factors(durations: Durations, servers: Servers, everybody: Sequence[Candidate]) -> Floats:
    """How much longer than others each server takes with each person (S, E)."""
    wanted = [c.service_id for c in everybody]
    rows = []
    for shift in servers.shifts:
        own = {s: durations.factor(s, shift.clinician_id) for s in set(wanted)}
        rows.append([own[s] for s in wanted])
    return np.array(rows).reshape(len(servers.shifts), len(wanted))


def able(one: Candidate, shift: ShiftView) -> bool:
    """Whether a shift could ever serve somebody; a room is only known once the shift is open."""
    if shift.is_open and not one.needs <= shift.room_features:
        return False
    return can_serve(one, shift)


def _waits_for_others(one: Candidate, shift: ShiftView) -> bool:
    return one.preference is PreferenceKind.IF_POSSIBLE and shift.clinician_id not in one.clinicians


def _released(snapshot: Snapshot, one: Candidate, due: float) -> float:
    if one.preference is not PreferenceKind.IF_POSSIBLE:
        return -np.inf
    return float(released_after(snapshot, one, np.array([due]))[0])


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

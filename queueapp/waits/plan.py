"""A snapshot as arrays: who may be called by which server from when, and in which order.

Columns are people: those waiting, in calling order, then the booked to come, then those who may
turn up. All times are seconds from the snapshot; infinity means never.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from queueapp.domain.ordering import Candidate, ShiftView, can_serve, in_order
from queueapp.domain.snapshot import Expected, Snapshot
from queueapp.domain.visit import PreferenceKind
from queueapp.waits import people
from queueapp.waits.arrivals import turning_up
from queueapp.waits.chance import Stream, Words, words
from queueapp.waits.durations import Durations, Floats, Singles
from queueapp.waits.lengths import lengths
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
    `late_release` (B, D), those outside `late_fits` (K, B) never. `fits` and `held` (K, E) say so
    of everybody.

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
    late_free: Singles
    late_release: Floats
    late_fits: NDArray[np.bool_]
    late_held: NDArray[np.bool_]
    fits: NDArray[np.bool_]
    held: NDArray[np.bool_]
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
    held_until = people.held_until(snapshot, servers)
    until = people.horizon(snapshot, durations, servers, held_until)
    expected = people.soon_booked(snapshot, until)
    comers = [
        people.booked(snapshot, durations, expected, draws, seed),
        turning_up(snapshot, durations, until, held_until, draws, seed),
    ]
    everybody = [*line, *(c for group in comers for c in group.candidates)]
    siblings = _siblings(line)
    anchors = {one.move.before_id for one in line if one.move}
    # Whose place or gate may differ from draw to draw, or change while a draw runs.
    unsteady = np.array(
        [one.move is not None or one.visit_busy or i in siblings for i, one in enumerate(line)],
        dtype=bool,
    )
    fixed, moving = (~unsteady).nonzero()[0], unsteady.nonzero()[0]
    late = np.concatenate([moving, np.arange(len(line), len(everybody))])
    fits, held, kind = _kinds(servers, everybody)
    free = np.array([people.free_from(snapshot, one) for one in line], dtype=np.float64)
    due = np.array([after(snapshot, one.due_by) for one in line], dtype=np.float64)
    gate = np.maximum(free, released(snapshot, line, due[:, None])[:, 0])[fixed]
    gate = np.where(held[:, fixed], gate, free[fixed])
    late_free = np.concatenate(
        [np.repeat(free[moving, None], draws, axis=1), *(c.free_from for c in comers)],
        dtype=np.float32,
    )
    for row, i in enumerate(moving):
        if line[i].visit_busy:
            busy = people.elsewhere_until(snapshot, durations, servers, line[i], draws, seed)
            late_free[row] = np.maximum(late_free[row], busy)
    late_key = np.concatenate(
        [np.repeat(due[moving, None], draws, axis=1), *(c.due for c in comers)]
    )
    late_people = [everybody[i] for i in late.tolist()]
    late_held, late_release = held[:, late], np.zeros((0, 0))
    if late_held.any():
        late_release = released(snapshot, late_people, late_key)
    bands = np.array([(one.band - 1) * BAND_S for one in late_people])
    late_key += (bands + TIE_S * late)[:, None]
    late_key[: len(moving)] = waiting_key[moving, None]
    owners: list[tuple[Stream, Sequence[int]]] = [(Stream.ENTRY, [c.entry_id for c in line])]
    owners += [whose for group in comers for whose in group.owners]
    if snapshot.habits.patience:
        owners.append((Stream.PATIENCE, [c.entry_id for c in line]))
        owners.append((Stream.PATIENCE_TO_COME, range(len(everybody) - len(line))))
    found = words(seed, owners, draws)
    luck, patience = found[: len(everybody)], found[len(everybody) :]
    tables = [people.waiting_table(snapshot, durations, one) for one in line]
    tables += [table for group in comers for table in group.tables]
    wanted = [c.service_id for c in everybody]
    visit, besides, gap = lengths(
        durations, luck, list(zip(wanted, tables, strict=True)), servers.pace, np.float32
    )
    return Plan(
        taken_at=snapshot.taken_at,
        draws=draws,
        waiting=line,
        expected=expected,
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
        late_held=late_held,
        fits=fits,
        held=held,
        kind=kind,
        besides=besides,
        visit=visit,
        gap=gap,
        factor=_factors(durations, servers, wanted),
        gone=_gone(snapshot, line, late_free[len(moving) :], patience),
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
    moves = sorted((c.move.made_at, c.entry_id, c.move.before_id) for c in ordered if c.move)
    if not moves:
        return np.array([places[c.entry_id] for c in ordered], dtype=np.float64)
    owner = {c.entry_id: c.entry_id for c in ordered}
    band = {c.entry_id: c.band for c in ordered}
    for _, one, anchor in moves:
        if anchor in owner and anchor != one and band[anchor] == band[one]:
            owner[one] = owner[anchor]
    # Two moved before each other stand at one place too; the last in order has its number.
    last = {owner[c.entry_id]: c.entry_id for c in ordered}
    moved = [c.entry_id for c in ordered if last[owner[c.entry_id]] != c.entry_id]
    keys = {c.entry_id: places[owner[c.entry_id]] for c in ordered}
    for n, one in enumerate(reversed(moved), 1):
        keys[one] -= TIE_S * n / (len(moved) + 1)
    return np.array([keys[c.entry_id] for c in ordered], dtype=np.float64)


def _siblings(line: Sequence[Candidate]) -> dict[int, list[int]]:
    if len({one.visit_id for one in line}) == len(line):
        return {}
    visits: dict[int, list[int]] = defaultdict(list)
    for i, one in enumerate(line):
        visits[one.visit_id].append(i)
    groups = (group for group in visits.values() if len(group) > 1)
    return {i: [j for j in group if j != i] for group in groups for i in group}


def whom(
    can: Callable[[Candidate, ShiftView], bool],
    everybody: Sequence[Candidate],
    shifts: Sequence[ShiftView],
) -> NDArray[np.bool_]:
    """Whom each shift can serve (S, E), as `can` says; of those alike one is asked about."""
    asked = [
        (c.service_id, c.needs, c.clinicians if c.preference is PreferenceKind.ONLY else None)
        for c in everybody
    ]
    alike = dict(zip(asked, everybody, strict=True))
    number = {key: n for n, key in enumerate(alike)}
    told = np.array([[can(one, shift) for one in alike.values()] for shift in shifts], dtype=bool)
    return told.reshape(len(shifts), len(alike))[:, [number[key] for key in asked]]


def _kinds(
    servers: Servers, everybody: Sequence[Candidate]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.intp]]:
    """Whom each kind of server fits, whom it may call only once released, and servers' kinds."""
    wished = [
        c.clinicians if c.preference is PreferenceKind.IF_POSSIBLE else None for c in everybody
    ]
    number = {wish: n for n, wish in enumerate(dict.fromkeys(wished))}
    others = np.array(
        [[w is not None and s.clinician_id not in w for w in number] for s in servers.shifts], bool
    ).reshape(len(servers.shifts), len(number))
    fits = whom(able, everybody, servers.shifts)
    held = others[:, [number[wish] for wish in wished]] & fits
    names = [(can.tobytes(), waits.tobytes()) for can, waits in zip(fits, held, strict=True)]
    kinds = {name: n for n, name in enumerate(dict.fromkeys(names))}
    first = [names.index(name) for name in kinds]
    return fits[first], held[first], np.array([kinds[name] for name in names], dtype=np.intp)


def _gone(
    snapshot: Snapshot, line: Sequence[Candidate], to_come_from: Singles, luck: Words
) -> Singles:
    """When each would give up (E, D); without rows while nobody knows."""
    if not snapshot.habits.patience:
        return np.zeros((0, to_come_from.shape[1]), dtype=np.float32)
    waited = np.zeros(len(luck))
    waited[: len(line)] = [-after(snapshot, one.arrived_at) for one in line]
    np.maximum(waited, 0.0, out=waited)
    gone = people.gone_after(snapshot, waited, luck)
    gone[: len(line)] -= waited[: len(line), None].astype(np.float32)
    gone[len(line) :] += to_come_from
    return gone


def _factors(durations: Durations, servers: Servers, wanted: Sequence[int]) -> Floats:
    """How much longer than others each server takes with each person, who `wanted` what (S, E)."""
    number = {service: n for n, service in enumerate(dict.fromkeys(wanted))}
    factors = np.array(
        [[durations.factor(one, s.clinician_id) for one in number] for s in servers.shifts]
    ).reshape(len(servers.shifts), len(number))
    return factors[:, [number[service] for service in wanted]]


def able(one: Candidate, shift: ShiftView) -> bool:
    """Whether a shift could ever serve somebody; a room is only known once the shift is open."""
    return can_serve(one, shift) and (not shift.is_open or one.needs <= shift.room_features)


def released(snapshot: Snapshot, everybody: Sequence[Candidate], due: Floats) -> Floats:
    """When wishes "if possible" no longer hold others back: `is_released` solved for time.

    Of the shape of `due` (N, …), a row per person; minus infinity for who has no such wish.
    """
    found = np.full(due.shape, -np.inf)
    rows = [n for n, one in enumerate(everybody) if one.preference is PreferenceKind.IF_POSSIBLE]
    if not rows:
        return found
    mine = due[rows].reshape(len(rows), -1)
    last = np.full(mine.shape, -np.inf)
    for starts, ends in people.wished_spans(snapshot, [everybody[n] for n in rows]):
        np.maximum(last, ends, out=last, where=mine > starts)
    mine -= snapshot.rules.release.total_seconds()
    found.reshape(len(due), -1)[rows] = np.minimum(mine, last, out=last)
    return found

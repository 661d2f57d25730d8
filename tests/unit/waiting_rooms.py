"""Waiting rooms for tests of the forecast: by hand, by hypothesis, and played step by step."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from queueapp.domain.ordering import Candidate, Move, ShiftView, next_for
from queueapp.domain.rules import SiteRules
from queueapp.domain.snapshot import Expected, Habits, InRoom, Snapshot
from queueapp.domain.visit import PreferenceKind, Presence
from queueapp.waits.durations import Durations

NOW = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)
CALM = Habits(no_show=0.0, lateness_s=(0.0, 0.0))


def at(seconds: float) -> datetime:
    """An instant that many seconds from now."""
    return NOW + timedelta(seconds=seconds)


def person(number: int, arrived: float = -600, target: float = 3600, **more: Any) -> Candidate:
    """One who waits; `arrived` in seconds from now, `target` in seconds."""
    given: dict[str, Any] = {
        "entry_id": number,
        "visit_id": number,
        "service_id": 1,
        "entry_class": "walk_in",
        "band": 1,
        "due_by": at(arrived + target),
        "arrived_at": at(arrived),
        "number": number,
        "reference_at": at(arrived),
        "target": timedelta(seconds=target),
    }
    return Candidate(**(given | more))


def shift(number: int, services: Sequence[int] = (1,), **more: Any) -> ShiftView:
    """An open shift of clinician `number`, from two hours ago to eight hours ahead."""
    given: dict[str, Any] = {
        "shift_id": number,
        "clinician_id": number,
        "services": frozenset(services),
        "starts_at": at(-7200),
        "ends_at": at(8 * 3600),
        "is_open": True,
        "room_id": number,
    }
    return ShiftView(**(given | more))


def room_full(waiting: Sequence[Candidate], shifts: Sequence[ShiftView], **more: Any) -> Snapshot:
    """A snapshot of now, without chance but in lengths."""
    services = tuple(sorted({1, *(c.service_id for c in waiting)}))
    given: dict[str, Any] = {
        "site_id": 1,
        "seq": 7,
        "taken_at": NOW,
        "zone": "Europe/Berlin",
        "rules": SiteRules(),
        "waiting": tuple(waiting),
        "shifts": tuple(shifts),
        "services": services,
        "habits": CALM,
    }
    return Snapshot(**(given | more))


# Strategies are made once: to make them for each person costs more than to draw from them.
_presence = st.sampled_from([Presence.HERE] * 5 + [Presence.OUT, Presence.UNCONFIRMED])
_wish = st.sampled_from(
    [PreferenceKind.NONE] * 2 + [PreferenceKind.ONLY, PreferenceKind.IF_POSSIBLE]
)
_skills = st.sampled_from([(1, 2), (1, 2), (1,), (2,)])
_delay = st.sampled_from([0, 0, 300])
_target = st.sampled_from([600, 900, 3600])
_band = st.sampled_from([1] * 9 + [0])
_chosen = st.frozensets(st.integers(1, 3), min_size=1)
_coin = st.booleans()
whole = cache(st.integers)


@st.composite
def rooms(draw: st.DrawFn) -> Snapshot:
    """Any waiting room: wishes, breaks, pauses, people out, moves, skills, late starts, an end."""
    shifts = []
    breaks = {}
    inside = []
    for n in range(1, draw(whole(1, 3)) + 1):
        is_open = draw(whole(0, 3)) > 0
        starts = -3600 if is_open else draw(whole(60, 1500))
        busy = is_open and draw(_coin)
        pause = draw(whole(30, 900)) if is_open and draw(whole(0, 4)) == 0 else None
        one = shift(
            n,
            draw(_skills),
            starts_at=at(starts),
            ends_at=at(draw(whole(1600, 5000))),
            is_open=is_open,
            free_places=draw(whole(1, 2)) - busy,
            paused_until=None if pause is None else at(pause),
            declared_delay=timedelta(seconds=draw(_delay)),
        )
        shifts.append(one)
        if busy:
            started = draw(_coin)
            since = at(-draw(whole(0, 60)))
            inside.append(InRoom(800 + n, 1, None, "walk_in", n, n, started, since, 1))
        if draw(_coin):
            begin = draw(whole(-100, 1500))
            breaks[n] = ((at(begin), at(begin + draw(whole(50, 600)))),)
    waiting: list[Candidate] = []
    back_by = {}
    for n in range(1, draw(whole(0, 9)) + 1):
        presence, wish = draw(_presence), draw(_wish)
        passed = draw(whole(1, 400)) if draw(whole(0, 5)) == 0 else None
        visit = draw(whole(1, 9))
        if presence is Presence.OUT:
            back_by[n] = at(draw(whole(1, 1200)))
        anchor = draw(whole(1, 9))
        waiting.append(
            person(
                n,
                arrived=-draw(whole(0, 3000)),
                target=draw(_target),
                visit_id=visit,
                visit_busy=visit == 1 and bool(inside),
                service_id=draw(whole(1, 2)),
                band=draw(_band),
                presence=presence,
                preference=wish,
                clinicians=draw(_chosen) if wish is not PreferenceKind.NONE else frozenset(),
                passed_over_until=None if passed is None else at(passed),
                move=Move(anchor, at(-draw(whole(1, 99)))) if draw(whole(0, 4)) == 0 else None,
            )
        )
    expected = []
    for n in range(draw(whole(0, 3))):
        scheduled = draw(whole(1, 1500))
        wish = draw(_wish)
        who = person(
            100 + n,
            scheduled,
            900,
            service_id=draw(whole(1, 2)),
            entry_class="booked",
            preference=wish,
            clinicians=frozenset({draw(whole(1, 3))} if wish is not PreferenceKind.NONE else ()),
        )
        expected.append(Expected(100 + n, who, at(scheduled), timedelta(minutes=10)))
    # Two visits in one room cannot both be the one that is busy elsewhere.
    inside = [replace(one, visit_id=1 if i == 0 else None) for i, one in enumerate(inside)]
    return room_full(
        waiting,
        shifts,
        services=(1, 2),
        in_rooms=tuple(inside),
        expected=tuple(expected),
        breaks=breaks,
        back_by=back_by,
        closes_at=at(draw(st.sampled_from([4000, 6000]))),
    )


def play(snapshot: Snapshot, durations: Durations) -> dict[int, float]:
    """Call times in seconds by entry, one event at a time, asking `next_for` whom to call.

    Deliberately slow and plain: it shares nothing with the simulation but the domain's rules.
    """
    walk, gap = float(durations.walk[0]), float(durations.gap[0])

    def after(moment: datetime) -> float:
        return (moment - NOW).total_seconds()

    def length(service: int) -> float:
        return float(durations.table(service)[0])

    servers: list[tuple[ShiftView, float]] = []
    busy_until: dict[int, float] = {}
    for s in snapshot.shifts:
        for one in (r for r in snapshot.in_rooms if r.shift_id == s.shift_id):
            elapsed = -after(one.since)
            left = length(one.service_id) + (0 if one.started else max(walk - elapsed, 0.0))
            finish = left - elapsed if one.started else left
            servers.append((s, finish + gap))
            if one.visit_id is not None:
                busy_until[one.visit_id] = finish
        servers += [(s, 0.0)] * s.free_places
    free = [ready for _, ready in servers]
    release = snapshot.rules.release.total_seconds()
    moments = {0.0, *free}
    for c in (*snapshot.waiting, *(e.candidate for e in snapshot.expected)):
        moments |= {after(c.arrived_at), after(c.due_by) - release}
        moments |= {after(c.passed_over_until)} if c.passed_over_until else set()
    moments |= {after(b) for b in snapshot.back_by.values()} | set(busy_until.values())
    for s in snapshot.shifts:
        moments |= {after(s.starts_at), after(s.ends_at)}
        moments |= {after(s.paused_until)} if s.paused_until else set()
        moments |= {after(end) for _, end in snapshot.breaks.get(s.shift_id, ())}
    called: dict[int, float] = {}
    while moments:
        now = min(moments)
        moments.remove(now)
        if now < 0:
            continue
        for i, (s, _) in enumerate(servers):
            if free[i] > now or not _on_duty(snapshot, s, at(now)):
                continue
            there = []
            for c in snapshot.waiting:
                back = snapshot.back_by.get(c.entry_id)
                came = c.presence is Presence.OUT and back is not None and back <= at(now)
                there.append(
                    replace(
                        c,
                        presence=Presence.HERE if came else c.presence,
                        visit_busy=busy_until.get(c.visit_id, 0.0) > now,
                    )
                )
            there += [e.candidate for e in snapshot.expected if e.scheduled_at <= at(now)]
            there = [c for c in there if c.entry_id not in called]
            one = next_for(s, there, snapshot.shifts, at(now), snapshot.rules)
            if one is None:
                continue
            called[one.entry_id] = now
            finish = now + walk + length(one.service_id)
            busy_until[one.visit_id] = finish
            free[i] = finish + gap
            moments |= {finish, free[i]}
    return called


def _on_duty(snapshot: Snapshot, s: ShiftView, now: datetime) -> bool:
    ends = min(s.ends_at, snapshot.closes_at or s.ends_at)
    paused = s.paused_until is not None and now < s.paused_until
    resting = any(a <= now < b for a, b in snapshot.breaks.get(s.shift_id, ()))
    return s.starts_at <= now < ends and not paused and not resting

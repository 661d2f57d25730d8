"""What is left of a shift, drawn: who is here, who is booked, breaks, when it should be done."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from queueapp.db.models import Shift
from queueapp.db.queries.queue import FOREVER
from queueapp.db.queries.rows import EntryRow, SiteRows
from queueapp.domain.localtime import to_local
from queueapp.domain.ordering import Candidate, can_serve
from queueapp.domain.shift_left import Bench, Job, Placed, done_between, lay_out, usual_moments
from queueapp.domain.spans import Span
from queueapp.domain.visit import PreferenceKind, Presence
from queueapp.waits.promise import VISIT_SD, Z80

# How many come unannounced, by service id, class and local hour.
Usual = Mapping[tuple[int, str, int], float]

LIKELY = "likely"
WIDTH = 960
_GRID = timedelta(minutes=5)
_SHORTEST, _LONGEST, _NEAR = timedelta(hours=2), timedelta(hours=4), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Chip:
    """A box of the strip: `kind` is `now`, `here`, `booked`, `break` or `likely`.

    `x` and `width` are in units of the drawing.
    """

    kind: str
    words: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    """An hour or half hour of the strip."""

    x: float
    words: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Strip:
    """`count` people before `ends`; `done` is the 80 % range of when, empty for nobody.

    `likely` more usually walk in by then; they are drawn but not counted.
    """

    count: int
    likely: int
    ends: str
    done: str
    chips: tuple[Chip, ...]
    ticks: tuple[Tick, ...]
    end_x: float | None


def strip(
    rows: SiteRows, shift: Shift, inside: list[EntryRow], shifts: list[Shift], usual: Usual
) -> Strip:
    """The rest of one open shift; `shifts` are today's, with breaks, for who else takes whom.

    `usual` is how many come unannounced, by (service id, class, local hour).
    """
    # On a grid, so that the drawing changes when facts do and not with every second.
    base = _floor(rows.now, _GRID)
    by_id = {s.id: s for s in shifts}
    benches = [
        Bench(
            view.shift_id,
            # A pause without an end is thought to end now, else nobody would be left to see.
            max(
                _free_at(rows, view.shift_id, base),
                view.starts_at,
                base if view.paused_until in (None, FOREVER) else view.paused_until or base,
            ),
            view.ends_at,
            _breaks(by_id.get(view.shift_id)),
        )
        for view in rows.view.shifts
    ]
    free_at = next((b.free_at for b in benches if b.shift_id == shift.id), base)
    placed = lay_out(_jobs(rows, base), benches)
    mine = placed.get(shift.id, ())
    # The likely ones take what time is left between those who are known.
    between = [
        replace(b, breaks=[*b.breaks, *(Span(p.start, p.end) for p in placed[b.shift_id])])
        for b in benches
    ]
    likely = lay_out(_likely(rows, shift, usual, base), between).get(shift.id, ())
    in_time = [p for p in likely if p.start < shift.planned_to]
    return _drawn(rows, shift, inside, mine, in_time, base, free_at)


def _likely(rows: SiteRows, shift: Shift, usual: Usual, base: datetime) -> list[Job]:
    rates: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for (service_id, _, hour), rate in usual.items():
        rates[service_id][hour] += rate
    lengths = rows.forecast.mean_s if rows.forecast else {}
    jobs = []
    for service_id, per_hour in sorted(rates.items()):
        able = [s.shift_id for s in rows.view.shifts if service_id in s.services]
        length = timedelta(seconds=lengths.get(service_id, 0.0))
        if shift.id in able and length:
            # Those who give the service share who comes for it.
            mine = {hour: rate / len(able) for hour, rate in per_hour.items()}
            moments = usual_moments(mine, rows.site.timezone, base, shift.planned_to)
            jobs += [Job(LIKELY, moment, length, frozenset({shift.id})) for moment in moments]
    return sorted(jobs, key=lambda j: j.from_at)


def _jobs(rows: SiteRows, base: datetime) -> list[Job]:
    jobs = []
    for candidate in rows.view.line:
        row = rows.row(candidate.entry_id)
        if row is None or row.visit.presence is Presence.UNCONFIRMED:
            continue
        from_at = max(
            base,
            candidate.passed_over_until or base,
            row.visit.back_by or base,
            row.visit.come_by or base,
        )
        key = f"{'here' if row.visit.presence is Presence.HERE else 'booked'}:{row.visit.ticket}"
        jobs.append(Job(key, from_at, length_of(rows, row), _shifts_for(rows, candidate)))
    for booked in rows.expected:
        if booked.starts_at + rows.view.rules.too_late < base:
            continue
        able = frozenset(
            s.shift_id
            for s in rows.view.shifts
            if booked.service_id in s.services and booked.clinician_id in (None, s.clinician_id)
        )
        at = f"{to_local(rows.site.timezone, booked.starts_at):%H:%M}"
        length = booked.ends_at - booked.starts_at
        jobs.append(Job(f"booked:{at}", max(base, booked.starts_at), length, able))
    return jobs


def length_of(rows: SiteRows, row: EntryRow) -> timedelta:
    """What the visit should take: its reason's plan, else what was learned of the service."""
    if row.entry.reason:
        return row.entry.reason.planned
    learned = rows.forecast.mean_s.get(row.entry.service_id) if rows.forecast else None
    return timedelta(seconds=learned) if learned else row.entry.service.planned


def _shifts_for(rows: SiteRows, candidate: Candidate) -> frozenset[int]:
    able = [s for s in rows.view.shifts if can_serve(candidate, s)]
    if candidate.preference is PreferenceKind.IF_POSSIBLE:
        able = [s for s in able if s.clinician_id in candidate.clinicians] or able
    return frozenset(s.shift_id for s in able)


def _free_at(rows: SiteRows, shift_id: int, base: datetime) -> datetime:
    ends = [
        (r.entry.started_at or base) + length_of(rows, r)
        for r in rows.in_rooms
        if r.entry.shift_id == shift_id
    ]
    return max([base, *ends])


def _breaks(shift: Shift | None) -> list[Span]:
    return [Span(b.starts_at, b.ends_at) for b in shift.breaks] if shift else []


def _drawn(
    rows: SiteRows,
    shift: Shift,
    inside: list[EntryRow],
    mine: Sequence[Placed],
    likely: Sequence[Placed],
    base: datetime,
    free_at: datetime,
) -> Strip:
    start = _floor(base, timedelta(minutes=30))
    last = max([p.end for p in mine] + [free_at])
    end = min(max(last, start + _SHORTEST), start + _LONGEST)
    if end <= shift.planned_to <= end + _NEAR:
        end = shift.planned_to
    end = _floor(end + timedelta(minutes=29, seconds=59), timedelta(minutes=30))
    zone = rows.site.timezone

    def x(instant: datetime) -> float:
        share = (instant - start) / (end - start)
        return round(max(0.0, min(share, 1.0)) * WIDTH, 1)

    def chip(kind: str, words: str, begin: datetime, until: datetime) -> Chip:
        return Chip(kind, words, x(begin) + 1, max(x(until) - x(begin) - 3, 2))

    chips = [
        chip("now", r.visit.ticket, r.entry.started_at or base, max(base, free_at))
        for r in inside
        if r.entry.shift_id == shift.id
    ][:1]
    chips += [chip("break", "break", b.start, b.end) for b in _breaks(shift) if b.end > start]
    for placed in mine:
        kind, _, words = placed.job.key.partition(":")
        chips.append(chip(kind, words, placed.start, placed.end))
    for one in likely:
        next_at = min((p.start for p in mine if p.start > one.start), default=one.end)
        chips.append(chip("likely", "walk-in", one.start, min(one.end, next_at)))
    step = timedelta(minutes=30 if end - start <= timedelta(hours=3) else 60)
    ticks, at = [], start
    while at <= end:
        anchor = "start" if at == start else "end" if at + step > end else "middle"
        ticks.append(Tick(x(at), f"{to_local(zone, at):%H:%M}", anchor))
        at += step
    return Strip(
        count=len(mine),
        likely=len(likely),
        ends=f"{to_local(zone, shift.planned_to):%H:%M}",
        done=_done(rows, mine, free_at, zone),
        chips=tuple(c for c in chips if c.x < WIDTH - 2),
        ticks=tuple(ticks),
        end_x=x(shift.planned_to) if shift.planned_to <= end else None,
    )


def _done(rows: SiteRows, placed: Sequence[Placed], free_at: datetime, zone: str) -> str:
    if not placed:
        return ""
    lengths = [p.end - p.start for p in placed]
    low, high = done_between(free_at, lengths, VISIT_SD, Z80)
    # Breaks and waits for booked times move the middle; the spread is that of the visits.
    shift_by = placed[-1].end - (free_at + sum(lengths, timedelta(0)))
    low, high = (_floor(t + shift_by + _GRID / 2, _GRID) for t in (low, high))
    low = max(low, _floor(rows.now, _GRID))
    return f"{to_local(zone, low):%H:%M}–{to_local(zone, high):%H:%M}"


def _floor(instant: datetime, step: timedelta) -> datetime:
    epoch = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return epoch + (instant - epoch) // step * step

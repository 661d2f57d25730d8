"""How long one forecast takes, beside drawing its random numbers alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from time import perf_counter
from typing import TextIO

import click
from threadpoolctl import threadpool_limits

from queueapp.commands.bench_machine import machine
from queueapp.domain.ordering import Candidate, ShiftView
from queueapp.domain.rules import SiteRules
from queueapp.domain.snapshot import Expected, Habits, InRoom, Served, Snapshot
from queueapp.domain.visit import EntryClass, PreferenceKind, Presence
from queueapp.waits.beyond import BEYOND
from queueapp.waits.chance import Stream, stream, words
from queueapp.waits.durations import Durations, learn
from queueapp.waits.forecast import forecast
from queueapp.waits.plan import make_plan

NOW = datetime(2025, 3, 4, 10, 7, tzinfo=UTC)
ZONE = "Europe/London"
GP, NURSE, BLOOD = 1, 2, 3
PLANNED_S = {GP: 720.0, NURSE: 600.0, BLOOD: 360.0}
GIVEN = ({GP}, {GP}, {GP, NURSE}, {NURSE, BLOOD}, {NURSE, BLOOD}, {GP, NURSE, BLOOD})
TARGET_S = {EntryClass.BOOKED: 900, EntryClass.WALK_IN: 3600, EntryClass.URGENT: 600}
REASONS = {GP: (11, 12, 13), NURSE: (21, 22), BLOOD: (31,)}


def busy_morning(
    seed: int, *, waiting: int = 60, expected: int = 12, clinicians: int = 6, walk_ins: bool = True
) -> Snapshot:
    """A made-up clinic in the middle of a morning: nothing in it is real.

    Three services that not everybody gives, booked and same-day patients, wishes for somebody,
    people who stepped out or give up; a break, an early end, one clinician not there yet. Others
    may walk in, urgent ones among them, at the usual rate of the hour, if there are `walk_ins`.
    """
    dice = Random(seed)
    shifts = [_shift(n) for n in range(1, clinicians + 1)]
    given = sorted({s for one in shifts for s in one.services})
    line, back_by, reasons = [], {}, {}
    for n in range(1, waiting + 1):
        label = dice.choices(list(TARGET_S), (3, 10, 1))[0]
        waited = dice.uniform(0, 4500 if label == EntryClass.WALK_IN else 1500)
        presence = dice.choices((Presence.HERE, Presence.OUT, Presence.ON_THE_WAY), (18, 1, 1))[0]
        line.append(_person(dice, n, given, label, -waited, presence, clinicians))
        reasons[n] = dice.choice((None, *REASONS[line[-1].service_id]))
        if presence is not Presence.HERE:
            back_by[n] = _at(dice.uniform(120, 1500))
    to_come = []
    for n in range(1, expected + 1):
        due = dice.uniform(-300, 5400)
        one = _person(dice, -n, given, EntryClass.BOOKED, due, Presence.HERE, clinicians)
        reason = dice.choice(REASONS[one.service_id])
        to_come.append(Expected(n, one, _at(due), timedelta(seconds=900), reason))
    return Snapshot(
        site_id=1,
        seq=1,
        taken_at=NOW,
        zone=ZONE,
        rules=SiteRules(),
        waiting=tuple(line),
        in_rooms=tuple(
            InRoom(
                1000 + s.shift_id, min(s.services), None, "walk_in", s.clinician_id, s.shift_id,
                dice.random() < 0.8, _at(-dice.uniform(5, 900)),
            )
            for s in shifts if s.is_open
        ),
        expected=tuple(to_come),
        shifts=tuple(shifts),
        breaks={1: ((_at(1500), _at(2700)),), clinicians: ((_at(4000), _at(4900)),)},
        reasons=reasons,
        back_by=back_by,
        services=tuple(given),
        service_default_s=PLANNED_S,
        habits=Habits(
            0.12, (-180.0, 420.0),
            {(s, c, h): rate for h in range(24) for s in given
             for c, rate in ((EntryClass.WALK_IN, 5.0), (EntryClass.URGENT, 0.6)) if walk_ins},
            (0.0, 0.0, 60.0, 240.0, 900.0, 1500.0),
            ((900.0, 0.97), (2700.0, 0.9), (5400.0, 0.8)),
        ),
        closes_at=_at(8 * 3600),
    )  # fmt: skip


def history(seed: int, *, clinicians: int = 6, visits: int = 600) -> list[Served]:
    """Finished visits to learn lengths from; some clinicians take longer than others."""
    dice = Random(seed)
    found = []
    for _ in range(visits):
        n = dice.randint(1, clinicians)
        service = dice.choice(sorted(_shift(n).services))
        seconds = PLANNED_S[service] * (0.8 + 0.08 * n) * dice.lognormvariate(-0.15, 0.55)
        found.append(
            Served(
                service, dice.choice((None, *REASONS[service])), EntryClass.WALK_IN, n, NOW,
                seconds, dice.uniform(5, 90), dice.uniform(10, 60),
            )
        )  # fmt: skip
    return found


def measure(snapshot: Snapshot, durations: Durations, draws: int, rounds: int) -> dict[str, float]:
    """`median_ms` of a whole forecast, `floor_ms` of its random numbers alone, their `ratio`.

    `people` are those it reckons with: who waits, is expected or may walk in.

    One after the other in each round, on one thread, so that whatever slows one slows both.
    """
    plan = make_plan(snapshot, durations, draws, 0)
    people, servers = len(plan.visit), len(plan.servers.shifts)
    booked, services = len(plan.expected), len(snapshot.services)
    unannounced = people - len(plan.waiting) - booked
    owners = [(Stream.ENTRY, range(2 * people + 2 * booked + BEYOND[-1] * services))]

    def whole(seed: int) -> None:
        forecast(snapshot, durations, draws=draws, seed=seed)

    def dice(seed: int) -> None:
        words(seed, owners, draws)
        stream(seed, Stream.ARRIVALS, 0).standard_exponential((unannounced, draws))
        stream(seed, Stream.SHIFT, 0).standard_exponential((servers, draws))
        stream(seed, Stream.DAY, 0).standard_normal((services, draws))

    taken: dict[str, list[float]] = {"median": [], "floor": []}
    with threadpool_limits(1):
        for seed in range(rounds):
            taken["median"].append(_milliseconds(whole, seed))
            taken["floor"].append(_milliseconds(dice, seed))
    told, floor = median(taken["median"]), median(taken["floor"])
    found = {"median_ms": told, "floor_ms": floor, "ratio": told / floor}
    return {key: round(value, 3) for key, value in found.items()} | {"people": people}


def _milliseconds(work: Callable[[int], None], seed: int) -> float:
    begun = perf_counter()
    work(seed)
    return (perf_counter() - begun) * 1000


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def _shift(number: int) -> ShiftView:
    is_open = number % 6 != 5
    return ShiftView(
        shift_id=number,
        clinician_id=number,
        services=frozenset(GIVEN[(number - 1) % len(GIVEN)]),
        starts_at=_at(-7200 if is_open else 600),
        ends_at=_at(5400 if number % 6 == 2 else 7 * 3600),
        is_open=is_open,
        room_id=number,
        free_places=0 if is_open else 1,
    )


def _person(
    dice: Random,
    number: int,
    given: list[int],
    label: str,
    since: float,
    presence: Presence,
    clinicians: int,
) -> Candidate:
    service = dice.choice(given)
    able = [n for n in range(1, clinicians + 1) if service in _shift(n).services]
    wish = dice.choices(list(PreferenceKind), _wishes(label))[0]
    target = timedelta(seconds=TARGET_S[EntryClass(label)])
    return Candidate(
        entry_id=number,
        visit_id=number,
        service_id=service,
        entry_class=label,
        band=1,
        due_by=_at(since) + target,
        arrived_at=_at(since),
        number=number,
        reference_at=_at(since),
        target=target,
        presence=presence,
        preference=wish,
        clinicians=frozenset() if wish is PreferenceKind.NONE else frozenset({dice.choice(able)}),
    )


def _wishes(label: str) -> list[int]:
    often = {PreferenceKind.NONE: 84, PreferenceKind.IF_POSSIBLE: 10, PreferenceKind.ONLY: 6}
    booked = {PreferenceKind.NONE: 20, PreferenceKind.IF_POSSIBLE: 70, PreferenceKind.ONLY: 10}
    return [(booked if label == EntryClass.BOOKED else often)[kind] for kind in PreferenceKind]


@click.command()
@click.option("--waiting", default=60, show_default=True, type=click.IntRange(0, 500))
@click.option("--expected", default=12, show_default=True, type=click.IntRange(0, 200))
@click.option("--clinicians", default=6, show_default=True, type=click.IntRange(1, 60))
@click.option("--draws", default=1000, show_default=True, type=click.IntRange(10, 10000))
@click.option("--rounds", default=60, show_default=True, type=click.IntRange(1, 5000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.option("--json", "out", type=click.File("w"), default="-", help="Where the figures go.")
def command(
    waiting: int, expected: int, clinicians: int, draws: int, rounds: int, seed: int, out: TextIO
) -> None:
    """How long one forecast takes on one core, beside drawing its random numbers alone.

    Once for those who wait and are expected, and once with those who may walk in meanwhile.
    """
    durations = learn(history(seed, clinicians=clinicians), service_default_s=PLANNED_S)
    found, with_walk_ins = (
        measure(
            busy_morning(
                seed, waiting=waiting, expected=expected, clinicians=clinicians, walk_ins=walk_ins
            ),
            durations,
            draws,
            rounds,
        )
        for walk_ins in (False, True)
    )
    asked = {
        "generated": True, "seed": seed, "waiting": waiting, "expected": expected,
        "clinicians": clinicians, "draws": draws, "rounds": rounds, "threads": 1,
    }  # fmt: skip
    json.dump(found | {"with_walk_ins": with_walk_ins} | asked | machine(), out, indent=1)
    out.write("\n")

"""`bench calls` and `bench checkin`: acknowledged commands a second beside raw durable commits."""

import json
from collections.abc import Sequence
from typing import Any

import click
import numpy as np

from queueapp.commands import base, bench_process, bench_served
from queueapp.commands.bench_machine import machine
from queueapp.commands.bench_served import CONNECTIONS, Floor, Server

Figures = dict[str, Any]
# Every visit is a ticket, a call, a start and a finish.
OF_A_VISIT = 4
_FLOOR_S = 2.0
_WARM_UP_S = 2.0
# No more bookings than these are ever asked for.
_PER_S = 1000
_shared = [
    click.option("--seconds", default=10.0, show_default=True, help="How long is measured."),
    click.option("--waiting", default=60, show_default=True, help="People who wait at each site."),
    click.option("--workers", default=1, show_default=True, help="Web processes (PostgreSQL)."),
    base.json_option,
]


def _with_shared(command: Any) -> Any:
    for option in _shared:
        command = option(command)
    return command


@click.command()
@click.option("--sites", "counts", default=(1,), show_default=True, multiple=True,
              help="Clinics at once; may be given several times.")  # fmt: skip
@click.option("--calls-per-minute", default=0.0, show_default=True,
              help="Calls at each site; 0 for as many as can be.")  # fmt: skip
@_with_shared
def calls(
    counts: Sequence[int], calls_per_minute: float, seconds: float, waiting: int, workers: int,
    json_file: str | None,
) -> None:  # fmt: skip
    """Visits by the API: in turn a ticket, a call, a start and a finish, each one operation."""
    found = []
    for sites in counts:
        per_s = calls_per_minute * sites * OF_A_VISIT / 60
        made = {"sites": sites, "waiting": waiting, "booked": 0}
        found.append(_measure("calls", made, seconds, per_s, workers))
    figures = found[0] | ({"by_sites": found} if len(found) > 1 else {})
    base.write_json(json_file, figures)


@click.command()
@click.option("--sites", default=20, show_default=True, help="Clinics that patients come to.")
@_with_shared
def checkin(sites: int, seconds: float, waiting: int, workers: int, json_file: str | None) -> None:
    """Booked patients who check in by the API, each one operation, at several clinics in turn."""
    booked = int(_PER_S * (seconds + _WARM_UP_S) / sites)
    made = {"sites": sites, "waiting": waiting, "booked": booked}
    found = _measure("checkin", made, seconds, 0.0, workers)
    base.write_json(json_file, found)


def _measure(
    plan: str, made: dict[str, int], seconds: float, per_s: float, workers: int
) -> Figures:
    with bench_served.settings() as environ:
        order = json.dumps(made)
        clinics = json.loads(
            bench_served.told(environ, "queueapp.commands.bench_clinics", say=order)
        )
        with bench_served.served(environ, workers) as server:
            floor = [bench_served.commits(server.database_url, _FLOOR_S)]
            ask = {
                "plan": plan, "port": server.port, "connections": CONNECTIONS, "clinics": clinics,
                "per_s": per_s,
            }  # fmt: skip
            bench_served.clients({**ask, "clinics": _first(clinics), "seconds": _WARM_UP_S})
            before = _spent(server)
            found = bench_served.clients({**ask, "seconds": seconds})
            after = _spent(server)
            floor.append(bench_served.commits(server.database_url, _FLOOR_S))
            asked = _statements(environ, clinics) if plan == "calls" else {}
        figures = _figures(found, floor)
    n = figures["operations"]
    costs = {f"{what}_cpu_ms_per_op": _rounded((after[what] - before[what]) * 1000 / n)
             for what in before}  # fmt: skip
    figures |= costs | {"connections": CONNECTIONS}
    figures |= {name: made[name] for name in ("sites", "waiting")} | {"workers": workers}
    # Holds on a busy machine too, where what a second carries does not.
    figures["web_cpu_in_commits"] = round(
        figures["web_cpu_ms_per_op"] / figures["floor_cpu_ms_per_commit"], 1
    )
    if per_s:
        figures["asked_per_s"] = _rounded(per_s)
    if asked:
        figures["statements"] = asked
    _tell(plan, figures)
    return figures | machine(environ["DATABASE_URL"])


def _first(clinics: list[Figures]) -> list[Figures]:
    """The clinics with the bookings of the warm-up, which are taken out of the others."""
    of_each = int(_PER_S * _WARM_UP_S / len(clinics))
    return [
        {**one, "bookings": [one["bookings"].pop() for _ in one["bookings"][:of_each]]}
        for one in clinics
    ]


def _statements(environ: dict[str, str], clinics: list[Figures]) -> dict[str, int]:
    # Late, as it brings the whole app, of which nothing else here has a use.
    from queueapp.commands.bench_statements import statements

    return statements(environ, clinics)


def _spent(server: Server) -> dict[str, float]:
    return {
        what: sum(bench_process.cpu_s(pid) for pid in pids) for what, pids in server.pids().items()
    }


def _figures(found: Figures, floor: Sequence[Floor]) -> Figures:
    took = [one for each in found["took_ms"].values() for one in each]
    per_s, commits = len(took) / found["seconds"], float(np.mean([one.per_s for one in floor]))
    return {
        "operations": len(took),
        "ops_per_s": _rounded(per_s),
        "p50_ms": _rounded(float(np.percentile(took, 50))),
        "p99_ms": _rounded(float(np.percentile(took, 99))),
        "floor_commits_per_s": _rounded(commits),
        "ratio": round(per_s / commits, 4),
        "floor_cpu_ms_per_commit": _rounded(float(np.mean([one.cpu_ms for one in floor]))),
        "by_operation": {
            name: {
                "p50_ms": _rounded(float(np.percentile(each, 50))),
                "p99_ms": _rounded(float(np.percentile(each, 99))),
            }
            for name, each in found["took_ms"].items()
        },
    }


def _tell(plan: str, figures: Figures) -> None:
    click.echo(
        "{plan}: {sites} sites, {ops_per_s} operations/s, p50 {p50_ms} ms, p99 {p99_ms} ms; each "
        "{web_cpu_ms_per_op} ms of the web process ({web_cpu_in_commits} raw commits' worth), "
        "{worker_cpu_ms_per_op} ms of the worker; {floor_commits_per_s} raw commits/s, "
        "ratio {ratio}".format(plan=plan, **figures),
        err=True,
    )


def _rounded(value: float) -> float:
    return round(value, 2)

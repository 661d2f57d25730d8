"""`bench live`: what it costs, and how long it takes, to tell every screen of a change."""

import http.client
import os
import pickle
import resource
import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from socket import create_server
from typing import Any

import click
import numpy as np

from queueapp import serving
from queueapp.commands import base, bench_live_clinic, bench_process
from queueapp.commands.bench_live_clinic import SITE, Change, Clinic
from queueapp.commands.bench_machine import machine
from queueapp.commands.bench_process import Helper, helper

PHONES = "queueapp.commands.bench_live_phones"
PAYLOAD = "payload"
LOBBIES = 20
SELDOM, OFTEN = 2.0, 80.0
# More than can be accepted: each connection's next command leaves when its last one is answered.
FLAT_OUT = 1e6
_CONNECTIONS = 8
_SETTLE_S = 1.5
# Sockets that come and go before memory is first looked at, so that what is loaded once is not
# counted as theirs.
_WARM_UP = 40
_HANDLES = 20_000

Times = dict[str, dict[int, list[float]]]


@click.command()
@click.option("--clients", default="100,500,1000,2000", show_default=True,
              help="Numbers of phones, each measured with a server of its own.")  # fmt: skip
@click.option("--seconds", default=10.0, show_default=True, help="Length of each measurement.")
@base.json_option
def command(clients: str, seconds: float, json_file: str | None) -> None:
    """Deliveries per processor-second and delay, beside a bare broadcast of the same bytes.

    One site of 60 waiting, on SQLite or, where DATABASE_URL says so, in an empty database (then
    with one number of phones). Its phones listen to their line and visit, and 20 lobbies to the
    lobby. People step out and come back over the API, which changes the line of all phones.
    Counted is every update that reached a socket, against all the processor time of the web
    process: commands, rendering, sending, pings, heartbeats. Linux only.
    """
    try:
        numbers = [int(one) for one in clients.split(",")]
    except ValueError:
        raise click.UsageError("--clients takes numbers with commas: 100,500") from None
    with suppress(ValueError, OSError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _HANDLES), hard))
    about = machine(os.environ.get("DATABASE_URL", "sqlite://"))
    cores = sorted(os.sched_getaffinity(0))
    ours = {cores[-1]} if len(cores) > 1 else set(cores)
    bench_process.pin(os.getpid(), ours)
    rows = []
    for number in numbers:
        rows.append(measure(number, seconds, {cores[0]}))
        click.echo(in_words(rows[-1]), err=json_file == "-")
    figures = {"live": rows, "lobbies": LOBBIES, "seconds": seconds, "pinned": len(cores) > 1}
    base.write_json(json_file, figures | about)


def measure(phones: int, seconds: float, cores: set[int]) -> dict[str, Any]:
    """All figures for one number of phones."""
    with bench_live_clinic.open_clinic() as clinic, helper(PHONES) as ears:
        directory = clinic.directory
        web = clinic.web_process()
        bench_process.pin(web, cores)
        _warm_up(clinic, ears)
        alone_s = _cpu_of_commands(clinic, web, min(seconds, 5.0))
        before_kib = bench_process.resident_kib(web)
        began, cpu = time.monotonic(), bench_process.cpu_s(web)
        opened = ears.ask(open=clinic.screens(phones, LOBBIES))
        joining_s, joining_cpu_s = time.monotonic() - began, bench_process.cpu_s(web) - cpu
        if opened["open"] != phones + LOBBIES:
            raise click.ClickException(f"Of {phones + LOBBIES} screens {opened['open']} got in.")
        time.sleep(_SETTLE_S)
        clinic.change(SELDOM, 2.0, 1)
        time.sleep(_SETTLE_S)
        kib = (bench_process.resident_kib(web) - before_kib) / (phones + LOBBIES)
        cpu = bench_process.cpu_s(web)
        time.sleep(5.0)
        idle = (bench_process.cpu_s(web) - cpu) / 5.0
        seldom = listen(clinic, ears, web, SELDOM, seconds, 1)
        often = listen(clinic, ears, web, OFTEN, seconds, _CONNECTIONS)
        most = listen(clinic, ears, web, FLAT_OUT, seconds, _CONNECTIONS)
        sample = often["heard"]["sample"]
        ears.ask(close=True)
        (directory / PAYLOAD).write_text(sample)
        alike = phones + LOBBIES, often["updates"], seconds, cores
        bare = _bare(directory, ears, *alike)
        floor = _floor(directory, ears, *alike)
    rate, floor_rate = often["rate"], floor["rate"]
    commands_s = alone_s * len(often["made"])
    live_s = often["cpu_s"] - commands_s
    heard = often["heard"]
    return {
        "clients": phones,
        "deliveries_per_cpu_s": round(rate),
        "floor_deliveries_per_cpu_s": round(floor_rate),
        "ratio": round(rate / floor_rate, 3),
        "last_client_p50_ms": _ms(seldom["last"], 50),
        "floor_last_client_p50_ms": _ms(floor["last"], 50),
        "last_client_p99_ms": _ms(seldom["last"], 99),
        "event_p50_ms": _ms(often["events"], 50),
        "event_p99_ms": _ms(often["events"], 99),
        "flat_out_per_s": round(len(most["made"]) / seconds, 1),
        "flat_out_staleness_p50_ms": _ms(most["staleness"], 50),
        "flat_out_staleness_p99_ms": _ms(most["staleness"], 99),
        "kib_per_connection": round(kib, 1),
        "events_per_s": round(len(often["made"]) / seconds, 1),
        "updates": often["updates"],
        "deliveries": heard["deliveries"],
        "octets_per_update": len(sample),
        "web_cpu_s": round(often["cpu_s"], 2),
        "cpu_ms_per_command_alone": round(alone_s * 1000, 2),
        "wire_deliveries_per_cpu_s": round(bare),
        "wire_ratio": round(bare / floor_rate, 3),
        "live_path_deliveries_per_cpu_s": round(heard["deliveries"] / max(live_s, 0.01)),
        "live_path_ratio": round(heard["deliveries"] / max(live_s, 0.01) / floor_rate, 3),
        "command_p50_ms": _ms([c.answered_at - c.sent_at for c in seldom["made"]], 50),
        "after_answer_last_client_p50_ms": _ms(seldom["after_answer"], 50),
        "idle_cpu_share": round(idle, 3),
        "joining_s": round(joining_s, 2),
        "joining_cpu_ms_each": round(joining_cpu_s / (phones + LOBBIES) * 1000, 2),
        "went_back": sum(one["heard"]["went_back"] for one in (seldom, often, most)),
        "malformed": sum(one["heard"]["malformed"] for one in (seldom, often, most)),
        "ended": most["heard"]["ended"],
    }


def _warm_up(clinic: Clinic, ears: Helper) -> None:
    ears.ask(open=clinic.screens(_WARM_UP, LOBBIES))
    clinic.change(20.0, 2.0, _CONNECTIONS)
    time.sleep(_SETTLE_S)
    ears.ask(close=True)
    time.sleep(_SETTLE_S)


def _cpu_of_commands(clinic: Clinic, web: int, seconds: float) -> float:
    """Processor seconds of one command with no screen open."""
    cpu = bench_process.cpu_s(web)
    made = clinic.change(OFTEN, seconds, _CONNECTIONS)
    return (bench_process.cpu_s(web) - cpu) / len(made)


def listen(
    clinic: Clinic, ears: Helper, web: int, per_second: float, seconds: float, connections: int
) -> dict[str, Any]:
    """Change the site at that rate and say who heard of it when, and what it cost."""
    ears.ask(count=True)
    cpu = bench_process.cpu_s(web)
    made = clinic.change(per_second, seconds, connections)
    time.sleep(0.5)
    used = bench_process.cpu_s(web) - cpu
    path = clinic.directory / "times"
    heard = ears.ask(take=str(path))
    line: dict[int, list[float]] = pickle.loads(path.read_bytes())[f"line:{SITE}"]
    phones = heard["open"] - LOBBIES
    told = _told_of(line, [c for c in made if c.visit], phones)
    return {
        "heard": heard,
        "made": made,
        "cpu_s": used,
        "rate": heard["deliveries"] / used,
        "updates": len(line),
        "last": [times[-1] - one.sent_at for one, times in told],
        "after_answer": [times[-1] - one.answered_at for one, times in told],
        "events": np.concatenate([times - one.sent_at for one, times in told]),
        "staleness": np.concatenate([np.maximum(t - one.answered_at, 0.0) for one, t in told]),
    }


def _told_of(
    line: dict[int, list[float]], made: Sequence[Change], phones: int
) -> list[tuple[Change, "np.ndarray[Any, np.dtype[np.float64]]"]]:
    """Each change with the times at which all phones had an update that contains it."""
    seqs = sorted(seq for seq, times in line.items() if len(times) >= phones)
    found = []
    for one in made:
        where = bisect_left(seqs, one.seq)
        if where < len(seqs):
            found.append((one, np.sort(np.array(line[seqs[where]]))))
    if len(found) < 0.9 * len(made):
        raise click.ClickException("Not every phone was told of each change.")
    return found


def _bare(
    directory: Path, ears: Helper, clients: int, updates: int, seconds: float, cores: set[int]
) -> float:
    """Deliveries per processor-second of the product's wire alone, with the payload in a file."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    *command, _ = serving.web_command("127.0.0.1", port, 1)
    environ = {**os.environ, "BENCH_PAYLOAD": str(directory / PAYLOAD)}
    with bench_process.running(
        [*command, "queueapp.commands.bench_live_bare:create_app()"], environ, port
    ) as gunicorn:
        (web,) = bench_process.children(gunicorn)
        bench_process.pin(web, cores)
        one = {"port": port, "origin": f"http://127.0.0.1:{port}", "cookie": "x=y", "want": ["all"]}
        ears.ask(open=[one] * clients)
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60 + seconds)
        for first, number in ((1, 20), (1000, updates)):
            ears.ask(count=True)
            cpu = bench_process.cpu_s(web)
            wire.request("POST", f"/say/{first}/{number}/{seconds:.0f}")
            wire.getresponse().read()
            time.sleep(0.5)
            used = bench_process.cpu_s(web) - cpu
            heard = ears.ask(take=str(directory / "times"))
        ears.ask(close=True)
    return float(heard["deliveries"] / used)


def _floor(
    directory: Path, ears: Helper, clients: int, updates: int, seconds: float, cores: set[int]
) -> dict[str, Any]:
    """The same bytes to as many clients, from a bare loop: as seldom, then as often."""
    with helper("queueapp.commands.bench_live_floor", str(directory / PAYLOAD)) as door:
        bench_process.pin(door.process.pid, cores)
        port = int(door.hear())
        plain = {"port": port, "origin": "", "cookie": "", "want": []}
        ears.ask(open=[plain] * clients)
        time.sleep(0.5)
        ears.ask(count=True)
        sent: dict[int, float] = {}
        for seq in range(1_000_000, 1_000_000 + int(SELDOM * seconds)):
            sent[seq] = time.monotonic()
            door.say(str(seq))
            time.sleep(1 / SELDOM)
        path = directory / "times"
        ears.ask(take=str(path))
        line: dict[int, list[float]] = pickle.loads(path.read_bytes())[f"line:{SITE}"]
        last = [max(line[seq]) - at for seq, at in sent.items()]
        ears.ask(count=True)
        cpu = bench_process.cpu_s(door.process.pid)
        began = time.monotonic()
        for n in range(updates):
            time.sleep(max(0.0, began + n * seconds / updates - time.monotonic()))
            door.say(str(2_000_000 + n))
        time.sleep(0.5)
        # What so few took that the system's clock did not see it took less than one tick of it.
        used = max(bench_process.cpu_s(door.process.pid) - cpu, 0.01)
        heard = ears.ask(take=str(path))
        ears.ask(close=True)
    return {"rate": heard["deliveries"] / used, "last": last}


def _ms(seconds: Any, percentile: float) -> float:
    return round(float(np.percentile(np.asarray(seconds), percentile)) * 1000, 1)


def in_words(row: dict[str, Any]) -> str:
    """One line for people."""
    return (
        f"{row['clients']:>5} phones: {row['deliveries_per_cpu_s']:,} deliveries/CPU-s, floor "
        f"{row['floor_deliveries_per_cpu_s']:,} (ratio {row['ratio']}; without the commands "
        f"{row['live_path_ratio']}, the wire alone {row['wire_ratio']}); "
        f"last client {row['last_client_p50_ms']} ms, floor "
        f"{row['floor_last_client_p50_ms']} ms; event p99 {row['event_p99_ms']} ms at "
        f"{row['events_per_s']}/s; flat out {row['flat_out_per_s']}/s, stale for "
        f"{row['flat_out_staleness_p99_ms']} ms (p99); {row['kib_per_connection']} KiB a connection"
    )

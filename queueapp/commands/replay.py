"""`replay`: a recorded day played against a running server, with screens watching."""

import asyncio
import logging
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import click
import numpy as np

from queueapp.commands import base
from queueapp.commands.demo_log import skills_seen
from queueapp.commands.history_names import slug_of
from queueapp.commands.replay_day import Plan, plan_of
from queueapp.commands.replay_drive import Api, Driver, ServerError
from queueapp.commands.replay_ledger import Ledger
from queueapp.commands.replay_screens import (
    Phones,
    Screen,
    lobby_latencies,
    phone_latencies,
)
from queueapp.integrations.visit_log import LogError, LogRow, read_log

_LAST_UPDATES_S = 10.0


@click.command("replay")
@click.argument("file", type=base.existing_file)
@click.option("--day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="A day of the log.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Times as fast as the day was; 0 is as fast as it will go.",
)
@click.option("--url", required=True, help="Where the server is.")
@click.option("--token", required=True, help="A manager's API token.")
@click.option("--site", default="demo", show_default=True, help="The site's slug.")
@click.option("--lobbies", type=click.IntRange(1), default=20, show_default=True)
@click.option("--phones", type=click.IntRange(0), default=200, show_default=True)
@base.json_option
def command(
    file: Path,
    day: datetime,
    speed: float,
    url: str,
    token: str,
    site: str,
    lobbies: int,
    phones: int,
    json_file: str | None,
) -> None:
    """Drive a running server as a day's patients and clinicians, lobbies and phones watching.

    Prepare the site with `demo --from-log FILE`. Ends with what was lost, duplicated or called
    out of order, and how long a call took to be seen: from the moment call-next was sent to the
    moment a lobby, or the visit's own phone, showed it. Fails unless all three are 0.

    At --speed 0 arrivals keep the log's order, clinicians the order of their work, and nobody is
    called before all who had arrived by then. After the last one clinicians call on until nobody
    is left, so whoever the log shows served is served.
    """
    # A server that is late with its pings is counted as a reconnect; the library need not cry.
    for library in ("engineio.client", "socketio.client"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        figures = asyncio.run(_replay(file, day, speed, url, token, site, lobbies, phones))
    except* (ServerError, LogError, aiohttp.ClientError) as errors:
        raise click.ClickException(str(errors.exceptions[0])) from errors
    if json_file != "-":
        click.echo(_in_words(figures))
    base.write_json(json_file, figures)
    if figures["lost"] or figures["duplicated"] or figures["order_violations"]:
        raise SystemExit(1)


async def _replay(
    file: Path,
    day: datetime,
    speed: float,
    url: str,
    token: str,
    site: str,
    lobbies: int,
    phones: int,
) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=0, force_close=False)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
        api = Api(http, url, token)
        here = next((s for s in await api.get("/sites") if s["slug"] == site), None)
        if here is None:
            raise ServerError(f"This token sees no site “{site}”.")
        log = read_log(file, here["timezone"])
        plan = plan_of(list(log.rows), day.date(), here["timezone"])
        if not plan.rows:
            raise LogError(f"{file} has no arrivals on {day:%Y-%m-%d}.")
        rooms = _rooms(here, plan)
        await _must_be_empty(api, site)
        ledger = Ledger(_skills(log.rows))
        screens = [Screen(time.monotonic) for _ in range(lobbies)]
        for screen in screens:
            await screen.open(url, {"token": token, "want": [f"lobby:{site}"]})
        pocket = Phones(url, phones, time.monotonic)
        jobs = sum(len(mine) for mine in plan.jobs.values())
        began = time.monotonic()
        with base.progress() as bar:
            task = bar.add_task(f"Replaying {day:%Y-%m-%d}", total=len(plan.moves) + jobs)
            driver = Driver(
                api, site, plan, rooms, ledger, pocket, speed, lambda: bar.advance(task)
            )
            await driver.run()
        wall = time.monotonic() - began
        await _last_updates(ledger, screens)
        state = await api.get(f"/sites/{site}/state")
        figures = _figures(ledger, driver, api, screens, pocket, state, wall)
        await pocket.close()
        await asyncio.gather(*(screen.close() for screen in screens))
        return figures


def _rooms(site: dict[str, Any], plan: Plan) -> dict[str, int]:
    rooms = {r["clinician"]["name"]: r["id"] for r in site["rooms"] if r["clinician"]}
    missing = sorted(set(plan.jobs) - set(rooms))
    if missing:
        raise ServerError(
            f"No room has {', '.join(missing)}. Prepare the site: queueapp demo --from-log FILE"
        )
    return {name: rooms[name] for name in plan.jobs}


async def _must_be_empty(api: Api, site: str) -> None:
    waiting = len((await api.get(f"/sites/{site}/state"))["entries"])
    if waiting:
        raise ServerError(
            f"{waiting} people are still in the queue of {site}. A replay needs it empty: "
            "queueapp demo --from-log FILE makes a new one."
        )


def _skills(rows: tuple[LogRow, ...]) -> dict[str, set[str]]:
    return {name: {slug_of(s) for s in given} for name, given in skills_seen(rows).items()}


async def _last_updates(ledger: Ledger, screens: list[Screen]) -> None:
    """Give the last calls time to be seen everywhere."""
    tickets = {c.ticket for c in ledger.calls}
    deadline = time.monotonic() + _LAST_UPDATES_S
    while time.monotonic() < deadline:
        if all(tickets <= screen.seen.keys() for screen in screens):
            return
        await asyncio.sleep(0.1)


def _figures(
    ledger: Ledger,
    driver: Driver,
    api: Api,
    lobbies: list[Screen],
    phones: Phones,
    state: dict[str, Any],
    wall: float,
) -> dict[str, Any]:
    there = {entry["id"] for entry in state["entries"]}
    seen = set().union(*(screen.seen for screen in lobbies))
    states = [entry.state for entry in ledger.taken.values()]
    pocket = phones.all()
    on_lobbies = lobby_latencies(ledger.calls, lobbies)
    on_phones = phone_latencies(ledger.calls, pocket)
    screens = [*lobbies, *(phone for _, phone in pocket)]
    missed = sum(c.ticket not in lobby.seen for c in ledger.calls for lobby in lobbies)
    return {
        "arrived": len(ledger.taken),
        "served": states.count("finished"),
        "left": states.count("left_without_being_seen"),
        "lost": ledger.lost(there, seen),
        "duplicated": ledger.duplicated(),
        "order_violations": ledger.order_violations(),
        "latency_ms": _percentiles([*on_lobbies, *on_phones]),
        "wall_s": round(wall, 2),
        "sockets": {
            "lobbies": len(lobbies),
            "phones": len(pocket) - len(phones.retired),
            "phones_in_all": len(pocket),
            "refused": phones.refused,
            "reconnects": sum(max(0, screen.connects - 1) for screen in screens),
            "down_at_end": sum(not s.is_up for s in [*lobbies, *phones.in_use()]),
            "updates": sum(screen.updates for screen in screens),
            "went_back": sum(screen.went_back for screen in screens),
        },
        "lobby_latency_ms": _percentiles(on_lobbies),
        "phone_latency_ms": _percentiles(on_phones),
        "lobby_views_missed": missed,
        "calls": len(ledger.calls),
        "calls_for_nobody": driver.empty_calls,
        "left_too_late": driver.left_too_late,
        "retries": api.retries,
    }


def _percentiles(seconds: list[float]) -> dict[str, float | int | None]:
    if not seconds:
        return {"p50": None, "p99": None, "n": 0}
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
    return {"p50": round(float(p50), 1), "p99": round(float(p99), 1), "n": len(seconds)}


def _in_words(figures: dict[str, Any]) -> str:
    latency, sockets = figures["latency_ms"], figures["sockets"]
    return "\n".join(
        (
            f"arrived {figures['arrived']}, served {figures['served']}, left {figures['left']}",
            f"lost {figures['lost']}, duplicated {figures['duplicated']}, "
            f"order violations {figures['order_violations']}",
            f"call to screen: p50 {latency['p50']} ms, p99 {latency['p99']} ms "
            f"(n = {latency['n']}, from sending call-next to a lobby or the visit's phone)",
            f"{figures['wall_s']} s; {sockets['lobbies']} lobbies, {sockets['phones']} phones, "
            f"{sockets['reconnects']} reconnects, {figures['retries']} requests repeated",
        )
    )

"""A clinic's month in an hour, 300 sockets coming and going: does anything grow?

`nice -n 19 .venv/bin/python -m tests.soak_month --minutes 60`. Who comes and when is a made-up
month's, faster by as much as it is longer. Phones open their link's page and a socket each, stay
for a while, and leave in order or as if the network were cut. Ends with 1 if the memory of a
process grew by 5 % after its warm-up, or if files stay open once everybody has left.
"""

import asyncio
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import aiohttp
import click
import psutil
import sqlalchemy as sa

from queueapp.commands.clinic_days import ClinicDay, clinic_day, weekdays
from queueapp.commands.replay_drive import Api
from queueapp.db.models import ClinicianService, Service, Shift
from queueapp.db.session import Database
from tests import services
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.served import Served

SOCKETS, LOBBIES, DAYS = 300, 20, 22
LOOK_S, STAYS_S = 5.0, 30.0
# What a process needs to have met everything once, and what is compared with the end.
WARM_UP, COMPARED = 0.25, 0.15
MOST_GROWTH, MOST_FILES = 0.05, 5
# What a process opens once and keeps: the ten connections of PostgreSQL's pool, two to Redis.
KEPT_FILES = 12
_WALKED_OUT, _STEPPED_OUT, _CUT = 0.05, 0.1, 0.5


@dataclass
class Look:
    """One look at a process: seconds since the start, MiB of memory, open files."""

    at: float
    mib: float
    files: int


@dataclass
class Month:
    """What runs: the server, who is in it, what was done."""

    url: str
    token: str
    seconds: float
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    did: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)
    open: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def socket(month: Month, http: aiohttp.ClientSession, auth: dict[str, Any]) -> None:
    """One screen from its coming to its leaving, speaking as the pages' library does."""
    address = month.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
    stays = month.dice.expovariate(1 / STAYS_S) if "want" not in auth else 10 * STAYS_S
    async with http.ws_connect(address, origin=month.url, max_msg_size=0) as wire:
        await wire.receive_str()
        await wire.send_str("40" + json.dumps(auth))
        month.open += 1
        month.did["sockets opened"] += 1
        try:
            async with asyncio.timeout(stays):
                async for message in wire:
                    if message.data == "2":
                        await wire.send_str("3")
                    elif message.data.startswith("42"):
                        month.did["updates heard"] += 1
        except TimeoutError:
            pass
        finally:
            month.open -= 1
        if month.dice.random() < _CUT and (beneath := wire.get_extra_info("socket")):
            # As a phone that goes out of reach: not even a goodbye.
            beneath.shutdown(SHUT_RDWR)
            month.did["sockets cut"] += 1


async def seat(month: Month, http: aiohttp.ClientSession, number: int) -> None:
    """One of the sockets there are at a time: when one leaves, another comes."""
    while not month.over.is_set():
        auth: dict[str, Any] = {"token": month.token, "want": ["lobby:demo"]}
        if number >= LOBBIES:
            if not month.links:
                await asyncio.sleep(0.5)
                continue
            link = month.dice.choice(month.links[-60:])
            auth = {"token": link}
        try:
            if number >= LOBBIES:
                async with http.get(f"{month.url}/t/{link}") as page:
                    await page.read()
                    month.did["pages opened"] += 1
            await socket(month, http, auth)
        except (aiohttp.ClientError, TypeError, OSError) as error:
            month.did[f"sockets not let in ({type(error).__name__})"] += 1
            await asyncio.sleep(1)


async def patients(month: Month, api: Api, offered: list[list[str]], days: list[ClinicDay]) -> None:
    """Everybody of the month, at their moment of it."""
    began, each = time.monotonic(), month.seconds / len(days)
    async with asyncio.TaskGroup() as group:
        for n, day in enumerate(days):
            length = (day.closes_at - day.opens_at).total_seconds()
            for guest in day.guests:
                into = (guest.arrives_at - day.opens_at).total_seconds() / length
                at = began + each * (n + min(max(into, 0.0), 1.0))
                if (wait := at - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                # As many for each clinician as for the others, or somebody's queue only grows.
                service = month.dice.choice(month.dice.choice(offered))
                group.create_task(visit(month, api, service, began + each * (n + 1)))
    month.over.set()


def skills(url: str) -> list[list[str]]:
    """The services that each clinician can give, by slug."""
    database = Database(url)
    with database.read() as session:
        rows = session.execute(
            sa.select(ClinicianService.clinician_id, Service.slug)
            .join(Service, Service.id == ClinicianService.service_id)
            .join(Shift, Shift.clinician_id == ClinicianService.clinician_id)
            .where(Shift.actual_from.is_not(None), ~Service.retired)
            .distinct()
        ).all()
    database.dispose()
    return [[slug for who, slug in rows if who == one] for one in sorted({who for who, _ in rows})]


async def visit(month: Month, api: Api, service: str, closes: float) -> None:
    """One who comes, and perhaps steps out or leaves; at closing whoever still waits goes home."""
    _, found = await api.post("/sites/demo/entries", {"service": service})
    month.did["arrived"] += 1
    month.links.append(found["visit_token"])
    entry = f"/entries/{found['id']}"
    chance = month.dice.random()
    if chance < _WALKED_OUT:
        await asyncio.sleep(month.dice.random())
        await api.post(f"{entry}/leave", {"reason": "waited_too_long"}, 409)
    elif chance < _STEPPED_OUT:
        back_by = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        await api.post(f"{entry}/step-out", {"back_by": back_by}, 409, 422)
        await asyncio.sleep(month.dice.random())
        await api.post(f"{entry}/return", {}, 409, 422)
    await asyncio.sleep(max(closes + 5 * month.dice.random() - time.monotonic(), 0.0))
    status, _ = await api.post(f"{entry}/leave", {"reason": "waited_too_long"}, 409)
    month.did["sent home at closing"] += status == 200


async def clinician(month: Month, api: Api, room: int, length_s: float) -> None:
    """Calls whoever is next, for the whole month."""
    while not month.over.is_set():
        status, found = await api.post(f"/rooms/{room}/call-next", {}, 409)
        if status != 200:
            await asyncio.sleep(0.1)
            continue
        month.did["called"] += 1
        entry = f"/entries/{found['id']}"
        status, _ = await api.post(f"{entry}/start", {}, 409)
        await asyncio.sleep(month.dice.expovariate(1 / length_s))
        if status == 200:
            await api.post(f"{entry}/finish", {"resolution": "resolved"}, 409)
            month.did["finished"] += 1


async def lookers(month: Month, api: Api) -> None:
    """Programs that ask for the state and the figures."""
    while not month.over.is_set():
        # An idle connection may end just as it is used again.
        with contextlib.suppress(aiohttp.ServerDisconnectedError):
            await api.get("/sites/demo/state")
        await asyncio.sleep(1)


async def watch(month: Month, watched: dict[str, psutil.Process]) -> dict[str, list[Look]]:
    """Look at the processes until the month is over; a line each minute."""
    began, told = time.monotonic(), -1
    looks: dict[str, list[Look]] = {name: [] for name in watched}
    while not month.over.is_set():
        at = time.monotonic() - began
        for name, process in watched.items():
            looks[name].append(Look(at, process.memory_info().rss / 2**20, process.num_fds()))
        if at // 60 > told:
            told = int(at // 60)
            words = (f"{n}: {s[-1].mib:.1f} MiB {s[-1].files} files" for n, s in looks.items())
            came, seen = month.did["arrived"], month.did["finished"]
            rest = f"{month.open} sockets, {came} came, {seen} seen"
            say(f"{told:>3} min  {', '.join(words)}; {rest}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(month.over.wait(), LOOK_S)
    return looks


async def run(
    month: Month,
    watched: dict[str, psutil.Process],
    days: list[ClinicDay],
    offered: list[list[str]],
) -> dict[str, list[Look]]:
    """The month; what was seen of each process."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30)
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, cookie_jar=jar) as http:
        api = Api(http, month.url, month.token)
        (site,) = [s for s in await api.get("/sites") if s["slug"] == "demo"]
        rooms = [room["id"] for room in site["rooms"] if room["clinician"]]
        guests = sum(len(day.guests) for day in days)
        length_s = 0.5 * len(rooms) * month.seconds / guests
        background = [asyncio.create_task(seat(month, http, n)) for n in range(SOCKETS)]
        background += [asyncio.create_task(clinician(month, api, r, length_s)) for r in rooms]
        background.append(asyncio.create_task(lookers(month, api)))
        watching = asyncio.create_task(watch(month, watched))
        await patients(month, api, offered, days)
        looks = await watching
        for task in background:
            task.cancel()
        for ended in await asyncio.gather(*background, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        say(f"     {dict(month.did)}, {api.retries} asked again")
    return looks


def growth(looks: list[Look]) -> tuple[float, float, float]:
    """MiB after the warm-up and at the end (medians), and the growth between as a share."""
    whole = looks[-1].at
    early = [o.mib for o in looks if WARM_UP <= o.at / whole <= WARM_UP + COMPARED]
    late = [o.mib for o in looks if o.at / whole >= 1 - COMPARED]
    before, after = statistics.median(early), statistics.median(late)
    return before, after, after / before - 1


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def family(served: Served) -> dict[str, psutil.Process]:
    """The web process and the worker of a server."""
    assert served.process
    children = psutil.Process(served.process.pid).children(recursive=True)
    web = [p for p in children if "gunicorn" in p.cmdline() and not p.children()]
    (worker,) = [p for p in children if "work" in p.cmdline()]
    return {**{f"web {n}": p for n, p in enumerate(web, 1)}, "worker": worker}


@click.command()
@click.option("--minutes", default=60.0, show_default=True, type=click.FloatRange(0.5))
@click.option("--busy", default=1.0, show_default=True, help="Times as many as usually come.")
@click.option("--postgresql", is_flag=True, help="On PostgreSQL with Redis and two processes.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path))
def main(minutes: float, busy: float, postgresql: bool, json_file: Path | None) -> None:
    """A month of weekdays in so many minutes."""
    days = [clinic_day(d, n, busy=busy) for n, d in enumerate(weekdays(date(2026, 9, 1), DAYS))]
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        directory.chmod(0o755)
        options: dict[str, Any] = {}
        if postgresql:
            url = PostgresqlMaker(directory, stack.enter_context(services.postgresql())).make()
            options = {"redis_url": stack.enter_context(services.redis()), "workers": 2}
        else:
            url = SqliteMaker(directory).make()
        served = Served(url, directory / "serve.log", **options)
        most_files = MOST_FILES + KEPT_FILES * postgresql
        served.run("demo", "--empty")
        stack.callback(served.end)
        served.start()
        token = served.run("token", "add", "--role", "manager", "--site", "demo").strip()
        watched = family(served)
        idle = {name: process.num_fds() for name, process in watched.items()}
        month = Month(served.url, token, timedelta(minutes=minutes).total_seconds())
        looks = asyncio.run(run(month, watched, days, skills(url)))
        time.sleep(15)  # longer than it takes to notice who left without a goodbye
        failed, figures = False, {}
        for name, seen in looks.items():
            before, after, grown = growth(seen)
            files = watched[name].num_fds() - idle[name]
            failed |= grown >= MOST_GROWTH or files > most_files
            figures[name] = {"mib": [before, after], "growth": grown, "files_left": files}
            say(f"{name}: {before:.1f} to {after:.1f} MiB, {grown:+.1%}; {files:+} files left open")
        if json_file:
            shown = {n: [[o.at, o.mib, o.files] for o in seen] for n, seen in looks.items()}
            json_file.write_text(json.dumps({"figures": figures, "did": month.did, "looks": shown}))
        if "Traceback" in served.log.read_text():
            say(served.log.read_text()[-3000:])
            failed = True
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()

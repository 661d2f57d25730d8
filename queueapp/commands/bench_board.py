"""`bench board`: how long a manager waits for the board of a clinic with a history."""

import http.client
import re
import time
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import click
import numpy as np
import sqlalchemy as sa

from queueapp.commands import base, bench_served
from queueapp.commands.bench_machine import machine
from queueapp.commands.bench_served import Server
from queueapp.commands.demo_clinic import MANAGER, PASSWORD, SLUG
from queueapp.db.models import QueueEntry, Site
from queueapp.db.session import Database

_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@click.command()
@click.option("--days", default=60, show_default=True, help="Days of history before today.")
@click.option("--times", default=100, show_default=True, help="How often the page is asked for.")
@base.json_option
def board(days: int, times: int, json_file: str | None) -> None:
    """The manager's board by HTTP, signed in, one after the other; a demo clinic on a busy day."""
    with bench_served.settings() as environ:
        url = environ["DATABASE_URL"]
        bench_served.told(environ, "queueapp", "db", "upgrade")
        bench_served.told(environ, "queueapp", "demo", "--days", str(days))
        entries = _entries(url)
        with bench_served.served(environ) as server:
            pages = {"board": f"/board/{SLUG}", "trend": f"/board/{SLUG}/trend"}
            cookie = _sign_in(server)
            took = {name: _ask(server, path, cookie, times) for name, path in pages.items()}
    figures: dict[str, Any] = {**_percentiles(took["board"]), "entries": entries, "times": times}
    figures["trend"] = _percentiles(took["trend"])
    click.echo(
        f"board: {entries} entries, p50 {figures['p50_ms']} ms, p95 {figures['p95_ms']} ms",
        err=True,
    )
    base.write_json(json_file, figures | machine(url))


def _entries(url: str) -> int:
    database = Database(url)
    with database.read() as session:
        n = session.scalar(
            sa.select(sa.func.count(QueueEntry.id)).join(Site).where(Site.slug == SLUG)
        )
    database.dispose()
    return n or 0


def _sign_in(server: Server) -> str:
    """Sign the demo's manager in as a browser does; returns the cookies to send."""
    wire, path = server.wire(), "/sign-in"
    wire.request("GET", path)
    page = wire.getresponse()
    token = _CSRF.search(page.read().decode())
    assert token, f"{path}: {page.status}"
    form = {"csrf_token": token[1], "email": MANAGER, "password": PASSWORD}
    headers = {
        "Cookie": _cookies(page),
        "Origin": server.environ["PUBLIC_URL"],
        "Content-Type": "application/x-www-form-urlencoded",
    }
    wire.request("POST", path, urlencode(form), headers)
    answer = wire.getresponse()
    answer.read()
    if answer.status != 302:
        raise click.ClickException(f"The manager could not sign in: {answer.status}")
    return _cookies(answer)


def _cookies(answer: http.client.HTTPResponse) -> str:
    jar = SimpleCookie("; ".join(answer.headers.get_all("Set-Cookie") or []))
    return "; ".join(f"{name}={one.value}" for name, one in jar.items())


def _ask(server: Server, path: str, cookie: str, times: int) -> list[float]:
    """Milliseconds until the whole page was there, each time; twice asked before it counts."""
    wire, took = server.wire(), []
    for n in range(times + 2):
        began = time.perf_counter()
        wire.request("GET", path, headers={"Cookie": cookie})
        answer = wire.getresponse()
        page = answer.read()
        if answer.status != 200 or b"</html>" not in page:
            raise click.ClickException(f"{path}: {answer.status}")
        if n >= 2:
            took.append((time.perf_counter() - began) * 1000)
    return took


def _percentiles(took: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(took, [50, 95])
    return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2)}

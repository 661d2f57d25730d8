"""The demo clinic, served, with a way in for each of its people: for pictures and for the eye."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.served import Served

People = dict[str, dict[str, str]]


@contextmanager
def demo_house(url: str, directory: Path, days: int) -> Iterator[tuple[Served, People]]:
    """Fill the migrated database at `url` and serve it: its people have `address`, `login`…"""
    served = Served(url, directory / "log")
    told = json.loads(served.told("demo", "--days", str(days), "--json", "-"))
    served.start()
    try:
        yield served, {way["person"]: way for way in told["ways"]}
    finally:
        served.end()


def enter(page: Page, way: dict[str, str]) -> None:
    """Open a person's address, signed in or started where that is asked for."""
    page.goto(way["address"])
    if way["login"]:
        page.get_by_label("E-mail").fill(way["login"])
        page.get_by_label("Password").fill(way["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda address: "/sign-in" not in address)
    elif "/device/" in way["address"]:
        page.get_by_role("button", name="Start").click()
        page.wait_for_url(lambda address: "/device/" not in address)
    page.wait_for_load_state()

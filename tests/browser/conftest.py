"""Real Chromium: one person is one context with cookies of its own, at the screen's real size."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import binaries
from tests.browser.eye import Eye
from tests.browser.screens import SCREENS
from tests.conftest import need

# What moves without need is painted sixty times a second, by the processor.
OF_ALL = {"locale": "en-GB", "timezone_id": "Europe/London", "reduced_motion": "reduce"}
FLAGS = [
    "--disable-gpu",
    # Nothing is drawn but by the processor: a process of its own for that costs more than it does.
    "--in-process-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The browser knows no other machine, as the tests themselves do not.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, headless."""
    need("chromium")
    # Chromium's sandbox cannot be had as root.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=binaries.find("chromium"), args=flags, headless=True
        )
        yield browser
        browser.close()


# What is asked of the database is asked by pages, which their own tests ask on both kinds. A story
# in the browser stands on them; from the door to the room it is told on both in `make soak`.
on_one_database = pytest.mark.one_database


class Watch:
    """What went wrong behind a page: script errors, failed files, requests that leave the app."""

    def __init__(self) -> None:
        self.troubles: list[str] = []

    def over(self, context: BrowserContext) -> None:
        """Note the troubles of every page of `context`."""
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        context.on("request", lambda request: self._request(request.url))
        context.on("response", lambda response: self._response(response.status, response.url))

    def _request(self, url: str) -> None:
        host = urlsplit(url).hostname
        if host not in (None, "127.0.0.1", "localhost"):
            self.troubles.append(f"asked another machine: {url}")

    def _response(self, status: int, url: str) -> None:
        if status >= 500 or (status == 404 and "/static/" in url):
            self.troubles.append(f"{status}: {url}")


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test at its end when a page had troubles; clear `troubles` that were meant."""
    watch = Watch()
    yield watch
    assert watch.troubles == []


@pytest.fixture
def eye() -> Iterator[Eye]:
    """Looks at pages as stories pass them; fails the test at its end with all that it found."""
    eye = Eye()
    yield eye
    assert eye.looks
    assert eye.found == {}


@pytest.fixture
def person(chromium: Browser, watch: Watch) -> Iterator[Callable[..., Page]]:
    """A page of a person's own: `person("desk")`, `person("phone", locale="ar")`."""
    contexts: list[BrowserContext] = []

    def arrive(screen: str, **options: Any) -> Page:
        context = chromium.new_context(**{**OF_ALL, **SCREENS[screen], **options})
        contexts.append(context)
        context.set_default_timeout(10_000)
        watch.over(context)
        return context.new_page()

    yield arrive
    for context in contexts:
        context.close()

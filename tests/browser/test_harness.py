"""Chromium as the tests drive it."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser.conftest import Watch


def test_people_have_screens_and_cookies_of_their_own(person: Callable[..., Page]) -> None:
    phone, desk = person("phone"), person("desk")
    phone.context.add_cookies([{"name": "visit", "value": "1", "url": "http://127.0.0.1/"}])
    assert desk.context.cookies() == []
    phone.set_content('<meta name="viewport" content="width=device-width">')
    assert phone.evaluate("[innerWidth, innerHeight]") == [390, 844]
    assert desk.evaluate("[innerWidth, innerHeight]") == [1440, 900]


def test_the_browser_reaches_no_other_machine(person: Callable[..., Page], watch: Watch) -> None:
    page = person("desk")
    page.set_content('<img src="https://example.org/x.png" onerror="document.title = \'refused\'">')
    page.wait_for_function("document.title === 'refused'")
    assert watch.troubles == ["asked another machine: https://example.org/x.png"]
    watch.troubles.clear()

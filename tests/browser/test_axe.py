"""What goes wrong breaks WCAG 2.2 A or AA nowhere, as far as axe-core can tell; walks miss no page.

The stories in this directory look at one page of each kind as they pass it; `walks.py` looks at
every page and state of the demo clinic. One kind of database: the pages are the same on both.
"""

import threading
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page
from werkzeug.serving import make_server

from queueapp.db.session import Database
from tests.browser import tours_patients, tours_staff
from tests.browser.conftest import Watch
from tests.browser.eye import Eye
from tests.browser.tours import NO_PAGES, WALKS
from tests.services import free_port
from tests.web.web_world import built, web_app

assert tours_patients, tours_staff
# What `test_a_new_clinic_and_what_goes_wrong` looks at.
FIRST = {"admin.setup"}
MOST_WRONG_CODES = 10
one_database = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@one_database
def test_a_new_clinic_and_what_goes_wrong(
    fresh_database: str, person: Callable[..., Page], eye: Eye, watch: Watch
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    app = built(Database(fresh_database), public_url=url)
    app.testing = False
    app.add_url_rule("/breaks", "breaks", lambda: str(1 / 0))
    server = make_server("127.0.0.1", int(url.rpartition(":")[2]), app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = person("desk")
    for path in ("/setup", "/nowhere", "/breaks"):
        page.goto(url + path)
        eye.look(page, path)
    watch.troubles.clear()
    page.goto(f"{url}/setup")
    page.locator("main .btn.pri").click()
    page.locator(".nhsuk-error-summary").wait_for()
    eye.look(page, "/setup, empty")
    for _ in range(MOST_WRONG_CODES + 1):
        status = requests.post(f"{url}/pair", data={"code": "1"}, timeout=5).status_code
    assert status == 429
    page.goto(f"{url}/pair")
    page.locator("[name=code]").fill("1")
    page.locator("main .btn.pri").click()
    page.get_by_role("heading", name="Please wait").wait_for()
    eye.look(page, "429")
    server.shutdown()


def test_every_page_is_on_a_walk() -> None:
    routes = web_app(Database("sqlite://")).url_map.iter_rules()
    pages = {rule.endpoint for rule in routes if "GET" in (rule.methods or ())}
    pages = {one for one in pages if not one.startswith("api.")} - NO_PAGES
    assert pages == FIRST.union(*(walk.routes for walk in WALKS.values()))

"""No page breaks WCAG 2.2 A or AA as far as axe-core can tell, nor has to be moved sideways.

The suite looks at one page of each kind, at two sizes (see `Eye`): what breaks, breaks in what
pages share. `make soak` looks at every page and state at all sizes, light and dark. One kind of
database: the pages are the same on both.
"""

import os
import threading
from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import Page
from werkzeug.serving import make_server

from queueapp.db.session import Database
from tests.browser import tours_patients, tours_staff
from tests.browser.conftest import Watch
from tests.browser.eye import Eye
from tests.browser.house import People, demo_house
from tests.browser.tours import NO_PAGES, WALKS, Tour
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.served import Served
from tests.services import free_port
from tests.web.web_world import built, web_app

assert tours_patients, tours_staff
THOROUGH = os.environ.get("SWEEP") == "thorough"
DAYS = 7 if THOROUGH else 1
# What `test_a_new_clinic_and_what_goes_wrong` looks at.
FIRST = {"admin.setup"}
MOST_WRONG_CODES = 10
one_database = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def house(
    database_maker: SqliteMaker | PostgresqlMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, People]]:
    """The demo clinic, served for all walks."""
    url = database_maker.make()
    with demo_house(url, tmp_path_factory.mktemp("house"), DAYS) as found:
        yield found
    database_maker.drop(url)


@pytest.fixture
def eye() -> Iterator[Eye]:
    """Fails the test at its end with all that it found."""
    eye = Eye(web_app(Database("sqlite://")).url_map, thorough=THOROUGH)
    yield eye
    print(f"\n{eye.looks} looks at {eye.pages} pages: {len(eye.found)} with violations")
    assert eye.found == {}


@one_database
@pytest.mark.parametrize("walk", sorted(WALKS))
def test_a_walk_past_pages(
    house: tuple[Served, People], person: Callable[..., Page], eye: Eye, walk: str
) -> None:
    tour = Tour(*house, person, eye)
    WALKS[walk].steps(tour)
    tour.db.dispose()
    assert eye.visited
    if THOROUGH:
        assert WALKS[walk].routes - eye.visited == set()


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
    eye.over(page)
    for path in ("/setup", "/nowhere", "/breaks"):
        page.goto(url + path)
        eye.look(page, path)
    watch.troubles.clear()
    page.goto(f"{url}/setup")
    page.locator("main .btn.pri").click()
    page.locator(".nhsuk-error-summary").wait_for()
    eye.look(page, "/setup, empty")
    assert eye.visited >= FIRST
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

"""Every page and state of the demo clinic at every size, light and dark: for `make soak`."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from queueapp.db.session import Database
from tests.browser import tours_patients, tours_staff
from tests.browser.eye import Eye
from tests.browser.house import People, demo_house
from tests.browser.tours import WALKS, Tour
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.served import Served
from tests.web.web_world import web_app

assert tours_patients, tours_staff
DAYS = 7


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
    eye = Eye(web_app(Database("sqlite://")).url_map, thorough=True)
    yield eye
    print(f"\n{eye.looks} looks at {eye.pages} pages: {len(eye.found)} with violations")
    assert eye.found == {}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("walk", sorted(WALKS))
def test_a_walk_past_pages(
    house: tuple[Served, People], person: Callable[..., Page], eye: Eye, walk: str
) -> None:
    tour = Tour(*house, person, eye)
    WALKS[walk].steps(tour)
    tour.db.dispose()
    assert WALKS[walk].routes - eye.visited == set()

"""The whole app, on a database of the test's own."""

from collections.abc import Iterator

import pytest

from queueapp.db.session import Database
from tests.web.web_world import SECRET, WebWorld


@pytest.fixture
def web_world(fresh_database: str) -> Iterator[WebWorld]:
    """Two clinics and everybody in them, to make requests as."""
    database = Database(fresh_database, secret=SECRET)
    yield WebWorld(database)
    database.dispose()

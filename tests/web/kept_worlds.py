"""Clinics to make requests in, furnished once and copied: rows take longer to make than to copy."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from flask import Flask
from flask.testing import FlaskClient

from queueapp.db.session import Database
from tests.databases import PostgresqlMaker, SqliteMaker
from tests.web.web_world import SECRET, put_on

World = TypeVar("World")
# In a world people came "just now": an older one is furnished anew.
_FRESH_S = 10.0


class KeptWorlds:
    """The newest world of each kind, untouched; tests get copies, each on its own database."""

    def __init__(self, maker: SqliteMaker | PostgresqlMaker) -> None:
        self._maker = maker
        self._kept: dict[str, tuple[str, Any, float]] = {}

    @contextmanager
    def copy_of(self, kind: str, furnish: Callable[[str], World]) -> Iterator[World]:
        """A copy of what `furnish` makes on the URL of an empty database; gone afterwards."""
        url, original = self._fresh(kind, furnish)
        copied = self._maker.copy(url)
        database = Database(copied, secret=SECRET)
        yield _moved(original, database)
        database.dispose()
        self._maker.drop(copied)

    def drop(self) -> None:
        """Remove the databases of all that is kept."""
        while self._kept:
            self._maker.drop(self._kept.popitem()[1][0])

    def _fresh(self, kind: str, furnish: Callable[[str], World]) -> tuple[str, World]:
        now = time.monotonic()
        if kind in self._kept and now - self._kept[kind][2] > _FRESH_S:
            self._maker.drop(self._kept.pop(kind)[0])
        if kind not in self._kept:
            url = self._maker.make()
            world = furnish(url)
            next(v for v in vars(world).values() if isinstance(v, Database)).dispose()
            self._kept[kind] = url, world, now
        url, original, _ = self._kept[kind]
        return url, original


def _moved(original: World, database: Database) -> World:
    """The same rows by the same names, with another database under them."""
    moved = copy.copy(original)
    for name, value in vars(original).items():
        if isinstance(value, Database):
            setattr(moved, name, database)
        elif isinstance(value, Flask):
            put_on(value, database)
        elif isinstance(value, FlaskClient):
            setattr(moved, name, value.application.test_client())
        elif isinstance(value, (dict, list)):
            setattr(moved, name, copy.deepcopy(value))
    return moved

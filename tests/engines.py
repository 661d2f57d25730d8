"""Engines of many databases that share what SQLAlchemy has compiled.

Most tests have a database of their own, and so an engine, which would compile every statement
anew: more than half of what a test of a page costs. Statements are the same for all databases of
a kind, and so is their dialect, which is part of the key they are kept under.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from queueapp.db.engine import make_engine

_KEPT = 5000
_first: dict[str, Engine] = {}


def make_thrifty_engine(url: str | URL, **options: Any) -> Engine:
    """As `make_engine`, with the dialect and the compiled statements of the first of its kind."""
    engine = make_engine(url, **options)
    kind = engine.dialect.name
    if kind not in _first:
        with engine.connect():  # a dialect learns what it must know as it first connects
            engine._compiled_cache.capacity = _KEPT
            _first[kind] = engine
        return engine
    first = _first[kind]
    engine.dialect = engine.pool._dialect = first.dialect
    engine._compiled_cache = first._compiled_cache
    return engine

"""Jinja as Flask sets it up, but for what it does anew at every import within a template."""

from collections import ChainMap
from collections.abc import MutableMapping
from typing import Any

from flask.templating import Environment


class _Globals(ChainMap[str, Any]):
    """Jinja's own but for `keys`, a set: taken from another set by the mapping's keys one by one.

    A page of NHS.UK's components imports hundreds of times, and asks this each time.
    """

    def keys(self) -> set[str]:  # type: ignore[override]
        """Which names there are."""
        return set().union(*self.maps)


class Templates(Environment):
    """For `Flask.jinja_environment`."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """As Jinja makes them."""
        return _Globals({} if d is None else d, self.globals)

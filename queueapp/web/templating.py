"""Jinja as Flask sets it up, but for two things that a server would do again and again."""

from collections import ChainMap
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask.templating import Environment
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from jinja2.bccache import Bucket


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


class _Compiled(FileSystemBytecodeCache):
    """On a full disk pages are shown all the same."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


def compiled_in(var: Path) -> BytecodeCache | None:
    """Templates compiled by an earlier process, as Python keeps its modules.

    All of them take two seconds to compile, which whoever comes first after a start would wait
    for. None where nothing can be written.
    """
    directory = var / "templates"
    try:
        # What lies there is run: nobody else may put anything.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return _Compiled(str(directory))

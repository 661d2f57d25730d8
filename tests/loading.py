"""A checkout's first run, in which everything is compiled: once, not once in each worker."""

import compileall
import contextlib
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def compile_the_product() -> None:
    """Before workers start, who would all do it at the same moment."""
    if not sys.dont_write_bytecode:
        compileall.compile_dir(ROOT / "queueapp", quiet=2, workers=0)


def load_own_share(number: int, workers: int) -> None:
    """Import every so many-th test module before the others, which other workers compile.

    Whatever a module raises it raises again when it is collected, and is reported then.
    """
    for file in sorted((ROOT / "tests").rglob("test_*.py"))[number::workers]:
        with contextlib.suppress(Exception):
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))

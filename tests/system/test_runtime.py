"""The server with what requirements.lock brings and nothing else, from its start to its end."""

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from queueapp.db.session import Database
from queueapp.domain.actor import Role
from tests import factories
from tests.databases import SqliteMaker
from tests.served import Served
from tests.system.listeners import Screen, within

ROOT = Path(__file__).parents[2]
# Read by every Python as it starts: it does not find what is named in `hidden` beside it.
SITECUSTOMIZE = """
import sys
from pathlib import Path

hidden = set((Path(__file__).parent / "hidden").read_text().split())


class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Hides())
"""
IMPORT_ALL = """
import importlib, pkgutil, queueapp
for found in pkgutil.walk_packages(queueapp.__path__, "queueapp."):
    if not found.name.startswith("queueapp.db.migrations.") and not found.name.endswith("__main__"):
        importlib.import_module(found.name)
"""


def locked(name: str) -> set[str]:
    """The distributions of a lock."""
    text = (ROOT / name).read_text()
    return {distribution(found) for found in re.findall(r"^([\w.-]+)==", text, re.M)}


def distribution(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def modules_of_development() -> set[str]:
    """What can be imported only because of requirements-dev.lock."""
    extra = locked("requirements-dev.lock") - locked("requirements.lock")
    given = importlib.metadata.packages_distributions()
    return {module for module, by in given.items() if {distribution(d) for d in by} <= extra}


def without(modules: set[str], directory: Path) -> dict[str, str]:
    """An environment whose Python finds none of them."""
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(SITECUSTOMIZE)
    (directory / "hidden").write_text("\n".join(sorted(modules)))
    return {"PYTHONPATH": str(directory), "LOG_LEVEL": "WARNING"}


@pytest.fixture
def url(run_directory: Path) -> str:
    return SqliteMaker(run_directory).make()


def test_the_runtime_lock_is_enough_to_serve_and_to_stop(
    serve: Callable[..., Served], url: str, tmp_path: Path
) -> None:
    hidden = modules_of_development()
    assert {"pytest", "hypothesis", "playwright", "psutil"} <= hidden
    environment = without(hidden, tmp_path / "runtime")
    database = Database(url)
    with database.write() as session:
        site = factories.make_site(session, "here")
        service = factories.make_service(session, site)
        factories.make_entry(session, service, now=datetime.now(UTC))
        _, token = factories.make_api_token(session, site, Role.MANAGER)
    database.dispose()

    served = serve(url, environment=environment)
    with requests.Session() as http:
        http.trust_env = False
        assert "Sign in" in http.get(f"{served.url}/sign-in", timeout=10).text
    screen = Screen(served.url, token).open()
    assert within(30, lambda: bool(screen.seqs("lobby:here")) and bool(screen.beats))
    screen.close()
    assert served.stop() == 0
    assert served.left() == []
    assert "Traceback" not in served.log.read_text()


def test_every_module_loads_without_what_development_brings(tmp_path: Path) -> None:
    environment = without(modules_of_development(), tmp_path / "runtime")
    loaded = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr


def test_what_is_imported_late_is_not_of_development_either() -> None:
    named = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)
    found = {
        name
        for path in (ROOT / "queueapp").rglob("*.py")
        for name in named.findall(path.read_text(encoding="utf-8"))
    }
    assert {"flask", "sklearn"} <= found
    assert found & modules_of_development() == set()


def test_what_the_lock_forgot_is_noticed(
    serve: Callable[..., Served], url: str, tmp_path: Path
) -> None:
    # gunicorn's gevent worker imports it without asking for it.
    environment = without({"packaging"}, tmp_path / "runtime")
    with pytest.raises(RuntimeError, match="packaging"):
        serve(url, environment=environment)

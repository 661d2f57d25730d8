"""What is compiled of templates is kept, and needed by nobody."""

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemBytecodeCache

from queueapp import config
from queueapp.app import build
from queueapp.db.session import Database
from queueapp.web.templating import compiled_in

SECRET = "tests" * 8


def sign_in_page(var: Path) -> str:
    """As the first visitor after a start is given it."""
    settings = config.load({"SECRET_KEY": SECRET, "QUEUEAPP_VAR": str(var)})
    return build(settings, Database("sqlite://")).test_client().get("/sign-in").text


def test_the_next_process_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Sign in" in sign_in_page(tmp_path)
    kept = tmp_path / "templates"
    assert kept.stat().st_mode & 0o077 == 0
    assert list(kept.iterdir())
    monkeypatch.delattr(Environment, "compile")
    assert "Sign in" in sign_in_page(tmp_path)


def test_pages_are_shown_where_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "templates").touch()
    assert compiled_in(elsewhere) is None
    assert "Sign in" in sign_in_page(elsewhere)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileSystemBytecodeCache, "dump_bytecode", full)
    assert "Sign in" in sign_in_page(tmp_path)

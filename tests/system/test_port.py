"""A port that another server has."""

import errno
import socket
import threading
import time

import pytest
from click.testing import CliRunner

from queueapp import serving
from queueapp.cli import group


def test_one_that_is_let_go_in_a_moment_is_waited_for_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = threading.Event()

    def wait(_: float) -> None:
        asked.set()
        lets_go.join(10)

    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        # The control: nobody lets go of it.
        monkeypatch.setattr(serving, "_LETS_GO_S", 0.0)
        said = CliRunner().invoke(group, ["serve", "--port", str(port)])
        assert f"{port} is in use" in said.output
        monkeypatch.undo()
        lets_go = threading.Thread(target=lambda: asked.wait(10) and held.close())
        lets_go.start()
        monkeypatch.setattr(time, "sleep", wait)
        serving.wait_for_port("127.0.0.1", port)


def test_why_nobody_can_listen_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    away = CliRunner().invoke(group, ["serve", "--host", "192.0.2.1"])  # kept for documentation
    assert "of this machine's own addresses as --host" in away.output
    monkeypatch.setattr(socket.socket, "bind", bind)
    low = CliRunner().invoke(group, ["serve", "--port", "80"])
    assert "not for this user: give a --port of 1024 or above" in low.output

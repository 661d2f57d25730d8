"""A port that another server has."""

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
        assert serving.port_is_free("127.0.0.1", port)

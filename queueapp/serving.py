"""`serve`: the web server and the background worker as two children of one watching process."""

import contextlib
import ctypes
import errno
import importlib.util
import json
import logging
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

log = logging.getLogger(__name__)

GRACE_S = 3
_STOPS_WITHIN_S = 10.0
_RESTART_AFTER_S = 1.0
_LOOK_S = 0.2
_CONNECTIONS = 10_000
_THREADS = 500
_PR_SET_PDEATHSIG = 1
_LETS_GO_S = 2.0


def wait_for_port(host: str, port: int) -> None:
    """Return once a server could listen there, now or in a moment; else raise CannotServe."""
    # One that was killed just now may not have let go of it yet.
    until = time.monotonic() + _LETS_GO_S
    while (why := _cannot_listen(host, port)) and why.errno == errno.EADDRINUSE:
        if time.monotonic() >= until:
            raise CannotServe(f"{host}:{port} is in use. Give another --port.")
        time.sleep(0.1)
    if why and why.errno == errno.EACCES:
        raise CannotServe(
            f"{host}:{port} is not for this user: give a --port of 1024 or above, and put nginx "
            "before it (deploy/nginx.conf)."
        )
    if why:
        raise CannotServe(
            f"Nobody can listen on {host}:{port} ({why.strerror}): give one of this machine's own "
            "addresses as --host, or 0.0.0.0 for all of them."
        )


def _cannot_listen(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as why:
            return why
    return None


def web_command(host: str, port: int, workers: int) -> list[str]:
    """Gunicorn with gevent; with threads where gevent is missing."""
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    command = [sys.executable, "-m", "gunicorn", "--bind", bind, "--workers", str(workers)]
    command += ["--graceful-timeout", str(GRACE_S), "--log-level", "warning"]
    command += ["--config", "python:queueapp.preloaded"]
    # Which proxies are believed is for TRUSTED_PROXIES to say, not for where they connect from.
    command += ["--forwarded-allow-ips", ""]
    if importlib.util.find_spec("gevent"):
        command += ["--worker-class", "gevent", "--worker-connections", str(_CONNECTIONS)]
    else:
        log.warning("gevent is not installed: at most %s live screens, by threads", _THREADS)
        command += ["--worker-class", "gthread", "--threads", str(_THREADS)]
    return [*command, "queueapp:create_app()"]


def _allow_many_sockets() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _end_with_parent() -> None:
    """On Linux, have the kernel stop a child whose watcher was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class CannotServe(Exception):
    """Nothing can be served; the message says why."""


class Supervisor:
    """Runs the web server and the worker; a dead worker is started again, both end together.

    The worker is first: it prepares the database, of which this process knows nothing.
    """

    def __init__(
        self, web: list[str], worker: list[str], environ: dict[str, str], held: int | None = None
    ) -> None:
        self._commands = {"web": web, "worker": worker}
        self._held = () if held is None else (held,)
        self._environ = environ
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def run(self, when_up: Callable[[str | None], None]) -> int:
        """Serve until stopped or until the web server ends; returns its exit status.

        `when_up` is given the set-up code, if set-up is open. Raises CannotServe.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        _allow_many_sockets()
        prepared = self._start_preparing()
        if prepared is None:
            return self._end()
        self._start("web")
        when_up(prepared["setup_code"])
        while not self._stopping and self._children["web"].poll() is None:
            if self._children["worker"].poll() is not None:
                log.warning("the worker ended; starting it again")
                time.sleep(_RESTART_AFTER_S)
                self._start("worker")
            time.sleep(_LOOK_S)
        return self._end()

    def _start(self, name: str, tell: int | None = None) -> None:
        if not self._stopping:
            command = self._commands[name]
            passed = self._held if tell is None else (*self._held, tell)
            self._children[name] = subprocess.Popen(
                command if tell is None else [*command, "--tell", str(tell)],
                env=self._environ, pass_fds=passed, preexec_fn=_end_with_parent,
            )  # fmt: skip

    def _start_preparing(self) -> dict[str, str | None] | None:
        """Start the worker and wait until the database is ready; what it says, None if nothing."""
        ear, mouth = os.pipe()
        self._start("worker", mouth)
        os.close(mouth)
        with open(ear) as pipe:
            while not self._stopping and not select.select([pipe], [], [], _LOOK_S)[0]:
                pass
            said = "" if self._stopping else pipe.read()
        answer: dict[str, str | None] = json.loads(said) if said else {}
        if error := answer.get("error"):
            self._end()
            raise CannotServe(error)
        return answer or None

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> int:
        for child in self._children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOPS_WITHIN_S
        for child in self._children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self._stopping:
            return 0
        first = self._children.get("web", self._children["worker"])
        return first.returncode or 1


def serve(
    host: str,
    port: int,
    workers: int,
    when_up: Callable[[str | None], None],
    held: int | None = None,
) -> int:
    """Serve on host and port with `workers` web processes; returns the exit status.

    `when_up` is given the set-up code, if set-up is open; `held`, the lock of `holding.hold`, is
    passed on, so that it is held until the last process has ended. Raises CannotServe.
    """
    environ = {**os.environ, "QUEUEAPP_HOST": host, "QUEUEAPP_PORT": str(port)}
    worker = [sys.executable, "-m", "queueapp", "work", "--served"]
    return Supervisor(web_command(host, port, workers), worker, environ, held).run(when_up)

"""The app served by processes of its own, which tests may freeze, kill and start again."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import requests
from click.testing import CliRunner

from queueapp.cli import group
from tests.services import free_port, wait_until

ROOT = Path(__file__).parent.parent
STOPS_WITHIN_S = 15.0
# All have their secret and their database from the tests: what is left to keep is what was
# compiled of templates, once for all servers and apps that tests start.
VAR = ROOT / "var" / "tests"
VAR.mkdir(mode=0o700, parents=True, exist_ok=True)


class Served:
    """`python -m queueapp serve` on a free port of 127.0.0.1, with its background worker."""

    def __init__(
        self,
        database_url: str,
        log: Path,
        *,
        redis_url: str | None = None,
        workers: int = 1,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.database_url = database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.workers = workers
        settings = {
            "DATABASE_URL": database_url,
            "PUBLIC_URL": self.url,
            "QUEUEAPP_VAR": str(VAR),
            "SECRET_KEY": "tests" * 8,
        }
        if redis_url:
            settings["REDIS_URL"] = redis_url
        self.environment = {**os.environ, **settings, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def told(self, *command: str) -> str:
        """As `run`, but in this process, which has loaded all that is needed."""
        done = CliRunner(env=self.environment).invoke(group, command, catch_exceptions=False)
        assert done.exit_code == 0, f"{command} failed:\n{done.output}"
        return done.stdout

    def run(self, *command: str) -> str:
        """Run another command of queueapp on the same settings; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "queueapp", *command],
            cwd=ROOT, env=self.environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def command(self) -> list[str]:
        """What is started."""
        command = [sys.executable, "-m", "queueapp", "serve", "--host", "127.0.0.1"]
        return [*command, "--port", str(self.port), "--workers", str(self.workers)]

    def start(self) -> None:
        """Start, and return once the server says it is ready."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(), cwd=ROOT, env=self.environment, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        wait_until(self.is_ready, self.process, self.log)

    def is_ready(self) -> bool:
        """Whether the server answers that its database (and Redis) do."""
        # Asked fifty times a second while it starts: a refusal shall cost next to nothing.
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)):
                return False
        with requests.Session() as http:
            http.trust_env = False
            try:
                return http.get(f"{self.url}/readyz", timeout=2).status_code == 200
            except requests.RequestException:
                return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the server: SIGSTOP freezes, SIGCONT thaws."""
        assert self.process
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End all processes at once, as a power cut would."""
        assert self.process
        self.signal(signal.SIGKILL)
        self.process.wait()

    def be_well(self) -> None:
        """Thaw what a test has frozen, start what it has killed."""
        assert self.process
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
        else:
            self.start()

    def end(self) -> None:
        """Be rid of it quickly, as `stop` waits for connections to close."""
        if self.process and self.process.poll() is None:
            self.kill()

    def stop(self) -> int:
        """Stop in order, as an operator would; returns the exit status."""
        assert self.process
        self.signal(signal.SIGTERM)
        return self.process.wait(STOPS_WITHIN_S)

    def web_processes(self) -> list[psutil.Process]:
        """Those that answer requests."""
        (gunicorn,) = [p for p in self._children() if "gunicorn" in p.cmdline()]
        return gunicorn.children()

    def worker_process(self) -> psutil.Process:
        """The background worker's."""
        (worker,) = [p for p in self._children() if "work" in p.cmdline()]
        return worker

    def _children(self) -> list[psutil.Process]:
        assert self.process
        return psutil.Process(self.process.pid).children()

    def left(self) -> list[int]:
        """The processes of the server that still run."""
        return [
            process.pid for process in psutil.process_iter(["status"]) if self._is_ours(process)
        ]

    def _is_ours(self, process: psutil.Process) -> bool:
        # An orphan that nobody reaps stays as a zombie in a container without an init.
        assert self.process
        if process.info["status"] == psutil.STATUS_ZOMBIE:
            return False
        try:
            return os.getpgid(process.pid) == self.process.pid
        except ProcessLookupError:
            return False

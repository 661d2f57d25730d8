"""Processes of a benchmark: what one costs, as Linux counts it under /proc, and its helpers."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_ANSWERS_WITHIN_S = 60.0


def cpu_s(pid: int) -> float:
    """Processor seconds of all threads of the process so far, in user and system mode."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid: int) -> int:
    """Memory of the process that is in use now; what the kernel holds for sockets is not in it."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def children(pid: int) -> list[int]:
    """The processes it has started that still run."""
    found = []
    for one in Path("/proc").iterdir():
        try:
            if one.name.isdigit() and int(_stat(int(one.name))[1]) == pid:
                found.append(int(one.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def command_of(pid: int) -> str:
    """The words it was started with."""
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")


def pin(pid: int, cores: set[int]) -> None:
    """Have all threads of the process, and what they start, run on these processors alone."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def _stat(pid: int) -> list[str]:
    # What stands in brackets is a name, and may hold anything.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


class Helper:
    """A module run as a process of its own that obeys lines on its standard input."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, **order: Any) -> dict[str, Any]:
        """One order and its answer."""
        self.say(json.dumps(order))
        return json.loads(self.hear())  # type: ignore[no-any-return]

    def say(self, line: str) -> None:
        """One line to it."""
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """One line of it."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended early")
        return line

    def end(self) -> None:
        """Let it end, and wait."""
        with suppress(BrokenPipeError):
            self.process.communicate(timeout=30)


@contextmanager
def helper(module: str, *arguments: str) -> Iterator[Helper]:
    """A helper until the end of the block."""
    one = Helper(module, *arguments)
    try:
        yield one
    finally:
        one.end()


@contextmanager
def running(command: list[str], environ: dict[str, str], port: int) -> Iterator[int]:
    """A server until the block ends: its process, once it answers on the port."""
    process = subprocess.Popen(command, env=environ)
    try:
        deadline = time.monotonic() + _ANSWERS_WITHIN_S
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()

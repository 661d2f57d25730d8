"""What a process costs, as Linux counts it under /proc."""

import os
from pathlib import Path


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

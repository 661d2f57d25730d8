"""What a measured figure needs to be compared later: the machine, the database, the commit."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url


def machine(database_url: str | None = None) -> dict[str, str | int | None]:
    """`cpu_model`, `cores` (those this process may use), `database` (kind alone), `commit`.

    `database` is None for a measurement without one, `commit` where this is no checkout.
    """
    allowed = getattr(os, "sched_getaffinity", None)
    return {
        "cpu_model": _cpu_model(),
        "cores": len(allowed(0)) if allowed else os.cpu_count(),
        "database": make_url(database_url).get_backend_name() if database_url else None,
        "commit": _commit(),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _commit() -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    asked = subprocess.run(
        [git, "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return asked.stdout.strip() or None

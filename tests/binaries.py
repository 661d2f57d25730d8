"""Programs of the machine that tests drive: where they are, and how they are got."""

import glob
import os
import shutil
from pathlib import Path

# program -> the Debian packages that hold it, and the names or places it goes by, best first
PROGRAMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "initdb": (
        ("postgresql",),
        ("/usr/lib/postgresql/*/bin/initdb", "/opt/homebrew/opt/postgresql*/bin/initdb",
         "/usr/local/opt/postgresql*/bin/initdb", "initdb"),
    ),
    "redis-server": (("redis-server",), ("redis-server", "valkey-server")),
    "chromium": (
        # Without a window to draw it takes a third less time.
        ("chromium-headless-shell", "chromium"),
        ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome",
         "google-chrome-stable",
         "/Applications/Chromium.app/Contents/MacOS/Chromium",
         "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    ),
    "nginx": (("nginx-light",), ("nginx", "/usr/sbin/nginx")),
    "strace": (("strace",), ("strace",)),
}  # fmt: skip


def find(program: str) -> Path | None:
    """The newest installed version of `program`, or None where it is missing."""
    for place in PROGRAMS[program][1]:
        if "/" not in place:
            found = shutil.which(place)
            if found:
                return Path(found)
        else:
            versions = sorted(glob.glob(place), key=lambda path: (len(path), path))
            if versions:
                return Path(versions[-1])
    return None


def missing() -> list[str]:
    """The programs that are not on this machine."""
    return [program for program in PROGRAMS if find(program) is None]


def may_skip() -> bool:
    """Whether a test may be skipped for want of a program; never under CI."""
    return os.environ.get("CI", "").lower() not in {"1", "true", "yes"}

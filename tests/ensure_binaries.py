"""Installs the programs that tests drive, or says which tests will be skipped and how to get them.

Exit status 1 where something is missing and CI is set: there, nothing may be skipped.
"""

import os
import shutil
import subprocess
import sys

from tests import binaries

NEEDED_BY = {
    "initdb": "every test on PostgreSQL",
    "redis-server": "the tests of several web processes",
    "chromium": "the browser tests",
    "nginx": "the tests behind a proxy",
    "strace": "the test that counts what reaches the disk",
}


def _as_root() -> list[str] | None:
    """What to put before a command to run it as root without a question; None if that cannot be."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0:
        return [sudo, "-n"]
    return None


def install(programs: list[str]) -> None:
    """Install with apt where that needs no password; otherwise leave the machine as it is."""
    root = _as_root()
    if root is None or not shutil.which("apt-get"):
        return
    print(f"Installing {', '.join(programs)} for the tests …", file=sys.stderr)
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    subprocess.run([*apt, "update"], stdout=subprocess.DEVNULL, check=False)
    for program in programs:
        for package in binaries.PROGRAMS[program][0]:
            install = [*apt, "install", "-y", "--no-install-recommends", package]
            subprocess.run(install, stdout=subprocess.DEVNULL, check=False)
            if binaries.find(program):
                break


def main() -> int:
    """Make the programs available as far as this machine allows."""
    if lacking := binaries.missing():
        install(lacking)
    lacking = binaries.missing()
    for program in lacking:
        package = binaries.PROGRAMS[program][0][-1]
        consequence = "will be skipped" if binaries.may_skip() else "cannot run"
        print(
            f"No {program} here: {NEEDED_BY[program]} {consequence}. "
            f"Debian, Ubuntu: apt-get install {package}; macOS: brew install "
            f"{package.removesuffix('-light').removesuffix('-server')}",
            file=sys.stderr,
        )
    return 1 if lacking and not binaries.may_skip() else 0


if __name__ == "__main__":
    sys.exit(main())

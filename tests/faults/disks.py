"""A disk that can be full: a small file system in memory, filled and emptied at will."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 64 * 1024


@dataclass(frozen=True)
class SmallDisk:
    """`home` is where it is mounted."""

    home: Path

    def fill(self) -> None:
        """Leave no byte free."""
        for block in (_BLOCK, 4096, 512):
            with contextlib.suppress(OSError), (self.home / f"ballast-{block}").open("ab") as file:
                while True:
                    os.write(file.fileno(), b"x" * block)

    def free(self) -> None:
        """As somebody does who throws old files away."""
        for ballast in self.home.glob("ballast-*"):
            ballast.unlink()


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk | None]:
    """A file system of that size, open to everybody; None where nothing may be mounted here."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=1777", "tmpfs", name]
        try:
            is_mounted = subprocess.run(command, capture_output=True).returncode == 0
        except FileNotFoundError:
            is_mounted = False
        try:
            Path(name).chmod(0o1777)
            yield SmallDisk(Path(name)) if is_mounted else None
        finally:
            if is_mounted:
                # Lazily: a server that was just killed may still hold a file.
                subprocess.run(["umount", "-l", name], check=True)

"""PostgreSQL's own programs, as this machine has them."""

import glob
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL

from queueapp.db.backup.archive import BackupError

_PLACES = ("/usr/lib/postgresql/*/bin/", "/usr/pgsql-*/bin/", "/opt/homebrew/opt/libpq/bin/",
           "/usr/local/opt/libpq/bin/")  # fmt: skip


def connecting(url: URL) -> list[str]:
    """How to connect, without the password, which everybody on the machine could read."""
    words = url.translate_connect_args(username="user", database="dbname")
    words.pop("password", None)
    asked = {name: ",".join([*said]) for name, said in url.normalized_query.items()}
    return [f"--dbname={make_conninfo('', **words, **asked)}"]


def _environment(url: URL) -> dict[str, str]:
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    return {**os.environ, **password}


class Running:
    """A program of PostgreSQL's that writes something; killed if it is left before its end."""

    def __init__(self, command: list[str], url: URL) -> None:
        self._name = Path(command[0]).name
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed at the end
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said,
            env=_environment(url),
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        for stream in filter(None, (self._process.stdout, self._said)):
            stream.close()
        self._process.wait()

    def read(self, most: int) -> bytes:
        """The next bytes; none once it has ended well. Raises BackupError if it has not."""
        assert self._process.stdout
        part = self._process.stdout.read(most)
        if not part:
            self._ended()
        return part

    def _ended(self) -> None:
        if self._process.wait() != 0:
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip().splitlines()
            raise BackupError(f"{self._name} failed: {said[-1] if said else 'it said nothing'}")


def program(name: str) -> str:
    """Where the program is. Raises BackupError where it is missing."""
    places = [found for place in _PLACES for found in glob.glob(place + name)]
    # Of several the newest: an older one refuses a newer server.
    newest = max(places, key=lambda found: (len(found), found), default=None)
    if found := newest or shutil.which(name):
        return found
    raise BackupError(
        f"{name} is not on this machine. It comes with PostgreSQL's client programs: "
        "apt-get install postgresql-client, dnf install postgresql or brew install libpq."
    )

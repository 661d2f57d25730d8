"""The file of a backup: a zip of the database's own copy and a manifest that tells what it holds.

A file is whole or not there: it is written under another name, brought to the disk, then renamed.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from queueapp.db import migrate

FORMAT = "queueapp backup 1"
_MANIFEST, _CONTENT = "manifest.json", "database"
_AT_ONCE = 1 << 20
# Called with the bytes done so far and those in all.
Progress = Callable[[int, int], None]


class Readable(Protocol):
    """Bytes to be read; none at the end."""

    def read(self, most: int, /) -> bytes:
        """The next ones, at most so many."""


class BackupError(Exception):
    """A backup that cannot be made or put back; the message says why and what would help."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    `made_at` is ISO 8601 in UTC, `database` is `sqlite` or `postgresql`, `schema` the revision,
    `rows` the number of rows by table, `size` and `sha256` are of the copy as it is stored.
    """

    made_at: str
    database: str
    schema: str
    rows: dict[str, int]
    size: int
    sha256: str


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A new, empty file beside `path`, readable by its owner alone; gone at the end of the block
    unless it was renamed. Raises BackupError where it cannot be made.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    except OSError as error:
        raise BackupError(f"{path.parent} cannot be written to: {error.strerror}.") from error
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished file, so that after a power cut there is the old one or all of the new."""
    bring_to_disk(temporary)
    temporary.replace(path)
    bring_to_disk(path.parent)


def bring_to_disk(path: Path) -> None:
    """Return once the file's content (or the directory's names) would outlive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(
    path: Path,
    content: Readable,
    *,
    compress: bool,
    about: Callable[[int, str], Manifest],
    tell: Callable[[int], None] = lambda done: None,
) -> Manifest:
    """Write a backup of `content` to `path`, whose manifest is `about(size, sha256)`.

    Raises BackupError where the disk does not take it; then there is no file, or the one before.
    """
    with unfinished(path) as temporary:
        try:
            with zipfile.ZipFile(temporary, "w", compresslevel=1) as archive:
                entry = zipfile.ZipInfo(_CONTENT)
                entry.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
                with archive.open(entry, "w", force_zip64=True) as kept:
                    size, digest = _copy(content, kept, tell)
                manifest = about(size, digest)
                words = {"format": FORMAT, **asdict(manifest)}
                archive.writestr(_MANIFEST, json.dumps(words, indent=2))
            put_in_place(temporary, path)
        except OSError as error:
            raise BackupError(f"{path} could not be written: {error.strerror}.") from error
    return manifest


def read_manifest(path: Path) -> Manifest:
    """What the backup at `path` says it holds. Raises BackupError where it is none, or cut."""
    with _opened(path) as archive:
        try:
            words = json.loads(archive.read(_MANIFEST))
            if words.pop("format") != FORMAT:
                raise ValueError
            return Manifest(**words)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _not_one(path) from error


def extract(path: Path, manifest: Manifest, target: Path, tell: Progress) -> None:
    """Write the copy to `target`. Raises BackupError unless it is, byte for byte, what was kept."""
    try:
        with _opened(path) as archive, archive.open(_CONTENT) as kept, target.open("wb") as out:
            size, digest = _copy(kept, out, lambda done: tell(done, manifest.size))
    except zipfile.BadZipFile as error:
        raise _damaged(path) from error
    except OSError as error:
        raise BackupError(f"{target} could not be written: {error.strerror}.") from error
    if (size, digest) != (manifest.size, manifest.sha256):
        raise _damaged(path)


def check_schema(manifest: Manifest) -> None:
    """Raise BackupError where the backup comes from a newer queueapp than this one."""
    known = migrate.revisions()
    if manifest.schema not in known:
        raise BackupError(
            f"This backup is of schema {manifest.schema}, and this queueapp knows none newer than "
            f"{known[-1]}. Update queueapp, then restore."
        )


def check_rows(manifest: Manifest, found: dict[str, int]) -> None:
    """Raise BackupError unless every table has as many rows as were backed up."""
    for table, wanted in manifest.rows.items():
        if found.get(table) != wanted:
            raise BackupError(
                f"The backup holds {found.get(table, 0)} rows of {table} where its list says "
                f"{wanted}. It was not restored; use another backup."
            )


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise _not_one(path) from error
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
    with archive:
        yield archive


def _copy(source: Readable, target: Any, tell: Callable[[int], None]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while part := source.read(_AT_ONCE):
        digest.update(part)
        target.write(part)
        size += len(part)
        tell(size)
    return size, digest.hexdigest()


def _not_one(path: Path) -> BackupError:
    return BackupError(
        f"{path} is not a whole backup of queueapp: it is another file, or was cut short."
    )


def _damaged(path: Path) -> BackupError:
    return BackupError(f"{path} is damaged: its content is not what was backed up. Use another.")

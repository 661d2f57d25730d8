"""Marks of files: the same content has the same mark, wherever it lies."""

import hashlib
from collections.abc import Collection
from pathlib import Path


def mark_of(folders: Collection[Path], patterns: Collection[str] = ("*",)) -> str:
    """A mark (hex, 32 characters) of all files below `folders` whose names match a pattern."""
    mark = hashlib.blake2b(digest_size=16)
    for folder in folders:
        found = {path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()}
        for path in sorted(found):
            mark.update(path.relative_to(folder).as_posix().encode() + b"\0")
            mark.update(hashlib.blake2b(path.read_bytes()).digest())
    return mark.hexdigest()

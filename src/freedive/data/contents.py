"""What files hold, as something to compare: a digest of one, the copies among many, what a folder has."""

from __future__ import annotations

import collections
import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any


def contents(path: str) -> str | None:
    """What tells a file, or the names and sizes in a folder, from others; None where nothing can be read there.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("1"), (folder / "b.csv").write_text("1")
    >>> contents(folder / "a.csv") == contents(folder / "b.csv"), contents(folder / "c.csv")
    (True, None)
    """
    try:
        if not os.path.isdir(path):
            return digest(path).hex()
        listed = "".join(f"{name}\0{size}\n" for name, size in sorted(sizes(path)))
    except OSError:
        return None
    return hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest()


def digest(file: str) -> bytes:
    """The SHA-256 of a file's content."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def sizes(folder: str) -> list[tuple[str, int]]:
    """The files in a folder and in the folders in it, and their bytes; hidden ones are passed over."""
    found: list[tuple[str, int]] = []
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            found += [(f"{entry.name}/{name}", size) for name, size in sizes(entry.path)]
        else:
            found.append((entry.name, entry.stat().st_size))
    return found


def of_each(files: Sequence[str]) -> list[Any]:
    """For every file a value that it shares with those alone that hold the same: its size, or where others are as long
    its digest too. A file that cannot be read has one of its own."""
    bytes_of = [_unless_unreadable(os.path.getsize, file) for file in files]
    many = collections.Counter(bytes_of)
    return [
        size if many[size] == 1 else (size, _unless_unreadable(digest, file))
        for size, file in zip(bytes_of, files, strict=True)
    ]


def _unless_unreadable(told: Callable[[str], Any], file: str) -> Any:
    try:
        return told(file)
    except OSError:
        return file

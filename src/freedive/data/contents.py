"""What tells the contents of a file or a folder from others."""

from __future__ import annotations

import hashlib
import os

PIECE = 1 << 22  # bytes that are read at once


def contents(path: str) -> str | None:
    """A digest of a file, or of the names and sizes in a folder; None where nothing lies there.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("1"), (folder / "b.csv").write_text("1")
    >>> contents(folder / "a.csv") == contents(folder / "b.csv"), contents(folder / "c.csv")
    (True, None)
    """
    found = hashlib.blake2b(digest_size=16)
    try:
        if os.path.isdir(path):
            for name, size in sorted(sizes(path)):
                found.update(f"{name}\0{size}\n".encode(errors="surrogateescape"))
        else:
            with open(path, "rb") as file:
                while piece := file.read(PIECE):
                    found.update(piece)
    except OSError:
        return None
    return found.hexdigest()


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

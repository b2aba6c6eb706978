"""What tells the native loops' sources from others; apart from everything else, since the build runs it by itself."""

from __future__ import annotations

import hashlib
from pathlib import Path


def stamp(folder: Path) -> str:
    """A short hash of all the C++ sources in a folder, by name and content."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.cc")) + sorted(folder.glob("*.h")):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]

"""XLA's compilation cache, on by default: what was compiled once on this machine starts at once the next time.

The cache holds machine code that is run as it is read, so its folder belongs to the user alone (mode 0700), is never
shared, and is apart for every kind of processor and every version of the compiler.
"""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path
from typing import Any

import jax
from jaxlib.version import __version__ as compiler_version


def folder() -> Path:
    """Where compiled programs are kept for this user, processor and compiler."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kind = hashlib.sha256(f"{compiler_version} {processor()}".encode()).hexdigest()[:12]
    return base / "freedive" / "xla" / kind


def switch_on() -> None:
    """Use the cache, unless jax was told of another one or the folder cannot be made private."""
    settings: Any = jax.config
    if settings.jax_compilation_cache_dir is not None or not settings.jax_enable_compilation_cache:
        return
    try:
        path = folder()
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
        if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            return
    except (OSError, RuntimeError):  # a user without a home among them
        return
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def processor() -> str:
    """What the machine code depends on: the processor's kind and its instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features")
    return " ".join(sorted({line for line in lines if line.startswith(wanted)}))

"""What `freedive doctor` finds out about a machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import time
from pathlib import Path
from typing import Any

from ..train.checkpoint import cores, surroundings

PARTS = ("freedive", "jax", "jaxlib", "numpy", "scipy", "rich", "typer", "matplotlib", "pillow", "soundfile")
# what more can be done: purpose -> (module, distribution)
EXTRAS = {
    "pandas tables": ("pandas", "pandas"),
    "polars tables": ("polars", "polars"),
    "optax rules": ("optax", "optax"),
    "graphics card": ("jax_cuda12_plugin", "jax[cuda12]"),
}


def examine() -> dict[str, dict[str, Any]]:
    """Title -> name -> fact."""
    return {
        "versions": {"Python": platform.python_version(), **{part: version(part) for part in PARTS}},
        "machine": {
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "cores": cores(),
            "memory": memory(),
            "devices": devices(),
        },
        "bits": surroundings(),
        "cache": cache(),
        "extras": {purpose: extra(*found) for purpose, found in EXTRAS.items()},
    }


def version(distribution: str) -> str:
    """The version of an installed distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def memory() -> str:
    """The memory of the machine, and what is free of it."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith("kB")}
        return f"{size(sizes['MemTotal'])}, {size(sizes['MemAvailable'])} free"
    except (OSError, KeyError, ValueError):
        pass
    try:
        return size(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return "unknown"


def devices() -> str:
    """What jax computes on."""
    import jax

    found = [device.device_kind for device in jax.devices()]
    return ", ".join(f"{found.count(kind)} x {kind}" for kind in dict.fromkeys(found))


def cache() -> dict[str, Any]:
    """Where compiled programs are kept, how many, and how large they are."""
    import jax

    folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if folder is None:
        return {"folder": "none: compiled programs are not kept"}
    sizes = []
    for path in Path(folder).rglob("*"):
        try:
            sizes.append(path.stat().st_size if path.is_file() else 0)
        except OSError:  # another process took it away
            continue
    return {"folder": folder, "size": f"{size(sum(sizes))} in {len(sizes)} files", "disk free": size(disk_free(folder))}


def disk_free(folder: str) -> int:
    """The bytes free where a folder stands or would stand."""
    path = Path(folder)
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def extra(module: str, distribution: str) -> str:
    """Whether an optional package is there, and the line that gets it."""
    if importlib.util.find_spec(module) is not None:
        return f"yes, {version(distribution.split('[')[0])}"
    return f'no: pip install "{distribution}"'


def checked() -> dict[str, Any]:
    """A small network learns a line: {"ok", "result", "seconds"}."""
    import numpy as np

    from ..layers import Dense
    from ..models import Sequential

    began = time.perf_counter()
    x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    model = Sequential([Dense(1, input_shape=(1,), kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    losses = model.fit(x, 2 * x + 1, epochs=50, batch_size=16, verbose=0, seed=0).history["loss"]
    seconds = time.perf_counter() - began
    ok = bool(np.isfinite(losses[-1]) and losses[-1] < 0.1 * losses[0])
    result = f"50 epochs of a small network took {seconds:.1f} s, compilation included: loss {losses[0]:.2g} to "
    result += f"{losses[-1]:.2g}" + ("" if ok else "; it did not learn")
    return {"ok": ok, "result": result, "seconds": round(seconds, 3)}


def size(count: float) -> str:
    """Bytes as people read them.

    >>> size(1536), size(3 * 2**30)
    ('1.5 KiB', '3.0 GiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"

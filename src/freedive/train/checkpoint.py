"""A run in one file: everything it takes to go on with the same bits, written whole or not at all.

Since batch i of epoch e and every random key are functions of (seed, e, i) and the step, a position is three whole
numbers: no generator state, no permutation, no cursor is stored.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxlib.version import __version__ as jaxlib_version

from ..core.cache import processor
from ..files import ModelFileError, read_json, read_tensors, write_tensors
from ..ops import native
from .callbacks.base import CallbackList
from .execute import Run
from .identity import Identity, differences
from .memory import pack, unpack

FORMAT = 1  # of the file, and of the meaning of a position: the order of the data and the keys that follow from it
MEMORY = "callbacks:"  # before the names of arrays that callbacks remember
Path = str | os.PathLike[str]


class Snapshot(NamedTuple):
    """Where a run stands, in the host's memory: what a checkpoint holds."""

    tensors: Mapping[str, np.ndarray]
    metadata: Mapping[str, Any]  # JSON values

    @property
    def position(self) -> dict[str, Any]:
        """The seed, the epoch, the steps of it that are done; whether the epoch was begun, and the run is over."""
        return self.metadata["position"]

    def write(self, path: Path) -> None:
        """Write it as one file, whole or not at all."""
        write_tensors(path, self.tensors, {name: json.dumps(value) for name, value in self.metadata.items()})


def snapshot(run: Run, callbacks: CallbackList | None = None, identity: Identity | None = None) -> Snapshot:
    """Copy to the host where a run stands.

    Args:
        run: the run, between two chunks.
        callbacks: their memory is kept too: history, best score, patience.
        identity: what the run is, so that no other goes on from here.
    """
    carry = run.carry._replace(ts=run.ts._replace(key=jax.random.key_data(run.ts.key)))
    tensors = {name: np.array(leaf) for name, leaf in named_leaves(carry).items()}
    memory = {
        "callbacks": {} if callbacks is None else callbacks.get_state(),
        "numbers": {} if run.host is None else run.host.numbers(),
    }
    packed, arrays = pack(memory)
    tensors |= {f"{MEMORY}{i}": array for i, array in enumerate(arrays)}
    metadata = {
        "freedive": {"format": FORMAT, "checkpoint": True},
        "position": run.place(),
        "memory": packed,
        "run": identity or {},
        "made": surroundings(),
    }
    return Snapshot(tensors, metadata)


def read_snapshot(path: Path) -> Snapshot:
    """What a checkpoint holds.

    Raises:
        ModelFileError: the file is damaged, no checkpoint, or of a version of freedive with another order of things.
    """
    tensors, metadata = read_tensors(path)
    if "position" not in metadata:
        raise ModelFileError(path, "NOT_A_MODEL", "it holds no checkpoint of a run")
    found = Snapshot(tensors, {name: read_json(path, text) for name, text in metadata.items()})
    version = found.metadata.get("freedive", {}).get("format")
    if version != FORMAT:
        raise ModelFileError(path, "VERSION", f"a checkpoint of format {version!r}; this is freedive of {FORMAT}")
    for name in ("position", "memory", "run", "made"):
        if not isinstance(found.metadata.get(name), dict):
            raise ModelFileError(path, "BAD_STATE", f"a checkpoint without its {name!r}")
    if not {"begun", "over", "way"} <= found.position.keys():
        raise ModelFileError(path, "BAD_STATE", f"its position lacks something: {found.position}")
    if not all(_whole(found.position.get(name)) for name in ("seed", "epoch", "at")):
        raise ModelFileError(path, "BAD_STATE", f"its position is no three whole numbers: {found.position}")
    return found


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def restore(path: Path, run: Run, identity: Identity | None = None) -> list[str]:
    """Put a run where a checkpoint says, or refuse it with the lists of what does not fit.

    What callbacks remember is left in `run.memory`, for `execute` to give back.

    Returns:
        What differs from the surroundings in which it was made: with none, the run goes on with the same bits.
    """
    found = read_snapshot(path)
    plain = run.carry._replace(ts=run.ts._replace(key=jax.random.key_data(run.ts.key)))
    want = named_leaves(plain)
    refuse_misfits(path, {name: t for name, t in found.tensors.items() if not name.startswith(MEMORY)}, want)
    others = differences(found.metadata["run"], identity) if identity else []
    if others:
        raise ModelFileError(path, "ANOTHER_RUN", "; ".join(others))
    carry = jax.tree.unflatten(jax.tree.structure(plain), [jnp.asarray(found.tensors[name]) for name in want])
    key = jax.random.wrap_key_data(carry.ts.key, impl="threefry2x32")
    run.carry = carry._replace(ts=carry.ts._replace(key=key))
    run.go_to(found.position)
    run.memory = memory_of(found)
    made, here = found.metadata["made"], surroundings()
    return [f"{name}: {made.get(name)} then, {here[name]} now" for name in here if made.get(name) != here[name]]


def memory_of(found: Snapshot) -> dict[str, Any]:
    """What callbacks remember, and the numbers of the model."""
    kept = [found.tensors[f"{MEMORY}{i}"] for i in range(sum(name.startswith(MEMORY) for name in found.tensors))]
    return unpack(found.metadata["memory"], kept)


def named_leaves(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by their place: {"ts.params/dense/kernel": array}."""
    found, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {"/".join(_step(k) for k in path): leaf for path, leaf in found}


def _step(key: Any) -> str:
    for attribute in ("name", "key", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute)) or "root"
    return str(key)


def refuse_misfits(path: Path, have: Mapping[str, Any], want: Mapping[str, Any]) -> None:
    """Refuse tensors that are not just those wanted, with all three lists."""
    missing = sorted(want.keys() - have.keys())
    unexpected = sorted(have.keys() - want.keys())
    misshapen = [
        f"{name}: {have[name].shape} {have[name].dtype}, expected {want[name].shape} {want[name].dtype}"
        for name in sorted(want.keys() & have.keys())
        if have[name].shape != want[name].shape or have[name].dtype != want[name].dtype
    ]
    lists = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    if any(lists.values()):
        shown = (f"{what}: {', '.join(names[:8])}{' ...' * (len(names) > 8)}" for what, names in lists.items() if names)
        raise ModelFileError(path, "TENSOR_MISMATCH", "; ".join(shown))


def cores() -> int:
    """The cores that this process may use: some sums are shared out among them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def surroundings() -> dict[str, Any]:
    """What the bits of a run depend on beside its seed."""
    device, settings = jax.devices()[0], jax.config
    try:
        version = importlib.metadata.version("freedive")
    except importlib.metadata.PackageNotFoundError:  # run from its folder
        version = "unknown"
    return {
        "freedive": version,
        "jax": f"{jax.__version__}, jaxlib {jaxlib_version}",
        "device": f"{device.platform} {device.device_kind}",
        "devices": jax.device_count(),
        "processor": hashlib.sha256(processor().encode()).hexdigest()[:8],
        "cores": cores(),
        "native": native.edition(),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "precision": f"{settings.jax_default_matmul_precision}, x64 {settings.jax_enable_x64}",  # pyright: ignore
    }

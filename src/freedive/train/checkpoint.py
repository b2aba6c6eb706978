"""A run in one file: everything it takes to go on with the same bits, written whole or not at all.

Since batch i of epoch e and every random key are functions of (seed, e, i) and the step, a position is three whole
numbers: no generator state, no permutation, no cursor is stored.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..files import ModelFileError, read_json, read_tensors, write_tensors
from .callbacks.base import CallbackList
from .chunk import Carry
from .execute import Run
from .memory import pack, unpack

FORMAT = 1
MEMORY = "callbacks:"  # before the names of arrays that callbacks remember
Path = str | os.PathLike[str]


def named_leaves(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by their place: {"ts.params/dense/kernel": array}."""
    found, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {"/".join(_step(k) for k in path): leaf for path, leaf in found}


def _step(key: Any) -> str:
    for attribute in ("name", "key", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute)) or "root"
    return str(key)


def save_checkpoint(path: Path, run: Run, callbacks: CallbackList | None = None) -> None:
    """Write where a run stands.

    Args:
        path: the file; replaced whole or not at all.
        run: the run, between two chunks.
        callbacks: their memory is kept too: history, best score, patience.
    """
    carry = run.carry._replace(ts=run.ts._replace(key=jax.random.key_data(run.ts.key)))
    tensors = {name: np.asarray(leaf) for name, leaf in named_leaves(carry).items()}
    position = {"seed": int(run.seed), "epoch": run.epoch, "at": run.at}
    memory, arrays = pack({} if callbacks is None else callbacks.get_state())
    tensors |= {f"{MEMORY}{i}": array for i, array in enumerate(arrays)}
    metadata = {
        "freedive": json.dumps({"format": FORMAT, "checkpoint": True}),
        "position": json.dumps(position),
        "callbacks": json.dumps(memory),
        "made": json.dumps(surroundings()),
    }
    write_tensors(path, tensors, metadata)


def load_checkpoint(path: Path, run: Run, callbacks: CallbackList | None = None) -> list[str]:
    """Put a run where a checkpoint says, or refuse it with the lists of what does not fit.

    Returns:
        What differs from the surroundings in which it was made: with none, the run goes on with the same bits.
    """
    tensors, metadata = read_tensors(path)
    if "position" not in metadata:
        raise ModelFileError(path, "NOT_A_MODEL", "it holds no checkpoint of a run")
    plain = run.carry._replace(ts=run.ts._replace(key=jax.random.key_data(run.ts.key)))
    want = named_leaves(plain)
    refuse_misfits(path, {name: t for name, t in tensors.items() if not name.startswith(MEMORY)}, want)
    leaves = [jnp.asarray(tensors[name]) for name in want]
    carry: Carry = jax.tree.unflatten(jax.tree.structure(plain), leaves)
    position = read_json(path, metadata["position"])
    if not all(isinstance(position.get(k), int) and 0 <= position[k] < 2**62 for k in ("seed", "epoch", "at")):
        raise ModelFileError(path, "BAD_STATE", f"its position is no three whole numbers: {position}")
    key = jax.random.wrap_key_data(carry.ts.key, impl="threefry2x32")
    run.carry = carry._replace(ts=carry.ts._replace(key=key))
    run.seed, run.epoch, run.at = position["seed"], position["epoch"], position["at"]
    if callbacks is not None:
        kept = [tensors[f"{MEMORY}{i}"] for i in range(sum(name.startswith(MEMORY) for name in tensors))]
        callbacks.set_state(unpack(read_json(path, metadata["callbacks"]), kept))
    made, here = read_json(path, metadata["made"]), surroundings()
    return [f"{k}: {made.get(k)} then, {here[k]} now" for k in here if made.get(k) != here[k]]


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


def surroundings() -> dict[str, Any]:
    """What the bits of a run depend on beside its seed."""
    device = jax.devices()[0]
    return {
        "jax": jax.__version__,
        "numpy": np.__version__,
        "device": f"{device.platform} {device.device_kind}",
        "devices": jax.device_count(),
        "machine": platform.machine(),
    }

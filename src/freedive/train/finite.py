"""Whether numbers are finite: the flags that a compiled chunk gives beside its results.

Reading every weight after every step would double the time of small models, so a chunk looks once, at its end: NaN and
infinity do not go away again, and since a run is a pure function, the step that made them is found by running the
interval anew from a state that was kept (see `guard`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ..ops.finite import each_finite, is_finite

if TYPE_CHECKING:
    from .chunk import Carry


def floats(tree: Any) -> list[Any]:
    """The floating arrays of a tree, in order."""
    return [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.size]


def all_finite(tree: Any) -> Any:
    """Whether every floating array of a tree is finite."""
    return jnp.stack([jnp.bool_(True), *map(is_finite, floats(tree))]).all()


def losses_in(sums: Any) -> Any:
    """What training minimises, of the sums of a step or an epoch; a metric may be what it likes."""
    return {name: sums[name] for name in ("loss", "penalty") if name in sums}


def signs(carry: Carry, logs: Any, verify: Any) -> Any:
    """Flags of the loss, and of the train state's arrays where `verify` is 1 and not 0: (arrays,), True for finite.

    None where nothing is trained.
    """
    if "train" not in carry.sums:
        return None

    # The last row of the logs is the epoch under way, so they hold every loss of this interval.
    found = [jax.vmap(is_finite)(rows).all(axis=0) for rows in floats(losses_in(logs["train"]))]
    ts = carry.ts
    arrays = each_finite(floats((ts.params, ts.state, ts.optimizer)), verify)
    return jnp.concatenate([jnp.stack(found), arrays]) if found else arrays

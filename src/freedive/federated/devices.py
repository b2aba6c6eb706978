"""Several devices: each does a part of a round, beside the others, and all of them learn the sum of the parts.

A processor is one device unless jax is told to make more of it (`jax.config.update("jax_num_cpu_devices", 2)`): clients
are many small steps, each too small to be shared out, so that two processors are only busy where two clients are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS, WHOLE = "devices", PartitionSpec()


def count() -> int:
    """How many there are."""
    return jax.local_device_count()


def mesh() -> Mesh:
    """All of them in a line."""
    return Mesh(np.array(jax.local_devices()), (AXIS,))


def everywhere(tree: Any) -> Any:
    """Arrays that every device has whole."""
    return tree if count() == 1 else jax.device_put(tree, NamedSharding(mesh(), WHOLE))


def anywhere(tree: Any) -> Any:
    """The same arrays bound to no device, for whoever uses them next."""
    return tree if count() == 1 else jax.tree.map(lambda array: jax.device_put(np.asarray(array)), tree)


def added(part: Callable[[Any, Any], Any], given: Any) -> Any:
    """part(0, given) + part(1, given) + ..., a device each; traced. What a part closes over is no array."""
    if count() == 1:
        return part(0, given)

    def own(given: Any) -> Any:
        return lax.psum(part(lax.axis_index(AXIS), given), AXIS)

    return jax.shard_map(own, mesh=mesh(), in_specs=WHOLE, out_specs=WHOLE, check_vma=False)(given)

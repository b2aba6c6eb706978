"""The gradient of a product of many rows by its matrix, written for the memory of a CPU."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def by_kernel_of(x: Any, by_product: Any, dtype: Any) -> Any:
    """The gradient by the kernel of x (..., units) times it, from that by the product (..., width): (units, width).

    Written so that XLA turns x round in memory, which is smaller, and not the gradient.

    >>> by_kernel_of(jnp.ones((4, 2, 3)), jnp.ones((4, 2, 5)), "float32").tolist()[0]
    [8.0, 8.0, 8.0, 8.0, 8.0]
    """
    rows, by_rows = (a.astype(dtype).reshape(-1, a.shape[-1]) for a in (x, by_product))
    total = jnp.promote_types(dtype, jnp.float32)
    found = jax.lax.dot_general(rows, by_rows, (((0,), (0,)), ((), ())), preferred_element_type=total)
    return found.astype(dtype)

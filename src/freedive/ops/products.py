"""Products of many rows with a matrix, and their gradients, written for the memory of a CPU."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..activations import relu
from . import native
from .native.dense import DENSE

LARGE = 1 << 22  # products of two numbers: with fewer the call is not worth it
NARROW = 16  # columns that fill a register
FEW = 4  # rows that the native loops take without packing the kernel
CACHED = 1 << 17  # numbers of a kernel that lies in a cache beside its rows; XLA is better at larger ones


def affine(x: Any, kernel: Any, bias: Any = None, rectified: bool = False, answering: bool = False) -> jax.Array:
    """x (..., features) times a kernel (features, units), plus a bias (units,), cut at zero if `rectified`.

    In float32 and with many rows by the native loops, on a CPU that has them; with few rows too where the model is
    `answering` and not learning: XLA hands a program with a product of its own to another thread, and waiting for that
    takes longer than one row's answer.

    >>> affine(jnp.ones((2, 3)), jnp.ones((3, 1)), -jnp.full((1,), 4.0), rectified=True).tolist()
    [[0.0], [0.0]]
    """

    def reference(x: Any, kernel: Any, bias: Any) -> Any:
        z = x @ kernel
        z = z if bias is None else z + bias
        return relu(z) if rectified else z

    def by_hand(x: Any, kernel: Any, bias: Any) -> Any:
        rows = DENSE.apply(x.reshape(-1, x.shape[-1]), kernel, bias, rectified, None)
        return rows.reshape(*x.shape[:-1], kernel.shape[1])

    if not ((_suits(x, kernel, bias) or (answering and _few(x, kernel, bias))) and native.available()):
        return reference(x, kernel, bias)
    return jax.lax.platform_dependent(x, kernel, bias, cpu=by_hand, default=reference)


def _suits(x: Any, kernel: Any, bias: Any) -> bool:
    """Whether the native loops are worth their call."""
    fits = min(kernel.shape) >= NARROW and kernel.size <= CACHED
    return _single(x, kernel, bias) and fits and x.ndim > 1 and x.size * kernel.shape[1] >= LARGE


def _few(x: Any, kernel: Any, bias: Any) -> bool:
    """Whether this is one row's answer, or that of so few that one processor is enough."""
    return _single(x, kernel, bias) and kernel.size <= CACHED and 0 < x.size <= FEW * x.shape[-1]


def _single(*arrays: Any) -> bool:
    return all(a is None or a.dtype == jnp.float32 for a in arrays)


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

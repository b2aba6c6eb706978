"""Products of many rows with a matrix, and their gradients, written for the memory of a CPU."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..activations import relu
from . import native
from .native.dense import DENSE
from .native.gradient import nothing

SHORT = 1 << 21  # products of two numbers: done before another processor would begin
LEAST = 1 << 14  # products of two numbers: with fewer the call is not worth it
ROWS = 16  # that a block of registers wants
NARROW = 8  # columns that fill half a register
FEW = 4  # rows that the native loops take without packing the kernel
CACHED = 1 << 17  # numbers of a kernel that lies in a cache beside its rows; XLA is better at larger ones of few rows
LARGE, MANY = 1 << 19, 128  # of many rows XLA is better where kernel, gradient and moments come from memory anyway


def affine(x: Any, kernel: Any, bias: Any = None, rectified: bool = False, answering: bool = False) -> jax.Array:
    """x (..., features) times a kernel (features, units), plus a bias (units,), cut at zero if `rectified`.

    In float32 by the native loops, on a CPU that has them and with rows enough; with few rows too where the model is
    `answering` and not learning: XLA hands a program with a product of its own to another thread, and waiting for that
    takes longer than one row's answer. A small product is done by the thread that asks for it, for the same reason.

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

    suits = _suits(x, kernel, bias) or (answering and _few(x, kernel, bias))
    return native.by_native(suits, by_hand, reference, x, kernel, bias)


def project(x: Any, kernel: Any, bias: Any = None) -> Any:
    """The input times its kernel in all steps at once, and a bias: (time, batch, features), (features, width), (width).

    >>> project(jnp.ones((4, 2, 3)), jnp.ones((3, 5))).shape
    (4, 2, 5)
    """
    if small(x, kernel, bias):
        return affine(x, kernel, bias)
    return _projected(x, kernel) if bias is None else _projected(x, kernel) + bias


@jax.custom_vjp
def _projected(x: Any, kernel: Any) -> Any:
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], -1)


def _take_projection_back(kept: tuple[Any, Any], by_projected: Any) -> tuple[Any, Any]:
    x, kernel = kept
    by_x = by_projected.reshape(-1, by_projected.shape[-1]) @ kernel.T
    return by_x.reshape(x.shape).astype(x.dtype), by_kernel_of(x, by_projected, kernel.dtype)


_projected.defvjp(lambda x, kernel: (_projected(x, kernel), (x, kernel)), _take_projection_back)


def small(x: Any, kernel: Any, bias: Any = None) -> bool:
    """Whether x times a kernel is a product that the native loops do sooner than XLA begins."""
    return x.size * kernel.shape[1] <= SHORT and _suits(x, kernel, bias) and native.available()


def _suits(x: Any, kernel: Any, bias: Any = None) -> bool:
    """Whether the native loops are worth their call."""
    rows = x.size // max(1, x.shape[-1])
    fits = min(kernel.shape) >= NARROW and kernel.size <= (LARGE if rows >= MANY else CACHED)
    return _single(x, kernel, bias) and fits and rows >= ROWS and rows * kernel.size >= LEAST


def _few(x: Any, kernel: Any, bias: Any) -> bool:
    """Whether this is one row's answer, or that of so few that one processor is enough."""
    return _single(x, kernel, bias) and kernel.size <= CACHED and 0 < x.size <= FEW * x.shape[-1]


def _single(*arrays: Any) -> bool:
    return all(a is None or a.dtype == jnp.float32 for a in arrays)


def by_kernel_of(x: Any, by_product: Any, dtype: Any) -> Any:
    """The gradient by the kernel of x (..., units) times it, from that by the product (..., width): (units, width).

    Written so that XLA turns x round in memory, which is smaller, and not the gradient; small ones by the native loops.

    >>> by_kernel_of(jnp.ones((4, 2, 3)), jnp.ones((4, 2, 5)), "float32").tolist()[0]
    [8.0, 8.0, 8.0, 8.0, 8.0]
    """
    rows, by_rows = (a.astype(dtype).reshape(-1, a.shape[-1]) for a in (x, by_product))
    total = jnp.promote_types(dtype, jnp.float32)

    def reference(rows: Any, by_rows: Any) -> Any:
        product = jax.lax.dot_general(rows, by_rows, (((0,), (0,)), ((), ())), preferred_element_type=total)
        return product.astype(dtype)

    def by_hand(rows: Any, by_rows: Any) -> Any:
        return DENSE.by_kernel.bind(rows, by_rows, nothing(), ones=False, geometry=None)

    suits = small(rows, jax.ShapeDtypeStruct((rows.shape[1], by_rows.shape[1]), total))
    return native.by_native(suits, by_hand, reference, rows, by_rows)

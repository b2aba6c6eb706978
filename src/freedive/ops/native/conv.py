"""Convolution and its two transposes by the native loops, as three operations that are each other's derivatives.

XLA's own convolution is slow on a CPU inside a loop, and patches times a matrix write and read memory that is many
times as large as the picture. The native loops lay out some places at a time in the processor's caches and multiply
them there, every processor its own pictures.

With y = x * k a convolution, all three are linear in each of their two arguments:

    conv(x, k) -> y           conv_by_x(y, k) -> x          conv_by_kernel(x, y) -> k

and the gradient of any one by one argument is another one of the other two things. So they can be differentiated to any
order and in every mode.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


class Geometry(NamedTuple):
    """Of a convolution of pictures (n, height, width, channels), channels last, in one group."""

    sizes: tuple[int, int]  # of x
    places: tuple[int, int]  # of y
    taps: tuple[int, int]
    strides: tuple[int, int]
    before: tuple[int, int]  # zeros before the first row and column
    dilation: tuple[int, int]


@functools.partial(jax.jit, static_argnames="geometry")
def conv(x: Any, kernel: Any, *, geometry: Geometry) -> Any:
    """(n, *sizes, channels), (*taps, channels, filters) -> (n, *places, filters)."""
    return conv_p.bind(x, kernel, geometry=geometry)


@functools.partial(jax.jit, static_argnames="geometry")
def conv_by_x(y: Any, kernel: Any, *, geometry: Geometry) -> Any:
    """(n, *places, filters), (*taps, channels, filters) -> (n, *sizes, channels): the transpose of `conv` by x."""
    return conv_by_x_p.bind(y, kernel, geometry=geometry)


def _primitive(name: str, shape: Callable[..., tuple[int, ...]]) -> Primitive:
    """An operation on two arrays that is one call into the library."""
    made = Primitive(f"freedive_{name}")

    @made.def_abstract_eval
    def _(a: Any, b: Any, *, geometry: Geometry) -> Any:
        return jax.core.ShapedArray(shape(a.shape, b.shape, geometry), a.dtype)

    def lowering(ctx: Any, a: Any, b: Any, *, geometry: Geometry) -> Any:
        numbers = np.array([*geometry.strides, *geometry.before, *geometry.dilation], np.int64)
        return jax.ffi.ffi_lowering(f"freedive_{name}")(ctx, a, b, geometry=numbers)

    mlir.register_lowering(made, lowering, platform="cpu")
    return made


conv_p = _primitive("conv", lambda x, k, g: (x[0], *g.places, k[3]))
conv_by_x_p = _primitive("conv_by_x", lambda y, k, g: (y[0], *g.sizes, k[2]))
conv_by_kernel_p = _primitive("conv_by_kernel", lambda x, y, g: (*g.taps, x[3], y[3]))

# derivatives: each is linear in both arguments -----------------------------------------------------------------------
ad.defbilinear(
    conv_p,
    lambda by_y, x, k, *, geometry: conv_by_x_p.bind(by_y, k, geometry=geometry),
    lambda by_y, x, k, *, geometry: conv_by_kernel_p.bind(x, by_y, geometry=geometry),
)
ad.defbilinear(
    conv_by_x_p,
    lambda by_x, y, k, *, geometry: conv_p.bind(by_x, k, geometry=geometry),
    lambda by_x, y, k, *, geometry: conv_by_kernel_p.bind(by_x, y, geometry=geometry),
)
ad.defbilinear(
    conv_by_kernel_p,
    lambda by_k, x, y, *, geometry: conv_by_x_p.bind(y, by_k, geometry=geometry),
    lambda by_k, x, y, *, geometry: conv_p.bind(x, by_k, geometry=geometry),
)


# several at once -----------------------------------------------------------------------------------------------------
def _batched(primitive: Primitive, args: Any, axes: Any, *, geometry: Geometry) -> Any:
    """More pictures where only they are many; else one after the other, each by all processors."""
    a, b = (x if axis is None else jnp.moveaxis(x, axis, 0) for x, axis in zip(args, axes, strict=True))
    if axes[1] is None and primitive is not conv_by_kernel_p:
        y = primitive.bind(a.reshape(-1, *a.shape[2:]), b, geometry=geometry)
        return y.reshape(*a.shape[:2], *y.shape[1:]), 0
    some = [x for x, axis in ((a, axes[0]), (b, axes[1])) if axis is not None]

    def one(parts: Any) -> Any:
        given = iter(parts)
        pair = (next(given) if axis is not None else x for x, axis in ((a, axes[0]), (b, axes[1])))
        return primitive.bind(*pair, geometry=geometry)

    return jax.lax.map(one, some), 0


for _p in (conv_p, conv_by_x_p, conv_by_kernel_p):
    batching.primitive_batchers[_p] = functools.partial(_batched, _p)

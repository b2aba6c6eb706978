"""Convolution of pictures, and its two transposes, by the native loops: see `linear`.

XLA's own convolution is slow on a CPU inside a loop, and patches times a matrix write and read memory that is many
times as large as the picture. The native loops multiply what a window sees where it lies in the picture, some lines
at a time in the processor's caches, every processor its own lines. x is (n, *sizes, channels), y is (n, *places,
filters), the kernel (taps * channels, filters), with a row more for a bias.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from .linear import Kind, family


class Geometry(NamedTuple):
    """Of a convolution of pictures (n, height, width, channels), channels last, in one group."""

    sizes: tuple[int, int]  # of x
    places: tuple[int, int]  # of y
    taps: tuple[int, int]
    strides: tuple[int, int]
    before: tuple[int, int]  # zeros before the first row and column
    dilation: tuple[int, int]


def _numbers(geometry: Geometry) -> np.ndarray:
    _, _, *others = geometry
    return np.array(others, np.int64).ravel()


def _by_xla(x: Any, kernel: Any, relu: bool, geometry: Geometry) -> Any:
    g = geometry
    axes = zip(g.sizes, g.places, g.taps, g.strides, g.before, g.dilation, strict=True)
    pads = [(before, (n - 1) * s + (k - 1) * d + 1 - size - before) for size, n, k, s, before, d in axes]
    taps = kernel[:-1].reshape(*g.taps, x.shape[-1], kernel.shape[-1])
    order = ("NHWC", "HWIO", "NHWC")
    y = lax.conv_general_dilated(x, taps, g.strides, pads, rhs_dilation=g.dilation, dimension_numbers=order)
    return jnp.maximum(y + kernel[-1], 0) if relu else y + kernel[-1]


CONV = family(
    Kind(
        "conv",
        rows=lambda x, g: (x[0], *g.places),
        x=lambda y, kernel, g: (y[0], *g.sizes, kernel[0] // math.prod(g.taps)),
        depth=lambda x, g: math.prod(g.taps) * x[-1],
        told=lambda g: {"geometry": _numbers(g)},
        plain=_by_xla,
        masks=False,
    )
)

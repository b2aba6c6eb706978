"""Convolution and its transpose over any number of spatial axes, channels last.

Each is written three times. The reference is XLA's own convolution, whose gradient by the kernel takes on a CPU some 30
times slower than a matrix product (measured in a compiled loop, jaxlib 0.10). There it is a native loop, where that was
built and does it; else patches times a matrix: shifted slices side by side on the channel axis, then one product. All
are differentiable in every mode.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..activations import relu
from . import native
from .native import conv as native_conv

Sizes = Sequence[int]
Pads = Sequence[tuple[int, int]]
Slices = Callable[[jax.Array], list[jax.Array]]  # of a padded input: what each tap of the window sees

JOINED_ROWS = 64  # XLA shares few pictures out less well than the native loops do
LARGEST_PATCHES = 2**22  # bytes; larger ones are made for a few samples at a time, and again for the gradient


# convolution ---------------------------------------------------------------------------------------------------------
def conv(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sizes | int = 1,
    padding: str | Pads = "valid",
    dilation: Sizes | int = 1,
    groups: int = 1,
) -> jax.Array:
    """Convolution: y[b, p, o] = sum over t, c of x[b, p * stride + t * dilation, c] * kernel[t, c, o].

    Args:
        x: (batch, *sizes, channels).
        kernel: (*taps, channels / groups, filters).
        strides: step of the output along each axis.
        padding: "valid", "same", "causal" (before the first position only), or (before, after) for each axis.
        dilation: distance of the taps along each axis.
        groups: parts of the channels that are convolved apart; with as many groups as channels, depthwise.

    Returns:
        (batch, *new sizes, filters).

    >>> x = jnp.arange(5.0).reshape(1, 5, 1)
    >>> conv(x, jnp.ones((2, 1, 1))).ravel().tolist(), conv(x, jnp.ones((2, 1, 1)), padding="causal").ravel().tolist()
    ([1.0, 3.0, 5.0, 7.0], [0.0, 1.0, 3.0, 5.0, 7.0])
    """
    options = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    return conv_layer(x, kernel, None, False, **options)


def conv_layer(
    x: jax.Array, kernel: jax.Array, bias: jax.Array | None, rectified: bool, pooled: bool = False, **options: Any
) -> jax.Array:
    """`conv` with these options, plus a bias (filters), cut at zero if `rectified`.

    Args:
        pooled: whether windows side by side are next, of which only the largest value counts: XLA does both in one.
        **options: of `conv`, and `first`: how many places of each axis are computed, from the first on; all unless
            given.

    >>> conv_layer(jnp.ones((1, 3, 1)), jnp.ones((2, 1, 2)), jnp.array([1.0, -3.0]), True)[0].tolist()
    [[3.0, 0.0], [3.0, 0.0]]
    """
    options = _of_axes(x, kernel, **options)

    def ended(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
        def run(x: jax.Array, kernel: jax.Array, bias: jax.Array | None) -> jax.Array:
            z = function(x, kernel, **options)
            z = z if bias is None else z + bias
            return relu(z) if rectified else z

        return run

    if options["groups"] == 1 and looped(x, kernel) and (bias is None or bias.dtype == x.dtype):
        on_cpu = functools.partial(conv_by_loops, rectified=rectified, pooled=pooled, **options)
    else:
        on_cpu = ended(conv_by_patches)
    return lax.platform_dependent(x, kernel, bias, cpu=on_cpu, default=ended(conv_by_xla))


def _of_axes(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sizes | int = 1,
    padding: str | Pads = "valid",
    dilation: Sizes | int = 1,
    groups: int = 1,
    first: Sizes | None = None,
) -> dict[str, Any]:
    """The options with a number, or two of padding, for each axis; places that are left out are padding taken away."""
    strides, dilation = spread(strides, x.ndim - 2), spread(dilation, x.ndim - 2)
    pads = explicit_padding(padding, x.shape[1:-1], kernel.shape[:-2], strides, dilation)
    if first is not None:
        places = map(output_size, x.shape[1:-1], kernel.shape[:-2], strides, pads, dilation)
        pads = [(a, b - s * (n - m)) for (a, b), s, n, m in zip(pads, strides, places, first, strict=True)]
    return {"strides": strides, "pads": pads, "dilation": dilation, "groups": groups}


def conv_by_xla(x: jax.Array, kernel: jax.Array, strides: Sizes, pads: Pads, dilation: Sizes, groups: int) -> jax.Array:
    """The reference."""
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=channels_last(x.ndim),
        feature_group_count=groups,
    )


def looped(x: jax.Array, kernel: jax.Array) -> bool:
    """Whether the native loops do it: lines and pictures in float32, with more than one tap."""
    single = x.dtype == kernel.dtype == jnp.float32
    return single and x.ndim <= 4 and math.prod(kernel.shape[:-2]) > 1 and bool(x.size) and native.available()


def conv_by_loops(
    x: jax.Array,
    kernel: jax.Array,
    bias: Any,
    rectified: bool,
    pooled: bool,
    strides: Sizes,
    pads: Pads,
    **options: Any,
) -> jax.Array:
    """By the native loops, bias and relu while the outputs are in the caches; a line is a picture of one row."""
    dilation, joined = options["dilation"], pooled and x.ndim == 4 and x.shape[0] >= JOINED_ROWS
    sizes = kernel.shape[:-2]
    places = [output_size(*each) for each in zip(x.shape[1:-1], sizes, strides, pads, dilation, strict=True)]
    geometry = geometry_of(x.shape[1:-1], places, sizes, strides, [a for a, _ in pads], dilation)
    y = native_conv.CONV.apply(as_pictures(x), as_matrix(kernel), bias, rectified, geometry, joined)
    return y.reshape(x.shape[0], *places, kernel.shape[-1])


def geometry_of(*of_axes: Sizes) -> native_conv.Geometry:
    """A geometry of two axes from what is known of one or two."""
    neutral = (1, 1, 1, 1, 0, 1)
    pairs = [tuple(v) if len(v) == 2 else (n, *v) for v, n in zip(of_axes, neutral, strict=True)]
    return native_conv.Geometry(*pairs)  # type: ignore[arg-type]


def as_pictures(a: jax.Array) -> jax.Array:
    """Lines as pictures of one row."""
    return a if a.ndim == 4 else a[:, None]


def as_matrix(kernel: jax.Array) -> jax.Array:
    """(*taps, channels, filters) -> (taps * channels, filters)."""
    return kernel.reshape(-1, kernel.shape[-1])


def conv_by_patches(
    x: jax.Array, kernel: jax.Array, strides: Sizes, pads: Pads, dilation: Sizes, groups: int
) -> jax.Array:
    """As slices and matrix products."""
    sizes = kernel.shape[:-2]
    new_sizes = [output_size(*each) for each in zip(x.shape[1:-1], sizes, strides, pads, dilation, strict=True)]
    combine = dense if groups == 1 else depthwise if kernel.shape[-2] == 1 else grouped

    def some(x: jax.Array) -> jax.Array:  # (samples, *sizes, channels) -> (samples, *new sizes, filters)
        x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((a, b, 0) for a, b in pads), (0, 0, 0)])
        return combine(x, kernel, lambda x: [tap_slice(x, tap, new_sizes, strides, dilation) for tap in taps(sizes)])

    row = math.prod(new_sizes) * math.prod(sizes) * x.shape[-1] * x.dtype.itemsize  # bytes of patches of one sample
    return in_parts(some, x, max(1, LARGEST_PATCHES // max(1, row)))


def patches(x: jax.Array, sizes: Sizes, strides: Sizes | int, padding: str | Pads, dilation: Sizes | int) -> jax.Array:
    """What every place of a convolution sees: (batch, places, taps * channels), in the order of a kernel's memory.

    >>> patches(jnp.arange(4.0).reshape(1, 4, 1), (2,), 1, "valid", 1).tolist()
    [[[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]]
    """
    strides, dilation = spread(strides, x.ndim - 2), spread(dilation, x.ndim - 2)
    pads = explicit_padding(padding, x.shape[1:-1], sizes, strides, dilation)
    new_sizes = [output_size(*each) for each in zip(x.shape[1:-1], sizes, strides, pads, dilation, strict=True)]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((a, b, 0) for a, b in pads), (0, 0, 0)])
    seen = jnp.concatenate([tap_slice(x, tap, new_sizes, strides, dilation) for tap in taps(sizes)], -1)
    return seen.reshape(len(x), -1, seen.shape[-1])


def in_parts(function: Callable[[jax.Array], jax.Array], x: jax.Array, most: int) -> jax.Array:
    """A function of a batch, called on at most that many samples at a time, and again for the gradient."""
    if x.shape[0] <= most:
        return function(x)
    count = x.shape[0] // most
    parts = lax.map(jax.checkpoint(function), x[: count * most].reshape(count, most, *x.shape[1:]))
    parts = parts.reshape(-1, *parts.shape[2:])
    return parts if len(parts) == len(x) else jnp.concatenate([parts, jax.checkpoint(function)(x[count * most :])])


def dense(x: jax.Array, kernel: jax.Array, slices: Slices) -> jax.Array:
    """Every output from every channel: one product."""
    parts = slices(x)
    patches = parts[0] if len(parts) == 1 else jnp.concatenate(parts, -1)  # (batch, *sizes, taps * channels)
    return times(patches, kernel.reshape(-1, kernel.shape[-1]))


def grouped(x: jax.Array, kernel: jax.Array, slices: Slices) -> jax.Array:
    """Parts of the channels apart: the groups as a first axis, then a product for each."""
    *sizes, depth, filters = kernel.shape
    groups = x.shape[-1] // depth
    x = jnp.moveaxis(x.reshape(*x.shape[:-1], groups, depth), -2, 0)
    kernel = jnp.moveaxis(kernel.reshape(*sizes, depth, groups, filters // groups), -2, 0)
    y = jax.vmap(lambda x, kernel: dense(x, kernel, slices))(x, kernel)
    return jnp.moveaxis(y, 0, -2).reshape(*y.shape[1:-1], filters)


def depthwise(x: jax.Array, kernel: jax.Array, slices: Slices) -> jax.Array:
    """Every channel by itself: a weighted sum of the slices."""
    x = jnp.repeat(x, kernel.shape[-1] // x.shape[-1], -1)
    weights = kernel.reshape(-1, kernel.shape[-1])  # (taps, filters)
    return functools.reduce(jnp.add, map(jnp.multiply, slices(x), weights))


@jax.custom_jvp
def times(patches: jax.Array, matrix: jax.Array) -> jax.Array:
    """patches @ matrix, with a gradient by the matrix that XLA computes as fast as the product itself.

    The derivative is that of a product; its part by the matrix is written so that its transpose is a product of a
    matrix with contiguous rows, which XLA's fast path for CPUs wants. The barriers keep the simplifier from undoing it.
    """
    return patches @ matrix


@times.defjvp
def _times_jvp(primals, tangents):
    (patches, matrix), (d_patches, d_matrix) = primals, tangents
    rows = patches.reshape(-1, patches.shape[-1])  # (rows, depth)
    if matrix.shape[0] < 64:  # a small product is not worth two transpositions
        change = rows @ d_matrix
    else:
        change = lax.optimization_barrier(lax.optimization_barrier(d_matrix.T) @ rows.T).T
    y = patches @ matrix
    return y, d_patches @ matrix + change.reshape(y.shape)


# transposed convolution ----------------------------------------------------------------------------------------------
def conv_transpose(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sizes | int = 1,
    padding: str = "valid",
    output_padding: Sizes | int | None = None,
    dilation: Sizes | int = 1,
) -> jax.Array:
    """The transpose of a convolution: y[b, p * stride + t * dilation, o] += x[b, p, c] kernel[t, o, c], then cropped.

    Args:
        x: (batch, *sizes, channels).
        kernel: (*taps, filters, channels).
        strides: how far neighbours of x come to lie apart.
        padding: "valid" keeps everything, "same" gives size * stride.
        output_padding: sizes beyond the smallest ones that a convolution would have come from; None for the default.
        dilation: distance of the taps.

    Returns:
        (batch, *new sizes, filters).

    >>> conv_transpose(jnp.ones((1, 2, 1)), jnp.ones((3, 1, 1)), strides=2).ravel().tolist()
    [1.0, 1.0, 2.0, 1.0, 1.0]
    """
    rank = x.ndim - 2
    strides, dilation = spread(strides, rank), spread(dilation, rank)
    extra = (None,) * rank if output_padding is None else spread(output_padding, rank)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape[:-2], dilation, strict=True)]
    crops = [_crop(*each, padding) for each in zip(x.shape[1:-1], reach, strides, extra, strict=True)]
    options = {"strides": strides, "crops": crops, "dilation": dilation}
    on_cpu = conv_transpose_by_loops if looped(x, kernel) else conv_transpose_by_sums
    return lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, k: on_cpu(x, k, **options),
        default=lambda x, k: conv_transpose_by_xla(x, k, **options),
    )


def conv_transpose_by_xla(x: jax.Array, kernel: jax.Array, strides: Sizes, crops: Pads, dilation: Sizes) -> jax.Array:
    """The reference: a convolution of x spread out, by the kernel turned round."""
    rank = x.ndim - 2
    reach = [(k - 1) * d for k, d in zip(kernel.shape[:-2], dilation, strict=True)]
    return lax.conv_general_dilated(
        x,
        jnp.flip(kernel, range(rank)).swapaxes(-1, -2),
        (1,) * rank,
        [(r - a, r - b) for r, (a, b) in zip(reach, crops, strict=True)],
        lhs_dilation=strides,
        rhs_dilation=dilation,
        dimension_numbers=channels_last(x.ndim),
    )


def conv_transpose_by_loops(x: jax.Array, kernel: jax.Array, strides: Sizes, crops: Pads, dilation: Sizes) -> jax.Array:
    """By the native loop that takes a convolution back to its input."""
    sizes = kernel.shape[:-2]
    reach = [(k - 1) * d + 1 for k, d in zip(sizes, dilation, strict=True)]
    new = [(n - 1) * s + r - a - b for n, s, r, (a, b) in zip(x.shape[1:-1], strides, reach, crops, strict=True)]
    geometry = geometry_of(new, x.shape[1:-1], sizes, strides, [a for a, _ in crops], dilation)
    y = native_conv.CONV.take_back(as_pictures(x), as_matrix(kernel), geometry)
    return y.reshape(x.shape[0], *new, kernel.shape[-2])


def conv_transpose_by_sums(x: jax.Array, kernel: jax.Array, strides: Sizes, crops: Pads, dilation: Sizes) -> jax.Array:
    """As one product, whose parts (one a tap) are added where they belong."""
    *sizes, filters, channels = kernel.shape
    matrix = kernel.reshape(-1, channels).T  # (channels, taps * filters)
    # A split, because its gradient is one concatenation; that of slices is a sum of arrays as large as all parts.
    parts = lax.split(times(x, matrix), [filters] * math.prod(sizes), x.ndim - 1)
    y: jax.Array | float = 0.0
    for part, tap in zip(parts, taps(sizes), strict=True):
        places = [
            (t * d - before, (k - 1 - t) * d - after, s - 1)
            for t, k, s, d, (before, after) in zip(tap, sizes, strides, dilation, crops, strict=True)
        ]
        y = y + lax.pad(part, jnp.zeros((), part.dtype), [(0, 0, 0), *places, (0, 0, 0)])
    return y  # type: ignore[return-value]


def _crop(size: int, reach: int, stride: int, extra: int | None, padding: str) -> tuple[int, int]:
    """How much of the full transpose is cut off before and after; negative where zeros are added."""
    full = (size - 1) * stride + reach
    if padding == "valid":
        return 0, -(max(stride - reach, 0) if extra is None else extra)
    wanted = size * stride if extra is None else (size - 1) * stride + reach % 2 + extra
    before = reach - 1 - min((wanted - full + 2 * reach - 1) // 2, reach - 1)
    return before, full - wanted - before


# shapes --------------------------------------------------------------------------------------------------------------
def spread(value: Sizes | int, rank: int) -> tuple[int, ...]:
    """A number for each axis.

    >>> spread(2, 3), spread((1, 2), 2)
    ((2, 2, 2), (1, 2))
    """
    return (value,) * rank if isinstance(value, int) else tuple(value)


def explicit_padding(
    padding: str | Pads, sizes: Sizes, window: Sizes, strides: Sizes, dilation: Sizes
) -> list[tuple[int, int]]:
    """(before, after) for each axis. "same" gives ceil(size / stride) outputs, with the odd zero after.

    >>> explicit_padding("same", (5,), (3,), (2,), (1,)), explicit_padding("causal", (5,), (3,), (1,), (2,))
    ([(1, 1)], [(4, 0)])
    """
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    if padding == "valid":
        return [(0, 0)] * len(reach)
    if padding == "causal":
        return [(r - 1, 0) for r in reach]
    if padding == "same":
        totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, r, s in zip(sizes, reach, strides, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(a, b) for a, b in padding]  # type: ignore[misc]


def output_size(size: int, window: int, stride: int, pads: tuple[int, int], dilation: int = 1) -> int:
    """The number of places of a window; negative or 0 where it does not fit.

    >>> output_size(5, 3, 2, (0, 0)), output_size(2, 3, 1, (0, 0))
    (2, 0)
    """
    return (size + sum(pads) - (window - 1) * dilation - 1) // stride + 1


def taps(sizes: Sizes) -> Iterator[tuple[int, ...]]:
    """The places in a window, in the order of its memory.

    >>> list(taps((2, 2)))
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    return itertools.product(*map(range, sizes))


def tap_slice(x: jax.Array, tap: Sizes, new_sizes: Sizes, strides: Sizes, dilation: Sizes) -> jax.Array:
    """What one tap of the window sees at every place of it: (batch, *new sizes, channels)."""
    starts = [t * d for t, d in zip(tap, dilation, strict=True)]
    stops = [a + (n - 1) * s + 1 for a, n, s in zip(starts, new_sizes, strides, strict=True)]
    return lax.slice(x, (0, *starts, 0), (x.shape[0], *stops, x.shape[-1]), (1, *strides, 1))


def channels_last(ndim: int) -> lax.ConvDimensionNumbers:
    """XLA's description of (batch, *sizes, channels) and (*taps, channels, filters)."""
    order = (0, ndim - 1, *range(1, ndim - 1))  # batch, channels, sizes
    return lax.ConvDimensionNumbers(order, (ndim - 1, ndim - 2, *range(ndim - 2)), order)

"""Pooling layers: the largest or the mean value of every window, or of everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from ..core.layer import Layer
from ..numerics import floating, widen
from ..ops.pooling import average_pool, max_pool, read_by
from .spatial import DataFormat, Padding, expect_rank, expect_room, from_last, per_axis, to_last


# windows -------------------------------------------------------------------------------------------------------------
class _Pooling(Layer):
    rank: ClassVar[int]
    reduce: ClassVar[Callable[..., Any]]

    pool_size: Any = 2
    strides: Any = None
    padding: Padding = "valid"
    data_format: DataFormat = None

    def __post_init__(self):
        super().__post_init__()
        per_axis(self, self.rank, "pool_size", "strides")

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        given, x = x, to_last(self, x)
        if self.padding == "valid":
            expect_room(self, x, self.pool_size, "pool_size")
            first, pooled = read_by(x.shape[1:-1], self.pool_size, self.strides), self.largest_of_tiles
            if x is given and (pooled or first != x.shape[1:-1]):
                x = self.offered(x, first=first, pooled=pooled)
        return from_last(self, type(self).reduce(x, self.pool_size, self.strides, self.padding))

    @property
    def largest_of_tiles(self) -> bool:
        """Whether the largest values of windows side by side are what counts."""
        return type(self).reduce is max_pool and self.strides in (None, self.pool_size)


class MaxPooling1D(_Pooling):
    """The largest value of every window of a sequence.

    Args:
        pool_size: steps of a window.
        strides: from one window to the next; pool_size unless given.
        padding: "valid" (only whole windows) or "same" (ceil(steps / strides) windows).
        data_format: "channels_last", (batch, steps, channels), or "channels_first".

    Input: (batch, steps, channels). Output: (batch, new steps, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.MaxPooling1D()(np.array([[[1.0], [3.0], [2.0], [0.0]]])).ravel().tolist()
    [3.0, 2.0]
    """

    aliases: ClassVar[tuple[str, ...]] = ("MaxPool1D",)
    rank: ClassVar[int] = 1
    reduce = max_pool


class MaxPooling2D(_Pooling):
    """The largest value of every window of an image.

    Args:
        pool_size: height and width of a window; one number for both.
        strides: from one window to the next; pool_size unless given.
        padding: "valid" (only whole windows) or "same" (ceil(size / strides) windows).
        data_format: "channels_last", (batch, height, width, channels), or "channels_first".

    Input: (batch, height, width, channels). Output: (batch, new height, new width, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.MaxPooling2D()(np.ones((1, 26, 26, 32))).shape
    (1, 13, 13, 32)
    """

    aliases: ClassVar[tuple[str, ...]] = ("MaxPool2D",)
    rank: ClassVar[int] = 2
    reduce = max_pool


class MaxPooling3D(_Pooling):
    """The largest value of every window of a volume; arguments as for `MaxPooling2D`.

    Input: (batch, depth, height, width, channels). Output: (batch, *new sizes, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.MaxPooling3D((1, 2, 3))(np.ones((1, 4, 6, 6, 2))).shape
    (1, 4, 3, 2, 2)
    """

    aliases: ClassVar[tuple[str, ...]] = ("MaxPool3D",)
    rank: ClassVar[int] = 3
    reduce = max_pool


class AveragePooling1D(_Pooling):
    """The mean value of every window of a sequence; padding does not count. Arguments as for `MaxPooling1D`.

    Input: (batch, steps, channels). Output: (batch, new steps, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).ravel().tolist()
    [2.0, 1.0]
    """

    aliases: ClassVar[tuple[str, ...]] = ("AvgPool1D",)
    rank: ClassVar[int] = 1
    reduce = average_pool


class AveragePooling2D(_Pooling):
    """The mean value of every window of an image; padding does not count. Arguments as for `MaxPooling2D`.

    Input: (batch, height, width, channels). Output: (batch, new height, new width, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AveragePooling2D(3, strides=2, padding="same")(np.ones((1, 7, 7, 2))).shape
    (1, 4, 4, 2)
    """

    aliases: ClassVar[tuple[str, ...]] = ("AvgPool2D",)
    rank: ClassVar[int] = 2
    reduce = average_pool


class AveragePooling3D(_Pooling):
    """The mean value of every window of a volume; padding does not count. Arguments as for `MaxPooling2D`.

    Input: (batch, depth, height, width, channels). Output: (batch, *new sizes, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AveragePooling3D(2)(np.ones((1, 4, 6, 8, 2))).shape
    (1, 2, 3, 4, 2)
    """

    aliases: ClassVar[tuple[str, ...]] = ("AvgPool3D",)
    rank: ClassVar[int] = 3
    reduce = average_pool


# everything ----------------------------------------------------------------------------------------------------------
class _GlobalPooling(Layer):
    rank: ClassVar[int]
    reduce: ClassVar[Callable[..., Any]]

    data_format: DataFormat = None
    keepdims: bool = False

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        return type(self).reduce(x, self._axes(), self.keepdims)

    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))


def largest(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The largest value."""
    return jnp.max(x, axes, keepdims=keepdims)


def mean(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """The mean, summed in float32."""
    return jnp.mean(widen(x), axes, keepdims=keepdims).astype(floating(x))


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest value of each channel over all steps.

    Args:
        data_format: "channels_last", (batch, steps, channels), or "channels_first".
        keepdims: keep the axis, with size one.

    Input: (batch, steps, channels). Output: (batch, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GlobalMaxPooling1D()(np.ones((2, 5, 3))).shape
    (2, 3)
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalMaxPool1D",)
    rank: ClassVar[int] = 1
    reduce = largest


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest value of each channel over the whole image; arguments as for `GlobalMaxPooling1D`.

    Input: (batch, height, width, channels). Output: (batch, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GlobalMaxPooling2D(keepdims=True)(np.ones((2, 5, 5, 3))).shape
    (2, 1, 1, 3)
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalMaxPool2D",)
    rank: ClassVar[int] = 2
    reduce = largest


class GlobalMaxPooling3D(_GlobalPooling):
    """The largest value of each channel over the whole volume; arguments as for `GlobalMaxPooling1D`.

    Input: (batch, depth, height, width, channels). Output: (batch, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GlobalMaxPooling3D()(np.ones((2, 5, 5, 4, 3))).shape
    (2, 3)
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalMaxPool3D",)
    rank: ClassVar[int] = 3
    reduce = largest


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean of each channel over all steps; with a mask, over the steps that count (zeros where none does).

    Arguments as for `GlobalMaxPooling1D`.

    Input: (batch, steps, channels). Output: (batch, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> x, mask = np.array([[[2.0], [4.0], [9.0]]]), np.array([[True, True, False]])
    >>> fd.layers.GlobalAveragePooling1D()(x, mask=mask).tolist()
    [[3.0]]
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalAvgPool1D",)
    rank: ClassVar[int] = 1
    reduce = mean

    def call(self, x: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(x)
        expect_rank(self, x, self.rank)
        (axis,) = self._axes()
        counts = jnp.expand_dims(mask, 3 - axis)  # (batch, steps, 1) or (batch, 1, steps)
        total = jnp.sum(jnp.where(counts, widen(x), 0), axis, keepdims=self.keepdims)
        number = jnp.sum(counts, axis, keepdims=self.keepdims)
        return (total / jnp.maximum(number, 1)).astype(floating(x))


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel over the whole image; arguments as for `GlobalMaxPooling1D`.

    Input: (batch, height, width, channels). Output: (batch, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GlobalAveragePooling2D()(np.ones((2, 5, 5, 3))).shape
    (2, 3)
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalAvgPool2D",)
    rank: ClassVar[int] = 2
    reduce = mean


class GlobalAveragePooling3D(_GlobalPooling):
    """The mean of each channel over the whole volume; arguments as for `GlobalMaxPooling1D`.

    Input: (batch, depth, height, width, channels). Output: (batch, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GlobalAveragePooling3D()(np.ones((2, 5, 5, 4, 3))).shape
    (2, 3)
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalAvgPool3D",)
    rank: ClassVar[int] = 3
    reduce = mean


# Keras' short names
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
)

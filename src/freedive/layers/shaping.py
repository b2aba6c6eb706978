"""Layers that move values about without computing: flatten, reshape, crop, pad, repeat."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import PositiveInt, integer, one_of
from ..core.forward import shape_of
from ..core.layer import Layer
from .spatial import AXES, DataFormat, expect_rank, from_last, pairs, per_axis, to_last


def _integers(value: Any) -> tuple[int, ...]:
    return tuple(integer(n) for n in value) if isinstance(value, (list, tuple)) else (integer(value),)


Integers = Annotated[Any, _integers]
MOVED = False  # what is only moved is not rounded either: it may be probabilities
Interpolation = Annotated[str, str.lower, one_of("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")]


# axes ---------------------------------------------------------------------------------------------------------------
class Flatten(Layer):
    """All axes but the batch as one.

    Args:
        data_format: "channels_first" puts the channels last before, so that both formats give the same order.

    Input: (batch, ...). Output: (batch, product of the rest).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    data_format: DataFormat = None
    autocast: ClassVar[bool] = MOVED

    def call(self, x: Any) -> Any:
        return (to_last(self, x) if x.ndim > 1 else x).reshape(x.shape[0], -1)


class Reshape(Layer):
    """The values of each sample in another shape, in the same order.

    Args:
        target_shape: of one sample; one size may be -1, for what is left.

    Input: (batch, ...). Output: (batch, *target_shape).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Reshape((28, 28, 1))(np.ones((2, 784))).shape, fd.layers.Reshape((-1, 4))(np.ones((2, 3, 8))).shape
    ((2, 28, 28, 1), (2, 6, 4))
    """

    target_shape: Integers
    autocast: ClassVar[bool] = MOVED

    def __post_init__(self):
        super().__post_init__()
        if self.target_shape.count(-1) > 1 or any(n < -1 for n in self.target_shape):
            raise ValueError(
                f"Reshape(target_shape={self.target_shape}): expected sizes of 0 or more, of which one may be -1"
            )

    def call(self, x: Any) -> Any:
        have, known = math.prod(x.shape[1:]), math.prod(n for n in self.target_shape if n != -1)
        if have != known and (-1 not in self.target_shape or known == 0 or have % known):
            raise self.error(
                f"target_shape={self.target_shape} holds {known} values, or a multiple where it has a -1. "
                f"Received shape {shape_of(x)}, which holds {have} in each sample"
            )
        return x.reshape(x.shape[0], *self.target_shape)


class Permute(Layer):
    """The axes in another order.

    Args:
        dims: for each axis of the output the axis of the input, counted from 1; the batch, 0, stays where it is.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Permute((3, 1, 2))(np.ones((2, 5, 6, 7))).shape
    (2, 7, 5, 6)
    """

    dims: Integers
    autocast: ClassVar[bool] = MOVED

    def __post_init__(self):
        super().__post_init__()
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute(dims={self.dims}): expected 1 to {len(self.dims)}, each once, in another order")

    def call(self, x: Any) -> Any:
        if x.ndim != len(self.dims) + 1:
            raise self.error(f"dims={self.dims} is for {len(self.dims) + 1} axes. Received shape {shape_of(x)}")
        return jnp.transpose(x, (0, *self.dims))


class RepeatVector(Layer):
    """The same vector at each of n steps.

    Args:
        n: the number of steps.

    Input: (batch, features). Output: (batch, n, features).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.RepeatVector(3)(np.ones((2, 5))).shape
    (2, 3, 5)
    """

    n: PositiveInt

    def call(self, x: Any) -> Any:
        if x.ndim != 2:
            raise self.error(f"expected 2 axes, (batch, features). Received shape {shape_of(x)}. Flatten it first")
        return jnp.broadcast_to(x[:, None], (x.shape[0], self.n, x.shape[1]))


# edges --------------------------------------------------------------------------------------------------------------
class _Cropping(Layer):
    rank: ClassVar[int]

    cropping: Any = 1
    data_format: DataFormat = None

    def __post_init__(self):
        super().__post_init__()
        self.cropping = pairs(self.cropping, self.rank, f"{type(self).__name__}(cropping={self.cropping!r})")

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        x = to_last(self, x)
        sizes = x.shape[1:-1]
        for size, (before, after), word in zip(sizes, self.cropping, AXES[self.rank], strict=True):
            if before + after >= size:
                raise self.error(f"cropping {before} + {after} leaves nothing of a {word} of {size}")
        inside = (slice(before, size - after) for size, (before, after) in zip(sizes, self.cropping, strict=True))
        return from_last(self, x[(slice(None), *inside)])


class Cropping1D(_Cropping):
    """Cuts steps off both ends.

    Args:
        cropping: steps at each end, or (at the start, at the end).
        data_format: "channels_last", (batch, steps, channels), or "channels_first".

    Input: (batch, steps, channels). Output: (batch, fewer steps, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Cropping1D((1, 2))(np.ones((2, 8, 3))).shape
    (2, 5, 3)
    """

    rank: ClassVar[int] = 1


class Cropping2D(_Cropping):
    """Cuts the edges off images.

    Args:
        cropping: one number for all edges, one for each axis, or ((top, bottom), (left, right)).
        data_format: "channels_last", (batch, height, width, channels), or "channels_first".

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Cropping2D(((1, 2), (3, 0)))(np.ones((2, 8, 8, 3))).shape
    (2, 5, 5, 3)
    """

    rank: ClassVar[int] = 2
    cropping: Any = 0


class Cropping3D(_Cropping):
    """Cuts the faces off volumes; arguments as for `Cropping2D`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Cropping3D(1)(np.ones((2, 8, 7, 6, 3))).shape
    (2, 6, 5, 4, 3)
    """

    rank: ClassVar[int] = 3


class _ZeroPadding(Layer):
    rank: ClassVar[int]

    padding: Any = 1
    data_format: DataFormat = None

    def __post_init__(self):
        super().__post_init__()
        self.padding = pairs(self.padding, self.rank, f"{type(self).__name__}(padding={self.padding!r})")

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        return from_last(self, jnp.pad(to_last(self, x), ((0, 0), *self.padding, (0, 0))))


class ZeroPadding1D(_ZeroPadding):
    """Adds steps of zeros at both ends.

    Args:
        padding: steps at each end, or (at the start, at the end).
        data_format: "channels_last", (batch, steps, channels), or "channels_first".

    Input: (batch, steps, channels). Output: (batch, more steps, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ZeroPadding1D((1, 2))(np.ones((2, 8, 3))).shape
    (2, 11, 3)
    """

    rank: ClassVar[int] = 1


class ZeroPadding2D(_ZeroPadding):
    """Adds edges of zeros to images.

    Args:
        padding: one number for all edges, one for each axis, or ((top, bottom), (left, right)).
        data_format: "channels_last", (batch, height, width, channels), or "channels_first".

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ZeroPadding2D((1, 2))(np.ones((2, 8, 8, 3))).shape
    (2, 10, 12, 3)
    """

    rank: ClassVar[int] = 2


class ZeroPadding3D(_ZeroPadding):
    """Adds faces of zeros to volumes; arguments as for `ZeroPadding2D`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ZeroPadding3D(1)(np.ones((2, 2, 3, 4, 3))).shape
    (2, 4, 5, 6, 3)
    """

    rank: ClassVar[int] = 3


# larger -------------------------------------------------------------------------------------------------------------
class _UpSampling(Layer):
    rank: ClassVar[int]

    size: Any = 2
    data_format: DataFormat = None
    interpolation: Interpolation = "nearest"

    def __post_init__(self):
        super().__post_init__()
        per_axis(self, self.rank, "size")

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        x = to_last(self, x)
        if self.interpolation == "nearest":
            y = repeated(x, self.size)
        else:
            sizes = (n * k for n, k in zip(x.shape[1:-1], self.size, strict=True))
            y = jax.image.resize(x, (x.shape[0], *sizes, x.shape[-1]), self.interpolation, antialias=False)
        return from_last(self, y)


def repeated(x: Any, times: tuple[int, ...]) -> Any:
    """Every value of (batch, *sizes, channels) several times along each axis.

    >>> repeated(jnp.arange(2).reshape(1, 2, 1), (2,)).ravel().tolist()
    [0, 0, 1, 1]
    """
    for axis, n in enumerate(times, start=1):
        spread = jnp.broadcast_to(jnp.expand_dims(x, axis + 1), (*x.shape[: axis + 1], n, *x.shape[axis + 1 :]))
        x = spread.reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])
    return x


class UpSampling1D(_UpSampling):
    """Makes sequences longer by a whole factor.

    Args:
        size: the factor.
        data_format: "channels_last", (batch, steps, channels), or "channels_first".
        interpolation: "nearest" repeats every step; "bilinear", "bicubic", "lanczos3", "lanczos5" go smoothly.

    Input: (batch, steps, channels). Output: (batch, steps * size, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]])).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    rank: ClassVar[int] = 1


class UpSampling2D(_UpSampling):
    """Makes images larger by whole factors.

    Args:
        size: the factor, or one for height and one for width.
        data_format: "channels_last", (batch, height, width, channels), or "channels_first".
        interpolation: as for `UpSampling1D`.

    Input: (batch, height, width, channels). Output: (batch, height * size, width * size, channels).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.UpSampling2D((2, 3), interpolation="bilinear")(np.ones((2, 4, 4, 3))).shape
    (2, 8, 12, 3)
    """

    rank: ClassVar[int] = 2


class UpSampling3D(_UpSampling):
    """Makes volumes larger by whole factors; arguments as for `UpSampling2D`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.UpSampling3D(2)(np.ones((1, 2, 3, 4, 1))).shape
    (1, 4, 6, 8, 1)
    """

    rank: ClassVar[int] = 3

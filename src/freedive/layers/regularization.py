"""Layers that act in training only, against overfitting: dropout, noise, a penalty on answers. In use they do nothing.

What is dropped is drawn by a hash of the element's index and the run's key (`ops.random`), in steps of 2**-24 of the
rate. Rates and noise can be swept without compiling again.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import Fraction, NonNegativeFloat, fraction, integer, non_negative
from ..core.layer import Layer
from ..numerics import widen
from ..ops.random import keep
from ..regularizers import L1L2
from .dropping import drop, seeded_key, with_fractions
from .spatial import DataFormat, expect_rank


def _seed(value: Any) -> int | None:
    return None if value is None else non_negative(integer(value))


def _shape(value: Any) -> tuple[int | None, ...] | None:
    return None if value is None else tuple(None if n is None else integer(n) for n in value)


def _below_one(value: float) -> float:
    if value == 1:
        raise ValueError("expected less than 1: nothing would be left to scale")
    return value


Seed = Annotated[Any, _seed]  # moves the layer's draws; they follow the run's seed anyway
NoiseShape = Annotated[Any, _shape]
PartialRate = Annotated[float, fraction, _below_one]


# dropout ------------------------------------------------------------------------------------------------------------
class Dropout(Layer):
    """Sets inputs to zero with probability `rate` and scales the others by 1 / (1 - rate), in training.

    Args:
        rate: the share that is dropped, from 0 to 1.
        noise_shape: the shape of what is drawn, where not that of the input: size one shares a draw along an axis,
            None stands for the input's size. (None, 1, features) drops the same features in all steps.
        seed: moves the draws.

    Input and output: (batch, ...).
    Reference: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    >>> import numpy as np
    >>> import freedive as fd
    >>> layer, x = fd.layers.Dropout(0.5), np.ones((4, 100))
    >>> layer(x).mean(), sorted(set(layer(x, training=True).ravel().tolist()))
    (Array(1., dtype=float32), [0.0, 2.0])
    """

    rate: Fraction
    noise_shape: NoiseShape = None
    seed: Seed = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        return drop(self, "rate", x, noise_shape(self, x))


def noise_shape(layer: Any, x: Any) -> tuple[int, ...]:
    """The shape that a layer draws for x; it must broadcast with it."""
    if layer.noise_shape is None:
        return x.shape
    given = layer.noise_shape
    if len(given) == x.ndim and all(n in (None, 1, size) for n, size in zip(given, x.shape, strict=True)):
        return tuple(size if n is None else n for n, size in zip(given, x.shape, strict=True))
    raise layer.error(
        f"noise_shape={given} does not suit an input of shape {x.shape}: for each axis give None or 1, or its size"
    )


class _SpatialDropout(Layer):
    rank: ClassVar[int]
    supports_masking: ClassVar[bool] = True

    rate: Fraction
    data_format: DataFormat = None
    seed: Seed = None

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        last, shared = self.data_format == "channels_last", (1,) * self.rank
        shape = (x.shape[0], *shared, x.shape[-1]) if last else (*x.shape[:2], *shared)
        return drop(self, "rate", x, shape)


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole features: a channel is dropped in all steps or in none.

    Args:
        rate: the share of the channels that is dropped.
        data_format: "channels_last", (batch, steps, channels), or "channels_first".
        seed: moves the draws.

    Reference: arXiv 1411.4280.

    >>> import numpy as np
    >>> import freedive as fd
    >>> y = fd.layers.SpatialDropout1D(0.5)(np.ones((2, 3, 8)), training=True)
    >>> bool((y == y[:, :1]).all())
    True
    """

    rank: ClassVar[int] = 1


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole feature maps of images; arguments as for `SpatialDropout1D`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> y = fd.layers.SpatialDropout2D(0.5)(np.ones((2, 3, 3, 8)), training=True)
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    rank: ClassVar[int] = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole feature maps of volumes; arguments as for `SpatialDropout1D`.

    >>> import numpy as np
    >>> import freedive as fd
    >>> y = fd.layers.SpatialDropout3D(0.5)(np.ones((2, 3, 3, 2, 8)), training=True)
    >>> bool((y == y[:, :1, :1, :1]).all())
    True
    """

    rank: ClassVar[int] = 3


class AlphaDropout(Layer):
    """Dropout that keeps the mean and the variance of inputs of mean 0 and variance 1, as `selu` gives them.

    Dropped values become -1.7581, the answer of selu far below zero; then all are scaled and shifted back.

    Args:
        rate: the share that is dropped, below 1.
        noise_shape, seed: as for `Dropout`.

    Input and output: (batch, ...). Reference: arXiv 1706.02515.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AlphaDropout(0.1)(np.ones((2, 3)), training=True).shape
    (2, 3)
    """

    rate: PartialRate
    noise_shape: NoiseShape = None
    seed: Seed = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        x = with_fractions(x)
        if not self.training or self.rate == 0:
            return x
        rate, floor = self.hyper("rate"), -1.7580993408473766  # minus scale times alpha of selu
        kept = keep(seeded_key(self), rate, noise_shape(self, x))
        scale = ((1 - rate) * (1 + rate * floor**2)) ** -0.5
        return (scale * (jnp.where(kept, x, floor) - floor * rate)).astype(x.dtype)


# noise --------------------------------------------------------------------------------------------------------------
class GaussianNoise(Layer):
    """Adds normal noise of mean 0, in training.

    Args:
        stddev: its standard deviation.
        seed: moves the draws.

    Input and output: (batch, ...).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GaussianNoise(0.1)(np.zeros((1, 2))).tolist()
    [[0.0, 0.0]]
    """

    stddev: NonNegativeFloat
    seed: Seed = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        x = with_fractions(x)
        if not self.training or self.stddev == 0:
            return x
        noise = self.hyper("stddev") * jax.random.normal(seeded_key(self), x.shape)
        return (x + noise).astype(x.dtype)


class GaussianDropout(Layer):
    """Multiplies by normal noise of mean 1 and variance rate / (1 - rate), the variance that dropout has, in training.

    Args:
        rate: of the dropout that it stands for, below 1.
        seed: moves the draws.

    Input and output: (batch, ...). Reference: Srivastava et al. 2014, section 10.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.GaussianDropout(0.5)(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    rate: PartialRate
    seed: Seed = None
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        x = with_fractions(x)
        if not self.training or self.rate == 0:
            return x
        rate = self.hyper("rate")
        noise = jnp.sqrt(rate / (1 - rate)) * jax.random.normal(seeded_key(self), x.shape)
        return (x * (1 + noise)).astype(x.dtype)


# penalty ------------------------------------------------------------------------------------------------------------
class ActivityRegularization(Layer):
    """Hands its input on and adds a penalty on it to the loss: (l1 sum |x| + l2 sum x²) / batch size.

    Both strengths may be swept or changed without compiling again.

    Args:
        l1: strength of the sum of absolute values.
        l2: strength of the sum of squares.

    Input and output: (batch, ...).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.ActivityRegularization(l2=0.01)(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    l1: NonNegativeFloat = 0.0
    l2: NonNegativeFloat = 0.0
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        penalty = L1L2().penalty(widen(x), l1=self.hyper("l1"), l2=self.hyper("l2"))
        self.add_loss(penalty / x.shape[0])
        return x

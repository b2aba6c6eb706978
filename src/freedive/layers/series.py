"""Layers for series in time: normalisation that is undone in the forecast, trends, patches, variables one by one."""

from __future__ import annotations

from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np

from ..config import NonNegativeFloat, PositiveInt, one_of
from ..core.layer import Layer
from ..initializers import InitializerLike


class ReversibleNormalization(Layer):
    """Runs a layer on windows of mean 0 and deviation 1, and gives its forecast their mean and deviation back (RevIN).

    y = (f(g (x - m) / s + b) - b) / g * s + m, with m and s of each window and variable, over time. So a series whose
    level or spread changes over the years still looks the same to the layer.

    Args:
        layer: f, from windows to forecasts: a layer or a model; or from a list of windows and other inputs.
        centre: what m is: the "mean" of the window, or its "last" value.
        scale: whether s is the deviation of the window, else 1.
        affine: whether g and b are learned, one number a variable each; else 1 and 0.
        epsilon: added to the variance.

    Input: (batch, time, variables), or a list of it and what else the layer takes. Output: what the layer gives,
    (batch, horizon, variables) or (batch, horizon, variables, quantiles).

    Reference: Kim et al. 2022, "Reversible instance normalization for accurate time-series forecasting against
    distribution shift", https://openreview.net/forum?id=cGDAkQo1C0p.

    >>> import numpy as np
    >>> import freedive as fd
    >>> x = np.array([[[100.0], [104.0]]], "float32")
    >>> fd.layers.ReversibleNormalization(fd.layers.Identity())(x).round(2).tolist()
    [[[100.0], [104.0]]]
    """

    layer: Any
    centre: Annotated[str, one_of("mean", "last")] = "mean"
    scale: bool = True
    affine: bool = True
    epsilon: NonNegativeFloat = 1e-5

    def call(self, x: Any) -> Any:  # (batch, time, variables) -> (batch, horizon, variables, ...)
        window, *others = x if isinstance(x, (list, tuple)) else [x]
        if window.ndim != 3:
            raise self.error(f"expected windows (batch, time, variables). Received {window.ndim} axes")
        middle = jnp.mean(window, axis=1, keepdims=True) if self.centre == "mean" else window[:, -1:]
        spread = (
            jnp.sqrt(jnp.var(window, axis=1, keepdims=True) + self.epsilon) if self.scale else jnp.ones_like(middle)
        )
        gain = self.param("gamma", window.shape[-1:], "ones") if self.affine else jnp.ones(window.shape[-1:])
        shift = self.param("beta", window.shape[-1:], "zeros") if self.affine else jnp.zeros(window.shape[-1:])
        normal = gain * (window - middle) / spread + shift
        y = self.layer([normal, *others] if others else normal)
        gain = jnp.where(jnp.abs(gain) < 1e-4, 1e-4, gain)  # a variable that is switched off must not blow up
        back = [gain, shift, spread, middle]
        gain, shift, spread, middle = (v[..., None] for v in back) if y.ndim == 4 else back
        return (y - shift) / gain * spread + middle


class MovingAverage(Layer):
    """The mean of the steps around each step: the trend of a series. The first and last step are repeated at the ends.

    Args:
        size: how many steps; odd ones stand evenly around theirs.

    Input and output: (batch, time, variables).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.MovingAverage(3)(np.array([[[0.0], [3.0], [6.0]]]))[0, :, 0].tolist()
    [1.0, 3.0, 5.0]
    """

    size: PositiveInt = 25

    def call(self, x: Any) -> Any:  # (batch, time, variables) -> the same
        steps = x.shape[1]
        around = np.arange(steps)[:, None] + np.arange(self.size) - (self.size - 1) // 2
        means = np.zeros((steps, steps), np.float32)  # a product with it is much faster than a sum that slides
        np.add.at(means, (np.arange(steps)[:, None], np.clip(around, 0, steps - 1)), 1 / self.size)
        return jnp.einsum("st,btv->bsv", jnp.asarray(means), x)


class SeriesPatches(Layer):
    """Pieces of a series as vectors, with a vector of their own for each place: y_p = W x_p + b + e_p.

    Args:
        units: the length of a vector.
        size: steps in a piece.
        stride: steps from one piece to the next. What is left over lies before the first piece.

    Input: (batch, time, features). Output: (batch, pieces, units).

    Reference: Nie et al. 2023, "A time series is worth 64 words", https://arxiv.org/abs/2211.14730.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.SeriesPatches(32, size=16, stride=8)(np.ones((2, 96, 1))).shape
    (2, 11, 32)
    """

    units: PositiveInt
    size: PositiveInt = 16
    stride: PositiveInt = 8
    kernel_initializer: InitializerLike = "glorot_uniform"
    positions_initializer: InitializerLike = "uniform"

    def call(self, x: Any) -> Any:  # (batch, time, features) -> (batch, pieces, units)
        steps, features = x.shape[1:]
        if steps < self.size:
            raise self.error(f"a piece has {self.size} steps, the series {steps}")
        starts = np.arange(steps - self.size, -1, -self.stride)[::-1]
        pieces = x[:, starts[:, None] + np.arange(self.size)]  # (batch, pieces, size, features)
        flat = pieces.reshape(*pieces.shape[:2], self.size * features)
        kernel = self.param("kernel", (self.size * features, self.units), self.kernel_initializer)
        places = self.param("positions", (len(starts), self.units), self.positions_initializer)
        return flat @ kernel + self.param("bias", (self.units,), "zeros") + places


class OneByOne(Layer):
    """Runs a layer on every variable of a series by itself, as if it were a series of its own.

    Args:
        layer: from (batch, time, 1) to (batch, horizon, 1) or (batch, horizon, 1, quantiles).

    Input: (batch, time, variables). Output: (batch, horizon, variables, ...).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.OneByOne(fd.layers.Dense(1))(np.ones((2, 5, 3))).shape
    (2, 5, 3)
    """

    layer: Any

    def call(self, x: Any) -> Any:  # (batch, time, variables) -> (batch, horizon, variables, ...)
        steps, variables = x.shape[1:]
        y = self.layer(jnp.moveaxis(x, 2, 1).reshape(-1, steps, 1))  # (batch * variables, horizon, 1, ...)
        if y.ndim < 3 or y.shape[2] != 1:
            raise self.error(f"expected the layer to give (batch, horizon, 1, ...). Received {y.ndim} axes")
        y = y.reshape(-1, variables, y.shape[1], *y.shape[3:])
        return jnp.moveaxis(y, 1, 2)

"""Losses for numbers: how far predictions are from targets. Formulas and defaults are Keras'."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import PositiveFloat
from ..numerics import EPSILON, l2_normalize, widen
from . import checks
from .base import Loss, _Elementwise, as_function


class MeanSquaredError(_Elementwise):
    """mean((t - y)^2) over the last axis, with targets t and predictions y.

    >>> float(MeanSquaredError()([[0.0, 2.0]], [[1.0, 4.0]]))
    2.5
    >>> mean_squared_error([[0.0, 2.0], [1.0, 1.0]], [[1.0, 4.0], [1.0, 1.0]]).tolist()
    [2.5, 0.0]
    """

    aliases = ("mse", "MSE")

    def element(self, y_true, y_pred):
        return jnp.square(y_true - y_pred)


class HalfMeanSquaredError(_Elementwise):
    """mean((t - y)^2) / 2 over the last axis: the form 1/(2n) of textbooks, whose gradient has no factor 2.

    >>> float(HalfMeanSquaredError()([[0.0, 2.0]], [[1.0, 4.0]]))
    1.25
    """

    aliases = ("half_mse",)

    def element(self, y_true, y_pred):
        return jnp.square(y_true - y_pred) / 2


class MeanAbsoluteError(_Elementwise):
    """mean(|t - y|) over the last axis.

    >>> float(MeanAbsoluteError()([[0.0, 2.0]], [[1.0, 4.0]]))
    1.5
    """

    aliases = ("mae", "MAE")

    def element(self, y_true, y_pred):
        return jnp.abs(y_true - y_pred)


class MeanAbsolutePercentageError(_Elementwise):
    """100 * mean(|t - y| / max(|t|, 1e-7)) over the last axis.

    >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """

    aliases = ("mape", "MAPE")

    def element(self, y_true, y_pred):
        return 100 * jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), EPSILON))


class MeanSquaredLogarithmicError(_Elementwise):
    """mean((log(1 + t) - log(1 + y))^2) over the last axis, both raised to 1e-7 at least.

    >>> round(float(MeanSquaredLogarithmicError()([[0.0, 0.0]], [[0.0, math.e - 1]])), 4)
    0.5
    """

    aliases = ("msle", "MSLE")

    def element(self, y_true, y_pred):
        return jnp.square(jnp.log(jnp.maximum(y_pred, EPSILON) + 1) - jnp.log(jnp.maximum(y_true, EPSILON) + 1))

    def check(self, y_true, output_shape, where="fit(y=...)"):
        super().check(y_true, output_shape, where)
        checks.within(np.asarray(y_true), 0, np.inf, where, "Logarithms need targets of 0 or more")


class LogCosh(_Elementwise):
    """mean(log(cosh(y - t))) over the last axis: about x^2 / 2 for small errors and |x| - log(2) for large ones.

    >>> round(float(LogCosh()([[0.0]], [[1e4]])), 2)
    9999.31
    """

    aliases = ("logcosh",)

    def element(self, y_true, y_pred):
        error = y_pred - y_true
        return error + jax.nn.softplus(-2 * error) - math.log(2)


class Huber(_Elementwise):
    """mean over the last axis of x^2 / 2 where |x| <= delta and delta * (|x| - delta / 2) elsewhere, x = y - t.

    Args:
        delta: the error from which on the loss is a straight line.

    Reference: Huber 1964, "Robust estimation of a location parameter".

    >>> Huber()([[0.0], [0.0]], [[1.0], [3.0]]).tolist()
    1.5
    """

    aliases = ("huber_loss",)
    delta: PositiveFloat = 1.0
    name: str | None = field(default="huber_loss", kw_only=True, repr=False)

    def element(self, y_true, y_pred):
        error = jnp.abs(y_pred - y_true)
        return jnp.where(error <= self.delta, jnp.square(error) / 2, self.delta * (error - self.delta / 2))


class Poisson(_Elementwise):
    """mean(y - t * log(y + 1e-7)) over the last axis: counts t against predicted rates y.

    >>> float(Poisson()([[0.0]], [[2.0]]))
    2.0
    """

    def element(self, y_true, y_pred):
        return y_pred - y_true * jnp.log(y_pred + EPSILON)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        super().check(y_true, output_shape, where)
        checks.within(np.asarray(y_true), 0, np.inf, where, "Poisson expects counts")


class CosineSimilarity(Loss):
    """-cos of the angle between targets and predictions: -1 where they point the same way, 1 where opposite ways.

    Args:
        axis: the axis of the vectors.

    >>> float(CosineSimilarity()([[1.0, 0.0]], [[0.0, 3.0]])), float(CosineSimilarity()([[2.0, 0.0]], [[4.0, 0.0]]))
    (-0.0, -1.0)
    """

    equal_shapes = True
    axis: int = -1

    def call(self, y_true, y_pred):
        return -jnp.sum(l2_normalize(y_true, self.axis) * l2_normalize(y_pred, self.axis), axis=self.axis)


def _levels(value: Any) -> tuple[float, ...]:
    levels = tuple(float(level) for level in (value if isinstance(value, (list, tuple)) else (value,)))
    if not levels or not all(0 < level < 1 for level in levels):
        raise ValueError(f"expected numbers between 0 and 1. Received: {value!r}")
    return levels


class Quantile(Loss):
    """The pinball loss, whose least expected value lies at a quantile: mean over q of max(q e, (q - 1) e), e = t - y_q.

    Predictions have a last axis with one number for every quantile, which targets lack: (batch, ..., quantiles)
    against (batch, ...), or (batch, ..., 1).

    Args:
        quantiles: those to be predicted, between 0 and 1, in the order of the last axis.

    Reference: Koenker and Bassett 1978, "Regression quantiles", https://doi.org/10.2307/1913643.

    >>> round(float(Quantile([0.1, 0.5, 0.9])([1.0], [[0.0, 1.0, 3.0]])), 4)
    0.1
    """

    aliases = ("pinball",)
    quantiles: Annotated[Any, _levels] = (0.1, 0.5, 0.9)

    def _prepared(self, y_true, y_pred):  # not `aligned`: the last axis is of quantiles, were there only one
        return widen(y_true), widen(y_pred)

    def call(self, y_true, y_pred):
        y_true = y_true[..., None] if y_true.ndim < y_pred.ndim else y_true
        if y_true.shape != (*y_pred.shape[:-1], 1) or y_pred.shape[-1] != len(self.quantiles):
            raise ValueError(
                f"Quantile: expected predictions (batch, ..., {len(self.quantiles)}), a number for each of "
                f"{self.quantiles}, and targets without that axis. Received {y_pred.shape} and {y_true.shape}"
            )
        error = y_true - y_pred
        levels = jnp.asarray(self.quantiles)
        return jnp.mean(jnp.maximum(levels * error, (levels - 1) * error), axis=-1)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        super().check(y_true, output_shape, where)
        checks.same_shape(np.asarray(y_true), (*output_shape[:-1], 1), "Quantile", where)


mse = MSE = mean_squared_error = as_function(MeanSquaredError)
half_mse = half_mean_squared_error = as_function(HalfMeanSquaredError)
mae = MAE = mean_absolute_error = as_function(MeanAbsoluteError)
mape = MAPE = mean_absolute_percentage_error = as_function(MeanAbsolutePercentageError)
msle = MSLE = mean_squared_logarithmic_error = as_function(MeanSquaredLogarithmicError)
log_cosh = as_function(LogCosh)
huber = as_function(Huber)
poisson = as_function(Poisson)
cosine_similarity = as_function(CosineSimilarity)
pinball = quantile = as_function(Quantile)

"""How far numbers are from targets: the errors that are losses too, and R squared."""

from __future__ import annotations

from typing import Annotated

import jax.numpy as jnp

from .. import losses
from ..config import non_negative, one_of
from ..errors import show_shape
from ..numerics import widen
from .base import Metric, matched, weights_of
from .moments import Moments
from .reductions import Averaged, FromLoss


class MeanSquaredError(FromLoss):
    """mean((t - y)^2).

    Args:
        name, dtype: see `Metric`.

    >>> print(MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]))
    0.25
    """

    aliases = ("mse", "MSE")
    loss = losses.MeanSquaredError


class RootMeanSquaredError(Averaged):
    """sqrt(mean((t - y)^2)), in the units of the targets; weights may be of samples or of each number.

    Args:
        name, dtype: see `Metric`.

    >>> print(RootMeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]))
    0.5
    """

    aliases = ("rmse", "RMSE")
    direction = "down"

    def values(self, y_true, y_pred):
        y_true, y_pred = matched(widen(y_true), widen(y_pred), "RootMeanSquaredError")
        return (y_true - y_pred) ** 2

    def compute(self, sums):
        return jnp.sqrt(super().compute(sums))


class MeanAbsoluteError(FromLoss):
    """mean(|t - y|).

    Args:
        name, dtype: see `Metric`.

    >>> print(MeanAbsoluteError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]))
    0.25
    """

    aliases = ("mae", "MAE")
    loss = losses.MeanAbsoluteError


class MeanAbsolutePercentageError(FromLoss):
    """100 · mean(|t - y| / max(|t|, 1e-7)).

    Args:
        name, dtype: see `Metric`.

    >>> print(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """

    aliases = ("mape", "MAPE")
    loss = losses.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(FromLoss):
    """mean((log(1 + t) - log(1 + y))^2), both raised to 1e-7 at least.

    Args:
        name, dtype: see `Metric`.

    >>> print(MeanSquaredLogarithmicError()([[1.0, 1.0]], [[1.0, 1.0]]))
    0.0
    """

    aliases = ("msle", "MSLE")
    loss = losses.MeanSquaredLogarithmicError


class LogCoshError(FromLoss):
    """mean(log(cosh(y - t))): squared for small errors, absolute for large ones.

    Args:
        name, dtype: see `Metric`.

    >>> print(LogCoshError()([[0.0]], [[0.0]]))
    0.0
    """

    default_name = "logcosh"
    aliases = ("logcosh", "log_cosh")
    loss = losses.LogCosh


class CosineSimilarity(Averaged):
    """The mean cosine of the angle between targets and predictions: 1 where they point the same way.

    Args:
        name, dtype: see `Metric`.
        axis: the axis of the vectors.

    >>> print(CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]))
    0.49999997
    """

    direction = "up"
    axis: int = -1

    def values(self, y_true, y_pred):
        return -losses.cosine_similarity(y_true, y_pred, self.axis)


class R2Score(Metric):
    """R squared: 1 - sum((t - y)^2) / sum((t - mean t)^2), the part of the targets' variance that is explained.

    Args:
        class_aggregation: over several outputs "uniform_average", "variance_weighted_average", or None for one score
            an output.
        num_regressors: of independent variables; above 0 the score is adjusted, 1 - (1 - R2)(n - 1)/(n - p - 1).
        name, dtype: see `Metric`.

    Shapes: (batch, outputs) or (batch,).

    >>> print(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]))
    0.5714286
    """

    direction = "up"

    class_aggregation: Annotated[str | None, one_of(None, "uniform_average", "variance_weighted_average")] = (
        "uniform_average"
    )
    num_regressors: Annotated[int, non_negative] = 0

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        y_true, y_pred = matched(widen(y_true), widen(y_pred), "R2Score")
        if y_true.ndim == 1:
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        if y_true.ndim != 2:
            raise ValueError(f"R2Score expects (batch, outputs). Received: shape {show_shape(y_true.shape)}")
        weight = weights_of(y_true, sample_weight, mask)
        return {
            "targets": Moments.of(y_true, weight),  # (outputs,)
            "residual": jnp.where(weight == 0, 0, weight * (y_true - y_pred) ** 2).sum(0),
            "samples": (weight != 0).any(1).sum().astype(y_true.dtype),
        }

    def compute(self, sums):
        spread = sums["targets"].squares
        exact = jnp.where(sums["residual"] == 0, 1.0, 0.0)  # targets that are all equal: hit or missed
        scores = jnp.where(spread == 0, exact, 1 - sums["residual"] / jnp.where(spread == 0, 1, spread))
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            total = spread.sum()
            varied = (scores * spread).sum() / jnp.where(total == 0, 1, total)
            scores = jnp.where(total == 0, scores.mean(), varied)  # where no target varies they count alike
        left = sums["samples"] - self.num_regressors - 1
        if self.num_regressors == 0:
            return scores
        adjusted = 1 - (1 - scores) * (sums["samples"] - 1) / jnp.where(left > 0, left, 1)
        return jnp.where(left > 0, adjusted, scores)  # too few samples to adjust for

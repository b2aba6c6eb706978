"""How predictions rise and fall with targets, along an axis of each sample."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..numerics import EPSILON, widen
from .base import matched, ratio
from .reductions import Averaged

Array = jax.Array


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """cov(t, y) / (std(t) · std(y)) along an axis; 0 where one of them is constant.

    Reference: Pearson 1895, "Note on regression and inheritance in the case of two parents".

    >>> print(pearson_correlation([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]]).round(4))
    [1.]
    """
    _, _, var_true, var_pred, covariance = _moments(y_true, y_pred, axis, "pearson_correlation")
    return ratio(covariance, jnp.sqrt(var_true * var_pred))


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """2 · cov(t, y) / (var(t) + var(y) + (mean t - mean y)^2 + 1e-7): correlation that also wants equal scales.

    Reference: Lin 1989, "A concordance correlation coefficient to evaluate reproducibility".

    >>> print(concordance_correlation([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]]).round(4))
    [1.]
    """
    mean_true, mean_pred, var_true, var_pred, covariance = _moments(y_true, y_pred, axis, "concordance_correlation")
    return 2 * covariance / (var_true + var_pred + (mean_true - mean_pred) ** 2 + EPSILON)


class PearsonCorrelation(Averaged):
    """The mean over samples of the correlation of targets and predictions along an axis.

    Args:
        name, dtype: see `Metric`.
        axis: along which a sample's numbers are compared; it is none of the batch.

    >>> print(f"{PearsonCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]):.4f}")
    0.9967
    """

    direction = "up"
    axis: int = -1

    def values(self, y_true, y_pred):
        return pearson_correlation(y_true, y_pred, self.axis)


class ConcordanceCorrelation(Averaged):
    """The mean over samples of the concordance correlation of targets and predictions along an axis.

    Args:
        name, dtype: see `Metric`.
        axis: along which a sample's numbers are compared; it is none of the batch.

    >>> print(f"{ConcordanceCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]):.4f}")
    0.9816
    """

    direction = "up"
    axis: int = -1

    def values(self, y_true, y_pred):
        return concordance_correlation(y_true, y_pred, self.axis)


def _moments(y_true: Any, y_pred: Any, axis: int, where: str) -> tuple[Array, ...]:
    """Means, variances and covariance along an axis."""
    y_true, y_pred = matched(widen(y_true), widen(y_pred), where)
    means = [y.mean(axis, keepdims=True) for y in (y_true, y_pred)]
    moved_true, moved_pred = y_true - means[0], y_pred - means[1]
    covariance = (moved_true * moved_pred).mean(axis)
    return (*(m.squeeze(axis) for m in means), (moved_true**2).mean(axis), (moved_pred**2).mean(axis), covariance)

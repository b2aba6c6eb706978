"""Losses for areas: how much predicted and true areas overlap."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from ..config import Axes, NonNegativeFloat
from ..numerics import EPSILON
from . import checks
from .base import Loss, as_function, spread


class _Overlap(Loss):
    """A loss of sums over areas. What is masked is no area: zeros on both sides."""

    equal_shapes = True
    outputs = "probabilities"
    axis = None

    def values(self, y_true, y_pred, mask):
        if mask is None:
            return super().values(y_true, y_pred, None)
        inside = spread(mask, y_true, "mask")
        values = self.call(jnp.where(inside, y_true, 0.0), jnp.where(inside, y_pred, 0.0))
        rows = inside.reshape(len(inside), -1).any(axis=1)  # (batch,)
        joined = range(y_true.ndim) if self.axis is None else np.atleast_1d(self.axis) % y_true.ndim
        return values, None if values.ndim and 0 in joined else rows

    def check(self, y_true, output_shape, where="fit(y=...)"):
        super().check(y_true, output_shape, where)
        checks.within(np.asarray(y_true), 0, 1, where, f"{type(self).__name__} expects masks of 0 and 1")


class Dice(_Overlap):
    """1 - 2 * sum(t * p) / (sum(t) + sum(p) + 1e-7): 0 where areas agree, 1 where they do not meet.

    Args:
        axis: the axes of the areas: (1, 2, 3) for one value an image; None for one value for the whole batch.

    Reference: Milletari et al. 2016, "V-Net", arXiv 1606.04797.

    >>> round(float(Dice()([[0.0, 1.0]], [[0.0, 1.0]])), 4)
    0.0
    """

    axis: Axes | None = None

    def call(self, y_true, y_pred):
        both = jnp.sum(y_true * y_pred, axis=self.axis)
        return 1 - 2 * both / (jnp.sum(y_true, axis=self.axis) + jnp.sum(y_pred, axis=self.axis) + EPSILON)


class Tversky(_Overlap):
    """1 - s / (s + alpha * sum(t * (1 - p)) + beta * sum(p * (1 - t)) + 1e-7) with the overlap s = sum(t * p).

    Args:
        alpha: the weight of what predictions miss.
        beta: the weight of what they claim wrongly; alpha = beta = 1/2 gives `Dice`.
        axis: the axes of the areas, as in `Dice`.

    Reference: Salehi et al. 2017, arXiv 1706.05721.

    >>> round(float(Tversky()([[1.0, 1.0]], [[0.0, 1.0]])), 4)
    0.3333
    """

    alpha: NonNegativeFloat = 0.5
    beta: NonNegativeFloat = 0.5
    axis: Axes | None = None

    def call(self, y_true, y_pred):
        both = jnp.sum(y_true * y_pred, axis=self.axis)
        missed = jnp.sum(y_true * (1 - y_pred), axis=self.axis)
        claimed = jnp.sum(y_pred * (1 - y_true), axis=self.axis)
        return 1 - both / (both + self.alpha * missed + self.beta * claimed + EPSILON)


dice = as_function(Dice)
tversky = as_function(Tversky)

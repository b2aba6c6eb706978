"""Losses for embeddings: samples of one class close together, samples of different classes apart."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import PositiveFloat
from ..errors import show_shape
from . import checks
from .base import Loss


class Circle(Loss):
    """log(1 + sum over positives exp(-g a (m - d)) * sum over negatives exp(g b (1 - m - d))), one value a sample.

    d = max(1 - cos, 0) are the distances to the other samples of the batch, positives those of the same class,
    m the margin, g = gamma, a = m + d and b = max(1 + m - d, 0). Pairs far from where they belong weigh more. Samples
    without a positive or without a negative do not count.

    Args:
        gamma: scale.
        margin: m, how far classes are kept apart.
        remove_diagonal: leave out the pair of a sample with itself.

    Embeddings, (batch, features), are expected to have length one; labels are numbers of classes, (batch,).

    Reference: Sun et al. 2020, "Circle loss", arXiv 2002.10857.

    >>> embeddings = np.eye(4)[[0, 0, 1, 1]]
    >>> float(Circle()([0, 0, 1, 1], embeddings)) < float(Circle()([0, 1, 0, 1], embeddings))
    True
    """

    gamma: PositiveFloat = 80.0
    margin: float = 0.4
    remove_diagonal: bool = True

    def call(self, y_true, y_pred):
        return circle(y_true, y_pred, None, None, self.remove_diagonal, self.gamma, self.margin)

    def values(self, y_true, y_pred, mask):
        if mask is not None:
            y_pred = jnp.where(mask[:, None], y_pred, 0.0)  # 0 times NaN is NaN in a product too
        values = _circle(y_true, y_pred, y_true, y_pred, self.remove_diagonal, self.gamma, self.margin, mask)
        return values, values > 0 if mask is None else mask & (values > 0)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        y_true = np.asarray(y_true)
        checks.numbers(y_true, where)
        checks.whole_numbers(y_true, "Circle", where)
        if len(output_shape) != 2 or y_true.shape[1:] not in ((), (1,)):
            raise ValueError(
                f"{where}: Circle expects one whole number a sample against embeddings (batch, features). Received: "
                f"shape {show_shape(y_true.shape)} against a model's output of shape {show_shape(output_shape)}"
            )


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> jax.Array:
    """The values of `Circle`, one a sample, not reduced.

    Args:
        y_true: numbers of classes, (batch,) or (batch, 1).
        y_pred: embeddings of length one, (batch, features).
        ref_labels: of the samples to compare with; by default y_true.
        ref_embeddings: of the samples to compare with; by default y_pred.
        remove_diagonal: leave out the pairs of samples with themselves.
        gamma: scale.
        margin: how far classes are kept apart.

    >>> circle(np.array([0, 0, 1]), np.eye(3)[[0, 0, 1]]).shape
    (3,)
    """
    embeddings = jnp.asarray(y_pred)
    references = embeddings if ref_embeddings is None else jnp.asarray(ref_embeddings)
    ref_labels = y_true if ref_labels is None else ref_labels
    return _circle(y_true, embeddings, ref_labels, references, remove_diagonal, gamma, margin)


circle.loss_class = Circle  # type: ignore[attr-defined]


def _circle(
    labels: Any,
    embeddings: jax.Array,
    ref_labels: Any,
    references: jax.Array,
    remove_diagonal: bool,
    gamma: float,
    margin: float,
    mask: jax.Array | None = None,
) -> jax.Array:
    labels, ref_labels = jnp.asarray(labels).ravel(), jnp.asarray(ref_labels).ravel()
    same = labels[:, None] == ref_labels[None, :]  # (batch, references)
    compared = ~jnp.eye(*same.shape, dtype=bool) if remove_diagonal else jnp.ones(same.shape, bool)
    if mask is not None:
        compared &= mask[None, :]
    positive, negative = same & compared, ~same & compared
    distances = jnp.maximum(1 - embeddings @ references.T, 0)  # (batch, references)
    pull = -gamma * jnp.maximum(margin + distances, 0) * (margin - distances)
    push = gamma * jnp.maximum(1 + margin - distances, 0) * (1 - margin - distances)
    complete = positive.any(axis=1) & negative.any(axis=1)
    return jnp.where(complete, jax.nn.softplus(_log_sum_exp(pull, positive) + _log_sum_exp(push, negative)), 0.0)


def _log_sum_exp(x: jax.Array, included: jax.Array) -> jax.Array:
    """Over the included entries of each row; rows without any are summed whole, to keep their gradients finite."""
    included |= ~included.any(axis=1, keepdims=True)
    return jax.nn.logsumexp(jnp.where(included, x, -jnp.inf), axis=1)

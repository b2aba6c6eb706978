"""Accuracies: how often predictions hit, as functions of one value a sample and as metrics."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import jax
import jax.numpy as jnp

from ..config import PositiveInt
from ..errors import show_shape
from ..ops.classes import argmax
from .base import matched
from .reductions import Averaged

Array = jax.Array


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Array:
    """1 where a prediction is on the side of the threshold that its label says, else 0; shaped as `y_pred`.

    >>> print(binary_accuracy([1, 0, 1], [[0.9], [0.8], [0.7]])[:, 0])
    [1. 0. 1.]
    """
    y_true, y_pred = matched(y_true, y_pred, "binary_accuracy")
    return _hits(y_true == (y_pred > threshold))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest prediction is that of the class with the largest target: (..., classes) -> (...).

    >>> print(categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]]))
    [1. 0.]
    """
    y_true, y_pred = matched(y_true, y_pred, "categorical_accuracy")
    return _hits(argmax(y_true) == argmax(y_pred))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """1 where the largest prediction is that of the class in `y_true`: (...) or (..., 1), (..., classes) -> (...).

    >>> print(sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]]))
    [1. 0.]
    """
    y_true, y_pred = _labels(y_true, y_pred, "sparse_categorical_accuracy")
    return _hits(y_true == argmax(y_pred))


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """1 where the class of the largest target is among the k largest predictions: (..., classes) -> (...).

    >>> print(top_k_categorical_accuracy([[0, 1, 0], [1, 0, 0]], [[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]], k=2))
    [1. 0.]
    """
    y_true, y_pred = matched(y_true, y_pred, "top_k_categorical_accuracy")
    return sparse_top_k_categorical_accuracy(argmax(y_true), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Array:
    """1 where the class in `y_true` is among the k largest predictions; one as large as the k-th counts too.

    Args:
        y_true: numbers of classes, (...) or (..., 1).
        y_pred: scores, (..., classes); with `from_sorted_ids` numbers of classes, the likeliest first.
        k: how many.
        from_sorted_ids: whether `y_pred` holds numbers of classes.

    >>> print(sparse_top_k_categorical_accuracy([1, 0], [[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]], k=2))
    [1. 0.]
    """
    y_true, y_pred = _labels(y_true, y_pred, "sparse_top_k_categorical_accuracy")
    if from_sorted_ids:
        return _hits((y_true[..., None] == y_pred[..., :k]).any(-1))
    classes = y_pred.shape[-1]
    labels = jnp.clip(y_true.astype(int), 0, classes - 1)
    score = jnp.take_along_axis(y_pred, labels[..., None], -1)
    larger = jnp.sum(y_pred > score, -1)
    return _hits((larger < k) & (y_true >= 0) & (y_true < classes) & ~jnp.isnan(score[..., 0]))


class Accuracy(Averaged):
    """How often predictions equal targets exactly.

    Args:
        name, dtype: see `Metric`.

    In `compile`, "accuracy" means the binary, categorical or sparse form that fits the shapes: see `resolve`.

    >>> print(Accuracy()([1, 2, 3, 4], [1, 2, 3, 5]))
    0.75
    """

    aliases = ("acc",)
    direction = "up"

    def values(self, y_true, y_pred):
        y_true, y_pred = matched(y_true, y_pred, "Accuracy")
        return _hits(y_true == y_pred)


class BinaryAccuracy(Averaged):
    """How often predictions are on the right side of a threshold.

    Args:
        name, dtype: see `Metric`.
        threshold: predictions above it say 1: 0.5 for probabilities, 0 for logits.

    >>> print(BinaryAccuracy()([1, 1, 0, 0], [0.98, 1.0, 0.0, 0.6]))
    0.75
    """

    direction = "up"
    threshold: float = 0.5

    def values(self, y_true, y_pred):
        return binary_accuracy(y_true, y_pred, self.threshold)


class CategoricalAccuracy(Averaged):
    """How often the largest prediction is that of the true class; targets are one-hot rows.

    Args:
        name, dtype: see `Metric`.

    >>> print(CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]]))
    0.5
    """

    direction = "up"

    def values(self, y_true, y_pred):
        return categorical_accuracy(y_true, y_pred)


class SparseCategoricalAccuracy(Averaged):
    """How often the largest prediction is that of the true class; targets are numbers of classes.

    Args:
        name, dtype: see `Metric`.

    >>> print(SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0.0]]))
    0.5
    """

    direction = "up"

    def values(self, y_true, y_pred):
        return sparse_categorical_accuracy(y_true, y_pred)


class _TopK(Averaged):
    """Fields of the two below, in Keras' order."""

    direction = "up"
    name: str | None = field(default=None, kw_only=True, repr=False)
    dtype: str | None = field(default=None, kw_only=True, repr=False)
    k: PositiveInt = 5


class TopKCategoricalAccuracy(_TopK):
    """How often the true class is among the k likeliest; targets are one-hot rows.

    Args:
        k: how many.
        name, dtype: see `Metric`.

    >>> print(TopKCategoricalAccuracy(k=2)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.0, 0.95]]))
    0.5
    """

    def values(self, y_true, y_pred):
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


class SparseTopKCategoricalAccuracy(_TopK):
    """How often the true class is among the k likeliest; targets are numbers of classes.

    Args:
        k: how many.
        name, dtype: see `Metric`.
        from_sorted_ids: predictions are numbers of classes already, the likeliest first.

    >>> print(SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]]))
    0.5
    """

    from_sorted_ids: bool = field(default=False, kw_only=True)

    def values(self, y_true, y_pred):
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)


def _hits(found: Array) -> Array:
    return found.astype("float32")


def _labels(y_true: Any, y_pred: Any, where: str) -> tuple[Array, Array]:
    """Numbers of classes (...) for scores (..., classes)."""
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    if y_true.shape != y_pred.shape[:-1]:
        raise ValueError(
            f"{where}: expected one class number for each row of y_pred, shape {show_shape(y_pred.shape[:-1])}. "
            f"Received: y_true of shape {show_shape(y_true.shape)}. One-hot rows want the form without 'sparse'"
        )
    return y_true, y_pred

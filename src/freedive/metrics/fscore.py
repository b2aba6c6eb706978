"""Precision and recall in one number."""

from __future__ import annotations

from typing import Annotated

import jax
import jax.numpy as jnp

from ..config import PositiveFloat, fraction, one_of, positive
from ..errors import show_shape
from ..numerics import EPSILON, widen
from .base import Metric, weights_of

Average = Annotated[str | None, one_of(None, "micro", "macro", "weighted")]
Threshold = Annotated[float, fraction, positive]


class _FScore(Metric):
    """What F-beta and F1 share: sums for each class, and their means."""

    direction = "up"
    average = None
    beta = 1.0
    threshold = None

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        y_true, y_pred = jnp.asarray(y_true), widen(y_pred)
        if y_pred.ndim == 2 and y_true.shape in (y_pred.shape[:1], (*y_pred.shape[:1], 1)) and y_pred.shape[1] > 1:
            y_true = jax.nn.one_hot(y_true.reshape(-1).astype(int), y_pred.shape[1])  # numbers of classes
        if y_pred.ndim != 2 or y_true.shape != y_pred.shape:
            raise ValueError(
                f"{type(self).__name__} expects predictions (batch, classes) against one-hot rows or numbers of "
                f"classes. Received: shapes {show_shape(y_true.shape)} and {show_shape(y_pred.shape)}"
            )
        y_true = y_true.astype(y_pred.dtype)
        if self.threshold is None:
            chosen = (y_pred >= y_pred.max(-1, keepdims=True)) & (abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        chosen = chosen.astype(y_pred.dtype)
        weight = weights_of(y_pred, sample_weight, mask)
        return {
            "true_positives": (weight * chosen * y_true).sum(0),  # (classes,)
            "false_positives": (weight * chosen * (1 - y_true)).sum(0),
            "false_negatives": (weight * (1 - chosen) * y_true).sum(0),
        }

    def compute(self, sums):
        tp, fp, fn = sums["true_positives"], sums["false_positives"], sums["false_negatives"]
        support = tp + fn  # how often each class is there
        if self.average == "micro":
            tp, fp, fn = tp.sum(), fp.sum(), fn.sum()
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        square = self.beta**2
        scores = (1 + square) * precision * recall / (square * precision + recall + EPSILON)
        if self.average == "weighted":
            return (scores * support).sum() / (support.sum() + EPSILON)
        return scores if self.average is None else scores.mean()


class FBetaScore(_FScore):
    """(1 + beta^2) · precision · recall / (beta^2 · precision + recall), for each class or over all.

    Args:
        average: None for one score a class, "macro" for their mean, "weighted" by how often classes are there,
            "micro" from the counts of all classes together.
        beta: how much more recall matters than precision.
        threshold: predictions above it are positive; None: the largest of each row.
        name, dtype: see `Metric`.

    Shapes: predictions (batch, classes), targets one-hot rows of that shape or numbers of classes (batch,).

    >>> y_true = jnp.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]])
    >>> y_pred = jnp.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
    >>> [f"{score:.4f}" for score in FBetaScore(beta=2.0, threshold=0.5)(y_true, y_pred)]
    ['0.3846', '0.9091', '0.8333']
    """

    default_name = "fbeta_score"
    aliases = ("fbeta_score",)

    average: Average = None
    beta: PositiveFloat = 1.0
    threshold: Threshold | None = None


class F1Score(_FScore):
    """The harmonic mean of precision and recall, 2 · precision · recall / (precision + recall).

    Args:
        average: None for one score a class, "macro" for their mean, "weighted" by how often classes are there,
            "micro" from the counts of all classes together.
        threshold: predictions above it are positive; None: the largest of each row.
        name, dtype: see `Metric`.

    Shapes: predictions (batch, classes), targets one-hot rows of that shape or numbers of classes (batch,).

    >>> print(f"{F1Score(average='macro')([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]]):.4f}")
    0.6667
    """

    aliases = ("f1",)

    average: Average = None
    threshold: Threshold | None = None

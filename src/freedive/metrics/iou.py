"""The confusion matrix of classes, and the overlap of predicted and true areas computed from it."""

# What is a constant of one metric is a field of another:
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import PositiveInt, integer
from ..numerics import EPSILON, widen
from .base import Metric, matched, weights_at, weights_of

Array = jax.Array


def confusion_matrix(y_true: Any, y_pred: Any, num_classes: int, weight: Array | None = None) -> Array:
    """How often each class (row) was taken for each (column), as float32; what is no class is left out.

    Args:
        y_true, y_pred: numbers of classes, of one shape.
        num_classes: how many classes.
        weight: of each pair, in the same shape.

    >>> print(confusion_matrix([0, 1, 1], [0, 1, 0], 2))
    [[1. 0.]
     [1. 1.]]
    """
    y_true, y_pred = jnp.asarray(y_true).astype(int), jnp.asarray(y_pred).astype(int)
    known = (y_true >= 0) & (y_true < num_classes) & (y_pred >= 0) & (y_pred < num_classes)
    weight = jnp.ones(y_true.shape, "float32") if weight is None else weight
    place = jnp.where(known, y_true * num_classes + y_pred, 0)
    return weights_at(place, jnp.where(known, weight, 0), num_classes**2).reshape(num_classes, num_classes)


class ConfusionMatrix(Metric):
    """How often each true class (row) was predicted as each class (column), by weights.

    Args:
        num_classes: how many classes.
        threshold: where predictions are single probabilities: above it they say class 1.
        name, dtype: see `Metric`.

    Shapes: targets (...) numbers of classes or (..., classes) one-hot rows; predictions (..., classes) scores,
    (...) or (..., 1) probabilities of class 1 for two classes, or (...) whole numbers of classes. Whole numbers are
    never scores, so that a sequence may be as long as there are classes.

    >>> print(ConfusionMatrix(2)([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    [[1. 0.]
     [1. 1.]]
    """

    num_classes: PositiveInt
    threshold: float = 0.5

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
        y_pred = self._classes(y_pred, scores=jnp.issubdtype(y_pred.dtype, jnp.floating))
        y_true = self._classes(y_true, scores=y_true.ndim > y_pred.ndim)
        y_true, y_pred = matched(y_true, y_pred, "ConfusionMatrix")
        weight = weights_of(y_pred, sample_weight, mask)
        return confusion_matrix(y_true, y_pred, self.num_classes, weight)

    def compute(self, sums):
        return sums

    def _classes(self, y: Array, scores: bool) -> Array:
        if scores and y.ndim > 1 and y.shape[-1] == self.num_classes > 1:
            return jnp.argmax(y, -1)
        y = y[..., 0] if y.ndim > 1 and y.shape[-1] == 1 else y
        probabilities = jnp.issubdtype(y.dtype, jnp.floating) and self.num_classes == 2
        return (y > self.threshold).astype(int) if probabilities else y


class _Overlap(Metric):
    """Intersection over union of areas, averaged over classes. Subclasses have some of these as fields."""

    num_classes: ClassVar[int]

    direction = "up"
    ignore_class = None
    sparse_y_true = True
    sparse_y_pred = True
    axis = -1

    def __post_init__(self):
        super().__post_init__()
        for i in self.chosen():
            if not 0 <= i < self.num_classes:
                raise ValueError(f"{type(self).__name__}: target class {i} is outside 0..{self.num_classes - 1}")

    def chosen(self) -> list[int]:
        """The classes whose overlaps are averaged."""
        return [integer(i) for i in getattr(self, "target_class_ids", range(self.num_classes))]

    def classes(self, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
        """Targets and predictions as numbers of classes, of one shape."""
        y_true = jnp.asarray(y_true) if self.sparse_y_true else jnp.argmax(jnp.asarray(y_true), self.axis)
        y_pred = jnp.asarray(y_pred) if self.sparse_y_pred else jnp.argmax(jnp.asarray(y_pred), self.axis)
        return matched(y_true, y_pred, type(self).__name__)

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        y_true, y_pred = self.classes(y_true, y_pred)
        weight = weights_of(y_pred, sample_weight, mask)
        if self.ignore_class is not None:
            weight = jnp.where(y_true == self.ignore_class, 0, weight)
        return confusion_matrix(y_true, y_pred, self.num_classes, weight)

    def compute(self, sums):
        both = jnp.diag(sums)
        either = sums.sum(0) + sums.sum(1) - both
        both, either = (area[jnp.array(self.chosen())] for area in (both, either))
        there = either > 1e-9  # a class that is nowhere has no overlap
        return jnp.where(there, both / (either + EPSILON), 0).sum() / (there.sum() + EPSILON)


class _Labels(_Overlap):
    """Fields of metrics of several classes."""

    ignore_class: int | None = field(default=None, kw_only=True)
    sparse_y_true: bool = field(default=True, kw_only=True)
    sparse_y_pred: bool = field(default=True, kw_only=True)
    axis: int = field(default=-1, kw_only=True)


class _OneHot(_Labels):
    """Fields where targets are one-hot rows."""

    sparse_y_true: bool = field(default=False, init=False)
    sparse_y_pred: bool = field(default=False, kw_only=True)


class IoU(_Labels):
    """Intersection over union TP / (TP + FP + FN) of chosen classes, averaged.

    Args:
        num_classes: how many classes.
        target_class_ids: the classes to look at.
        name, dtype: see `Metric`.
        ignore_class: a number that is no class: where targets have it nothing counts.
        sparse_y_true, sparse_y_pred: whether they are numbers of classes, or else scores along `axis`.
        axis: the axis of the classes in scores.

    >>> print(f"{IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]):.4f}")
    0.3333
    """

    num_classes: PositiveInt
    target_class_ids: Any


class BinaryIoU(_Overlap):
    """Intersection over union of two classes told apart by a threshold, averaged over the chosen ones.

    Args:
        target_class_ids: 0, 1 or both.
        threshold: predictions at or above it say class 1.
        name, dtype: see `Metric`.

    >>> print(f"{BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]):.4f}")
    0.3333
    """

    num_classes = 2

    target_class_ids: Any = (0, 1)
    threshold: float = 0.5

    def classes(self, y_true, y_pred):
        return matched(y_true, widen(y_pred) >= self.threshold, "BinaryIoU")


class MeanIoU(_Labels):
    """Intersection over union TP / (TP + FP + FN), averaged over all classes that are there.

    Args:
        num_classes: how many classes.
        name, dtype: see `Metric`.
        ignore_class: a number that is no class: where targets have it nothing counts.
        sparse_y_true, sparse_y_pred: whether they are numbers of classes, or else scores along `axis`.
        axis: the axis of the classes in scores.

    >>> print(f"{MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]):.4f}")
    0.3333
    """

    num_classes: PositiveInt


class OneHotIoU(_OneHot):
    """`IoU` with one-hot targets.

    Args:
        num_classes: how many classes.
        target_class_ids: the classes to look at.
        name, dtype: see `Metric`.
        ignore_class: a number that is no class: where targets have it nothing counts.
        sparse_y_pred: predictions are numbers of classes.
        axis: the axis of the classes in scores.

    >>> print(f"{OneHotIoU(2, [0])([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]):.4f}")
    0.5000
    """

    num_classes: PositiveInt
    target_class_ids: Any


class OneHotMeanIoU(_OneHot):
    """`MeanIoU` with one-hot targets.

    Args:
        num_classes: how many classes.
        name, dtype: see `Metric`.
        ignore_class: a number that is no class: where targets have it nothing counts.
        sparse_y_pred: predictions are numbers of classes.
        axis: the axis of the classes in scores.

    >>> print(f"{OneHotMeanIoU(2)([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]):.4f}")
    0.5000
    """

    num_classes: PositiveInt

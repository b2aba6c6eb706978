"""Hits and misses at thresholds: counts, precision and recall, and the best of one under a bound on another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from ..config import Fraction, PositiveInt, fraction, real
from ..errors import show_shape
from ..numerics import widen
from .base import Metric, matched, ratio, weights_at, weights_of

Array = jax.Array
Counts = dict[str, Array]  # "true_positives", ... -> (thresholds,) or (thresholds, labels)


def some_fractions(value: Any) -> Any:
    """One number from 0 to 1, or several."""
    if isinstance(value, (list, tuple)):
        return tuple(fraction(real(v)) for v in value)
    return fraction(real(value))


Thresholds = Annotated[Any, lambda value: None if value is None else some_fractions(value)]


def outcomes(y_true: Array, y_pred: Array, thresholds: Sequence[float], weight: Array) -> Counts:
    """True and false positives and negatives at each threshold, for each column.

    A prediction is positive at the thresholds it is above; so one look for its place among them, one sum for each place
    and sums over the places serve all thresholds at once.

    Args:
        y_true: labels, (samples, labels); above 0 is positive.
        y_pred: predictions of the same shape.
        thresholds: rising numbers.
        weight: of each prediction.

    Returns:
        {"true_positives": (thresholds, labels), ...}: float32, so that whole weights are exact up to 2^24.
    """
    y_pred = jnp.where(jnp.isnan(y_pred), -jnp.inf, y_pred)  # no number is above nothing
    place = jnp.searchsorted(jnp.asarray(thresholds, y_pred.dtype), y_pred)  # how many thresholds it is above
    labels = y_pred.shape[1]
    at_label = place * labels + jnp.arange(labels)
    is_positive = (y_true > 0).astype(weight.dtype)

    def above(w: Array) -> tuple[Array, Array]:
        at = weights_at(at_label, w, (len(thresholds) + 1) * labels).reshape(-1, labels)
        upwards = jnp.cumsum(at[::-1], axis=0)[::-1]
        return upwards[1:], upwards[0] - upwards[1:]

    true_positives, false_negatives = above(weight * is_positive)
    false_positives, true_negatives = above(weight * (1 - is_positive))
    return {
        "true_positives": true_positives,
        "false_positives": false_positives,
        "true_negatives": true_negatives,
        "false_negatives": false_negatives,
    }


class Confusion(Metric):
    """Base of metrics of outcomes at thresholds: name the `kinds` of outcomes needed and write `compute`."""

    kinds: ClassVar[tuple[str, ...]] = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    top_k = None  # fields of those that have them
    class_id = None

    def at(self) -> Sequence[float]:
        """The thresholds."""
        raise NotImplementedError

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        y_true, y_pred = matched(y_true, widen(y_pred), type(self).__name__)
        weight = weights_of(y_pred, sample_weight, mask)
        if self.top_k is not None:
            y_pred = _top(y_pred, self.top_k)
        if self.class_id is not None:
            self._check_class(y_pred, self.class_id)
            y_true, y_pred, weight = (y[..., self.class_id] for y in (y_true, y_pred, weight))
        y_true, y_pred, weight = (y.reshape(-1, 1) for y in (y_true, y_pred, weight))
        counts = outcomes(y_true, y_pred, sorted(self.at()), weight)
        back = [sorted(self.at()).index(t) for t in self.at()]  # in the order that the thresholds were given in
        return {kind: counts[kind][jnp.array(back), 0] for kind in self.kinds}

    def _check_class(self, y_pred: Array, one: int) -> None:
        if y_pred.ndim < 2 or not -y_pred.shape[-1] <= one < y_pred.shape[-1]:
            raise ValueError(
                f"{type(self).__name__}(class_id={one}): expected predictions (batch, ..., classes) with that class. "
                f"Received: shape {show_shape(y_pred.shape)}"
            )


class _AtThresholds(Confusion):
    """Fields and results of metrics with one number a threshold."""

    thresholds: Thresholds = None

    def at(self):
        fallback = 0.5 if self.top_k is None else -jnp.inf
        given = fallback if self.thresholds is None else self.thresholds
        return list(given) if isinstance(given, (list, tuple)) else [given]

    def compute(self, sums):
        value = self.score(*(sums[kind] for kind in self.kinds))
        return value[0] if len(self.at()) == 1 else value

    def score(self, *counts: Array) -> Array:
        return ratio(counts[0], counts[0] + counts[1])


class _Count(_AtThresholds):
    def score(self, *counts):
        return counts[0]


class TruePositives(_Count):
    """How many positives are found: labels 1 predicted above the threshold, by their weights.

    Args:
        thresholds: one number from 0 to 1 or several; 0.5 by default.
        name, dtype: see `Metric`.

    >>> print(TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
    2.0
    """

    kinds = ("true_positives",)


class TrueNegatives(_Count):
    """How many negatives are left alone: labels 0 predicted at or below the threshold, by their weights.

    Args:
        thresholds: one number from 0 to 1 or several; 0.5 by default.
        name, dtype: see `Metric`.

    >>> print(TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
    2.0
    """

    kinds = ("true_negatives",)


class FalsePositives(_Count):
    """False alarms: labels 0 predicted above the threshold, by their weights.

    Args:
        thresholds: one number from 0 to 1 or several; 0.5 by default.
        name, dtype: see `Metric`.

    >>> print(FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
    2.0
    """

    kinds = ("false_positives",)


class FalseNegatives(_Count):
    """Positives that are missed: labels 1 predicted at or below the threshold, by their weights.

    Args:
        thresholds: one number from 0 to 1 or several; 0.5 by default.
        name, dtype: see `Metric`.

    >>> print(FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
    2.0
    """

    kinds = ("false_negatives",)


class Precision(_AtThresholds):
    """The part of the predicted positives that are positive: TP / (TP + FP).

    Args:
        thresholds: one number from 0 to 1 or several; 0.5 by default, none with `top_k`.
        top_k: only the k largest predictions of a row can be positive.
        class_id: look at one class only.
        name, dtype: see `Metric`.

    Labels and predictions have one shape: for several classes, one-hot rows against probabilities.

    >>> print(Precision()([0, 1, 1, 1], [1, 0, 1, 1]))
    0.6666667
    """

    direction = "up"
    kinds = ("true_positives", "false_positives")

    top_k: PositiveInt | None = None
    class_id: int | None = None


class Recall(_AtThresholds):
    """The part of the positives that are found: TP / (TP + FN).

    Args:
        thresholds: one number from 0 to 1 or several; 0.5 by default, none with `top_k`.
        top_k: only the k largest predictions of a row can be positive.
        class_id: look at one class only.
        name, dtype: see `Metric`.

    Labels and predictions have one shape: for several classes, one-hot rows against probabilities.

    >>> print(Recall()([0, 1, 1, 1], [1, 0, 1, 1]))
    0.6666667
    """

    direction = "up"
    kinds = ("true_positives", "false_negatives")

    top_k: PositiveInt | None = None
    class_id: int | None = None


# the best of one rate where another is at least a value ---------------------------------------------------------------
RATES: dict[str, tuple[str, str]] = {
    "sensitivity": ("true_positives", "false_negatives"),
    "recall": ("true_positives", "false_negatives"),
    "specificity": ("true_negatives", "false_positives"),
    "precision": ("true_positives", "false_positives"),
}


class _Best(Confusion):
    """The largest `wanted` rate at the thresholds where the `bound` rate is at least the value of that field."""

    direction = "up"
    wanted: ClassVar[str]
    bound: ClassVar[str]
    num_thresholds = 200

    def at(self):
        n = self.num_thresholds
        return [0.5] if n == 1 else [i / (n - 1) for i in range(n)]

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        return super().sums(y_true, jnp.clip(widen(y_pred), 0, 1), sample_weight, mask)

    def compute(self, sums):
        wanted, bound = (ratio(sums[a], sums[a] + sums[b]) for a, b in (RATES[self.wanted], RATES[self.bound]))
        return jnp.max(jnp.where(bound >= getattr(self, self.bound), wanted, 0))


class SensitivityAtSpecificity(_Best):
    """The best sensitivity TP / (TP + FN) among thresholds with a specificity TN / (TN + FP) of at least a value.

    Args:
        specificity: the least specificity, from 0 to 1.
        num_thresholds: how many thresholds from 0 to 1 are tried.
        class_id: look at one class only.
        name, dtype: see `Metric`.

    >>> print(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    wanted, bound = "sensitivity", "specificity"

    specificity: Fraction
    num_thresholds: PositiveInt = 200
    class_id: int | None = None


class SpecificityAtSensitivity(_Best):
    """The best specificity TN / (TN + FP) among thresholds with a sensitivity TP / (TP + FN) of at least a value.

    Args:
        sensitivity: the least sensitivity, from 0 to 1.
        num_thresholds: how many thresholds from 0 to 1 are tried.
        class_id: look at one class only.
        name, dtype: see `Metric`.

    >>> print(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.6666667
    """

    wanted, bound = "specificity", "sensitivity"

    sensitivity: Fraction
    num_thresholds: PositiveInt = 200
    class_id: int | None = None


class PrecisionAtRecall(_Best):
    """The best precision TP / (TP + FP) among thresholds with a recall TP / (TP + FN) of at least a value.

    Args:
        recall: the least recall, from 0 to 1.
        num_thresholds: how many thresholds from 0 to 1 are tried.
        class_id: look at one class only.
        name, dtype: see `Metric`.

    >>> print(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    wanted, bound = "precision", "recall"

    recall: Fraction
    num_thresholds: PositiveInt = 200
    class_id: int | None = None


class RecallAtPrecision(_Best):
    """The best recall TP / (TP + FN) among thresholds with a precision TP / (TP + FP) of at least a value.

    Args:
        precision: the least precision, from 0 to 1.
        num_thresholds: how many thresholds from 0 to 1 are tried.
        class_id: look at one class only.
        name, dtype: see `Metric`.

    >>> print(RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.5
    """

    wanted, bound = "recall", "precision"

    precision: Fraction
    num_thresholds: PositiveInt = 200
    class_id: int | None = None


def _top(y_pred: Array, k: int) -> Array:
    """Predictions among the k largest of their row; the others can be above nothing."""
    chosen = jax.nn.one_hot(jax.lax.top_k(y_pred, k)[1], y_pred.shape[-1], dtype=bool, axis=-1).any(-2)
    return jnp.where(chosen, y_pred, -jnp.inf)

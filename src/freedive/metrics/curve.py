"""The area under a curve of rates over all thresholds."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import PositiveInt, one_of
from ..errors import show_shape
from ..numerics import EPSILON, widen
from .base import Metric, matched, ratio, weights_of
from .confusion import Thresholds, outcomes

Array = jax.Array


def two_or_more(value: int) -> int:
    """2 or more."""
    if value < 2:
        raise ValueError(f"expected 2 or more. Received: {value}")
    return value


class AUC(Metric):
    """The area under the ROC curve (true against false positive rate) or a precision-recall curve.

    The curve is taken at `num_thresholds` points and summed as a Riemann sum; for "PR" with "interpolation" as Davis
    and Goadrich do. 0.5 is chance for ROC.

    Args:
        num_thresholds: how many thresholds from 0 to 1.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation" (trapezoids), "minoring" or "majoring" (the lower or upper rectangles).
        name, dtype: see `Metric`.
        thresholds: the inner thresholds themselves, in place of `num_thresholds`.
        multi_label: one area for each column, then their mean.
        num_labels: how many columns, where it shall be checked.
        label_weights: of the columns.
        from_logits: predictions are scores; the sigmoid is taken first.

    Shapes: labels of 0 and 1 and predictions of any one shape; (batch, labels) for `multi_label`.

    Reference: Davis and Goadrich, "The relationship between precision-recall and ROC curves", ICML 2006; Flach and
    Kull, "Precision-recall-gain curves", NeurIPS 2015.

    >>> print(AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.75
    """

    direction = "up"

    num_thresholds: Annotated[PositiveInt, two_or_more] = 200
    curve: Annotated[str, str.upper, one_of("ROC", "PR", "PRGAIN")] = "ROC"
    summation_method: Annotated[str, str.lower, one_of("interpolation", "minoring", "majoring")] = "interpolation"
    thresholds: Thresholds = field(default=None, kw_only=True)
    multi_label: bool = field(default=False, kw_only=True)
    num_labels: PositiveInt | None = field(default=None, kw_only=True)
    label_weights: Any = field(default=None, kw_only=True)
    from_logits: bool = field(default=False, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        if self.num_labels is not None and not self.multi_label:
            raise ValueError(f"AUC(num_labels={self.num_labels}): labels are told apart only with multi_label=True")

    def at(self) -> list[float]:
        """All thresholds: the given ones or evenly spread ones, and one just below 0 and just above 1."""
        n = self.num_thresholds - 1
        inner = [i / n for i in range(1, n)] if self.thresholds is None else sorted(np.ravel(self.thresholds).tolist())
        return [-EPSILON, *inner, 1 + EPSILON]

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        y_true, y_pred = matched(y_true, widen(y_pred), "AUC")
        if self.multi_label and (y_pred.ndim != 2 or self.num_labels not in (None, y_pred.shape[1])):
            raise ValueError(
                f"AUC(multi_label=True) expects (batch, {self.num_labels or 'labels'}). "
                f"Received: shape {show_shape(y_pred.shape)}"
            )
        y_pred = jax.nn.sigmoid(y_pred) if self.from_logits else jnp.clip(y_pred, 0, 1)
        weight = weights_of(y_pred, sample_weight, mask)
        if self.multi_label:
            return outcomes(y_true, y_pred, self.at(), weight)
        if self.label_weights is not None:
            weight = weight * jnp.asarray(self.label_weights)
        y_true, y_pred, weight = (y.reshape(-1, 1) for y in (y_true, y_pred, weight))
        return {kind: counts[:, 0] for kind, counts in outcomes(y_true, y_pred, self.at(), weight).items()}

    def compute(self, sums):
        tp, fp, tn, fn = (sums[f"{a}_{b}"] for a, b in _KINDS)  # (thresholds,) or (thresholds, labels)
        if (self.curve, self.summation_method) == ("PR", "interpolation"):
            areas = _interpolated(tp, fp, fn)
        else:
            x, y = _CURVES[self.curve](tp, fp, tn, fn)
            areas = -jnp.diff(x, axis=0) * _HEIGHTS[self.summation_method](y[:-1], y[1:])
        by_label = areas.sum(0)
        if not self.multi_label or self.label_weights is None:
            return by_label.mean()
        weights = jnp.asarray(self.label_weights, by_label.dtype)
        return ratio((by_label * weights).sum(), weights.sum())


_KINDS = [("true", "positives"), ("false", "positives"), ("true", "negatives"), ("false", "negatives")]
_HEIGHTS = {
    "interpolation": lambda a, b: (a + b) / 2,
    "minoring": jnp.minimum,
    "majoring": jnp.maximum,
}


def _roc(tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    return ratio(fp, fp + tn), ratio(tp, tp + fn)


def _precision_recall(tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    return ratio(tp, tp + fn), ratio(tp, tp + fp)


def _gain(tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    """Precision and recall as gains over predicting "positive" always."""
    odds = ratio(tp + fn, tn + fp)
    recall, precision = (1 - odds * ratio(missed, tp) for missed in (fn, fp))
    return jnp.maximum(jnp.where(tp == 0, 0, recall), 0), jnp.where(tp == 0, 1, precision)


_CURVES = {"ROC": _roc, "PR": _precision_recall, "PRGAIN": _gain}


def _interpolated(tp: Array, fp: Array, fn: Array) -> Array:
    """Areas between thresholds under precision over recall, where false positives grow in line with true ones."""
    found = tp + fp
    slope = ratio(tp[:-1] - tp[1:], jnp.maximum(found[:-1] - found[1:], 0))
    start = tp[1:] - slope * found[1:]
    growth = jnp.where((found[:-1] > 0) & (found[1:] > 0), ratio(found[:-1], found[1:]), 1)
    return ratio(slope * (tp[:-1] - tp[1:] + start * jnp.log(growth)), tp[1:] + fn[1:])

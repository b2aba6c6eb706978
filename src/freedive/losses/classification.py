"""Losses for classes: cross-entropy in its forms, and other distances between distributions.

With `from_logits=True` predictions are the scores before a softmax or sigmoid, and logarithms are taken of exponential
sums, never of rounded probabilities. From probabilities, those are clipped to 1e-7..1 - 1e-7 as in Keras.
"""

from __future__ import annotations

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid, softplus

from ..activations import log_softmax
from ..config import Fraction, NonNegativeFloat
from ..errors import show_shape
from ..numerics import EPSILON
from ..ops import classes
from . import checks
from .base import Loss, _Elementwise, as_function


def between(value: float) -> float:
    """More than 0, less than 1."""
    if not 0 < value < 1:
        raise ValueError(f"expected a number between 0 and 1. Received: {value!r}")
    return value


Between = Annotated[float, between]
SMALLEST = 1e-37  # near the smallest normal float32: what a power is taken of where its base is zero


# two classes ----------------------------------------------------------------------------------------------------------
class BinaryCrossentropy(_Elementwise):
    """-mean(t * log(p) + (1 - t) * log(1 - p)) over an axis: yes-or-no labels t against probabilities p.

    Args:
        from_logits: predictions are scores z with p = sigmoid(z).
        label_smoothing: moves targets towards 1/2: t * (1 - s) + s / 2.
        axis: the axis of the mean.

    >>> round(float(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])), 4)
    0.6931
    >>> BinaryCrossentropy(from_logits=True)([[1.0], [0.0]], [[1e4], [1e4]]).tolist()
    5000.0
    """

    aliases = ("bce", "BCE")
    exclusive = False
    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    def element(self, y_true, y_pred):
        return binary_entropy(soften(y_true, self.label_smoothing, 2), y_pred, self.from_logits)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        super().check(y_true, output_shape, where)
        check_binary(np.asarray(y_true), where)


class BinaryFocalCrossentropy(_Elementwise):
    """(1 - q)^gamma times the binary cross-entropy, q the probability of the true side: hard samples weigh more.

    Args:
        apply_class_balancing: weigh samples of class 1 by alpha, those of class 0 by 1 - alpha.
        alpha: the weight of class 1.
        gamma: how much easy samples are faded out; 0 gives `BinaryCrossentropy`.
        from_logits: predictions are scores z with p = sigmoid(z).
        label_smoothing: moves targets towards 1/2.
        axis: the axis of the mean.

    Reference: Lin et al. 2017, "Focal loss for dense object detection", arXiv 1708.02002.

    >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
    0.1733
    """

    exclusive = False
    apply_class_balancing: bool = False
    alpha: Fraction = 0.25
    gamma: NonNegativeFloat = 2.0
    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    def element(self, y_true, y_pred):
        t = soften(y_true, self.label_smoothing, 2)
        p, rest = (sigmoid(y_pred), sigmoid(-y_pred)) if self.from_logits else (y_pred, 1 - y_pred)
        values = power(t * rest + (1 - t) * p, self.gamma) * binary_entropy(t, y_pred, self.from_logits)
        return values * (t * self.alpha + (1 - t) * (1 - self.alpha)) if self.apply_class_balancing else values

    def check(self, y_true, output_shape, where="fit(y=...)"):
        super().check(y_true, output_shape, where)
        check_binary(np.asarray(y_true), where)


# several classes ------------------------------------------------------------------------------------------------------
class CategoricalCrossentropy(Loss):
    """-sum(t * log(p)) over the classes: one-hot rows (or probabilities) t against probabilities p.

    Args:
        from_logits: predictions are scores z with p = softmax(z).
        label_smoothing: moves targets towards equal probabilities: t * (1 - s) + s / classes.
        axis: the axis of the classes.

    >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    equal_shapes = True
    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    def call(self, y_true, y_pred):
        t = soften(y_true, self.label_smoothing, y_true.shape[self.axis])
        return -jnp.sum(times(t, log_probabilities(y_pred, self.from_logits, self.axis)), axis=self.axis)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        check_rows(self, np.asarray(y_true), output_shape, where)


class CategoricalFocalCrossentropy(Loss):
    """-sum(alpha * (1 - p)^gamma * t * log(p)) over the classes: hard samples weigh more.

    Args:
        alpha: a weight for all classes, or one for each.
        gamma: how much easy samples are faded out.
        from_logits: predictions are scores z with p = softmax(z).
        label_smoothing: moves targets towards equal probabilities.
        axis: the axis of the classes.

    Reference: Lin et al. 2017, "Focal loss for dense object detection", arXiv 1708.02002.

    >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.0433
    """

    equal_shapes = True
    alpha: Any = 0.25
    gamma: NonNegativeFloat = 2.0
    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    def call(self, y_true, y_pred):
        t = soften(y_true, self.label_smoothing, y_true.shape[self.axis])
        log_p = log_probabilities(y_pred, self.from_logits, self.axis)
        rest = -jnp.expm1(log_p) if self.from_logits else 1 - jnp.exp(log_p)
        return -jnp.sum(jnp.asarray(self.alpha) * power(rest, self.gamma) * times(t, log_p), axis=self.axis)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        check_rows(self, np.asarray(y_true), output_shape, where)


class SparseCategoricalCrossentropy(Loss):
    """-log(p[k]) of the true class k: numbers of classes, (batch, ...) or (batch, ..., 1), against probabilities.

    A number outside 0..classes - 1 gives NaN, so that it cannot stay unnoticed.

    Args:
        from_logits: predictions are scores z with p = softmax(z).
        ignore_class: a number that stands for "no label"; such samples do not count.
        axis: the axis of the classes.
        label_smoothing: s, moves targets towards equal probabilities: -(1 - s) log(p[k]) - s mean(log(p)).

    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
    0.6931
    >>> SparseCategoricalCrossentropy(from_logits=True)([0, 1], [[1e4, 0.0], [1e4, 0.0]]).tolist()
    5000.0
    """

    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1
    label_smoothing: Fraction = 0.0

    def call(self, y_true, y_pred):
        labels = class_labels(y_true, y_pred, self.axis, type(self).__name__)
        counted = self._counted(labels)
        if not (self.from_logits or self.label_smoothing):  # one logarithm a row, and not one a class
            return jnp.where(counted, -log_of(classes.share(y_pred, labels, self.axis)), 0.0)
        log_p = log_probabilities(y_pred, self.from_logits, self.axis)
        gained = chosen(log_p, labels, self.axis)
        if s := self.label_smoothing:
            gained = (1 - s) * gained + s * jnp.mean(log_p, axis=self.axis)
        return jnp.where(counted, -gained, 0.0)

    def values(self, y_true, y_pred, mask):
        values, mask = super().values(y_true, y_pred, mask)
        if self.ignore_class is not None:
            counted = self._counted(class_labels(y_true, y_pred, self.axis, type(self).__name__))
            mask = counted if mask is None else counted & mask
        return values, mask

    def _counted(self, labels: jax.Array) -> Any:
        return True if self.ignore_class is None else labels != self.ignore_class

    def check(self, y_true, output_shape, where="fit(y=...)"):
        check_labels(self, np.asarray(y_true), output_shape, where, self.axis, self.ignore_class)


class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p[k]^q) / q of the true class k: between cross-entropy (q to 0) and mean absolute error (q to 1).

    Wrong labels pull less than in cross-entropy.

    Args:
        q: more than 0, less than 1.

    Reference: Zhang and Sabuncu 2018, arXiv 1805.07836.

    >>> float(CategoricalGeneralizedCrossEntropy()([0], [[0.25, 0.75]]))
    1.0
    """

    outputs = "probabilities"
    q: Between = 0.5

    def call(self, y_true, y_pred):
        labels = class_labels(y_true, y_pred, -1, type(self).__name__)
        return (1 - power(chosen(y_pred, labels, -1), self.q)) / self.q

    def check(self, y_true, output_shape, where="fit(y=...)"):
        check_labels(self, np.asarray(y_true), output_shape, where)


class KLDivergence(Loss):
    """sum(t * log(t / p)) over the last axis, both clipped to 1e-7..1: how far probabilities p are from those of t.

    >>> round(float(KLDivergence()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    aliases = ("kld", "KLD", "kullback_leibler_divergence")
    equal_shapes = True
    outputs = "probabilities"

    def call(self, y_true, y_pred):
        t, p = jnp.clip(y_true, EPSILON, 1), jnp.clip(y_pred, EPSILON, 1)
        return jnp.sum(t * jnp.log(t / p), axis=-1)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        super().check(y_true, output_shape, where)
        checks.within(np.asarray(y_true), 0, 1, where, "KLDivergence compares probabilities")


bce = BCE = binary_crossentropy = as_function(BinaryCrossentropy)
binary_focal_crossentropy = as_function(BinaryFocalCrossentropy)
categorical_crossentropy = as_function(CategoricalCrossentropy)
categorical_focal_crossentropy = as_function(CategoricalFocalCrossentropy)
sparse_categorical_crossentropy = as_function(SparseCategoricalCrossentropy)
categorical_generalized_cross_entropy = as_function(CategoricalGeneralizedCrossEntropy)
kld = KLD = kl_divergence = as_function(KLDivergence)


# formulas -------------------------------------------------------------------------------------------------------------
def binary_entropy(t: jax.Array, y_pred: jax.Array, from_logits: bool) -> jax.Array:
    """-t log(p) - (1 - t) log(1 - p), element by element; -log(sigmoid(z)) = softplus(-z)."""
    if from_logits:
        return t * softplus(-y_pred) + (1 - t) * softplus(y_pred)
    p = jnp.clip(y_pred, EPSILON, 1 - EPSILON)
    return -t * jnp.log(p) - (1 - t) * jnp.log(1 - p)


def log_probabilities(y_pred: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    """log(p), from scores or from probabilities, which are first made to sum to one."""
    return log_softmax(y_pred, axis) if from_logits else log_of(shares(y_pred, axis))


def shares(y_pred: jax.Array, axis: int) -> jax.Array:
    """Probabilities that sum to one."""
    total = jnp.sum(y_pred, axis=axis, keepdims=True)
    return y_pred / jnp.where(total == 0, 1.0, total)


def log_of(p: jax.Array) -> jax.Array:
    """log(p), finite at zero."""
    return jnp.log(jnp.clip(p, EPSILON, 1 - EPSILON))


def soften(t: jax.Array, smoothing: float, classes: int) -> jax.Array:
    """Targets moved towards equal probabilities."""
    return t * (1 - smoothing) + smoothing / classes if smoothing else t


def times(t: jax.Array, log_p: jax.Array) -> jax.Array:
    """t * log(p), zero where t is zero, even if p is zero too: as a class that is masked out by a score of -inf."""
    return jnp.where(t == 0, 0.0, t * log_p)


def power(base: jax.Array, exponent: float) -> jax.Array:
    """base^exponent, with a finite gradient at zero."""
    return jnp.power(jnp.maximum(base, SMALLEST), exponent)


def class_labels(y_true: jax.Array, y_pred: jax.Array, axis: int, loss: str) -> jax.Array:
    """Numbers of classes, shaped as predictions without the axis of the classes."""
    shape = list(y_pred.shape)
    del shape[axis]
    labels = y_true.squeeze(axis) if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1 else y_true
    if labels.shape != tuple(shape):
        raise ValueError(
            f"{loss}: y_true has shape {show_shape(y_true.shape)}, y_pred has shape {show_shape(y_pred.shape)}. "
            f"Expected y_true to hold one whole number for each row of classes, shape {show_shape(shape)}"
        )
    return labels.astype(jnp.int32)


def chosen(x: jax.Array, labels: jax.Array, axis: int) -> jax.Array:
    """The entry of each row at its label; NaN for a label that no entry has."""
    classes = x.shape[axis]
    hot = jax.nn.one_hot(labels, classes, axis=axis, dtype=bool)
    return jnp.where((labels >= 0) & (labels < classes), jnp.sum(jnp.where(hot, x, 0.0), axis=axis), jnp.nan)


# checks ---------------------------------------------------------------------------------------------------------------
def check_binary(y: np.ndarray, where: str) -> None:
    """Labels from 0 to 1; the usual mistakes have hints of their own."""
    hint = "Binary cross-entropy expects labels from 0 to 1"
    if y.size and y.min() == -1 and y.max() <= 1:
        hint = "For labels -1 and 1 use loss='hinge', or give (y + 1) / 2"
    elif y.size and y.min() >= 0:
        hint = "For more than two classes use one unit a class and loss='sparse_categorical_crossentropy'"
    checks.within(y, 0, 1, where, hint)


def check_rows(loss: Any, y: np.ndarray, output_shape: checks.Shape, where: str) -> None:
    """One-hot rows, or rows of probabilities."""
    name = type(loss).__name__
    axis = getattr(loss, "axis", -1)
    checks.numbers(y, where)
    checks.several_classes(output_shape, axis, name, where)
    checks.one_row_a_sample(y, output_shape, axis, name, where)
    checks.same_shape(y, output_shape, name, where)
    checks.within(y, 0, 1, where, f"{name} expects one-hot rows, or rows of probabilities")
    checks.sum_to_one(y, axis, name, where)


def check_labels(
    loss: Loss, y: np.ndarray, output_shape: checks.Shape, where: str, axis: int = -1, ignored: int | None = None
) -> None:
    """Numbers of classes."""
    name = type(loss).__name__
    checks.numbers(y, where)
    checks.several_classes(output_shape, axis, name, where)
    checks.class_numbers(y, output_shape, axis, name, where, ignored)

"""The losses between distributions, as metrics."""

from __future__ import annotations

from .. import losses
from ..config import Fraction
from .reductions import FromLoss


class KLDivergence(FromLoss):
    """sum(t · log(t / y)) over the classes: how far predicted distributions y are from true ones t.

    Args:
        name, dtype: see `Metric`.

    >>> print(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
    0.0
    """

    aliases = ("kld", "KLD")
    loss = losses.KLDivergence


class Poisson(FromLoss):
    """mean(y - t · log(y + 1e-7)): counts t against predicted rates y.

    Args:
        name, dtype: see `Metric`.

    >>> print(Poisson()([[0.0]], [[2.0]]))
    2.0
    """

    loss = losses.Poisson


class BinaryCrossentropy(FromLoss):
    """mean(-t · log(p) - (1 - t) · log(1 - p)).

    Args:
        name, dtype: see `Metric`.
        from_logits: predictions are scores, not probabilities.
        label_smoothing: moves labels this far towards 1/2.

    >>> print(BinaryCrossentropy(from_logits=True)([[1.0, 0.0]], [[0.0, 0.0]]))
    0.6931472
    """

    aliases = ("bce", "BCE")
    loss = losses.BinaryCrossentropy
    from_logits: bool = False
    label_smoothing: Fraction = 0.0


class CategoricalCrossentropy(FromLoss):
    """-sum(t · log(p)) over the classes; targets are one-hot rows or distributions.

    Args:
        name, dtype: see `Metric`.
        from_logits: predictions are scores, not probabilities.
        label_smoothing: moves labels this far towards one over the number of classes.
        axis: the axis of the classes.

    >>> print(CategoricalCrossentropy(from_logits=True)([[1.0, 0.0]], [[0.0, 0.0]]))
    0.6931472
    """

    loss = losses.CategoricalCrossentropy
    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1


class SparseCategoricalCrossentropy(FromLoss):
    """-log(p[k]) of the true class k; targets are numbers of classes.

    Args:
        name, dtype: see `Metric`.
        from_logits: predictions are scores, not probabilities.
        ignore_class: a number that is no class: where targets have it nothing counts.
        axis: the axis of the classes.

    >>> print(SparseCategoricalCrossentropy(from_logits=True)([1], [[0.0, 0.0]]))
    0.6931472
    """

    loss = losses.SparseCategoricalCrossentropy
    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

"""The losses with a margin, as metrics."""

from __future__ import annotations

from .. import losses
from .reductions import FromLoss


class Hinge(FromLoss):
    """mean(max(1 - t · y, 0)), labels t of -1 and 1 (or 0 and 1) against scores y.

    Args:
        name, dtype: see `Metric`.

    >>> print(Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.0
    """

    loss = losses.Hinge


class SquaredHinge(FromLoss):
    """mean(max(1 - t · y, 0)^2), labels t of -1 and 1 (or 0 and 1) against scores y.

    Args:
        name, dtype: see `Metric`.

    >>> print(SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.25
    """

    loss = losses.SquaredHinge


class CategoricalHinge(FromLoss):
    """max(1 + largest score of a wrong class - score of the true class, 0); targets are one-hot rows.

    Args:
        name, dtype: see `Metric`.

    >>> print(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]]))
    1.25
    """

    loss = losses.CategoricalHinge

"""Losses with a margin: predictions on the right side by more than 1 cost nothing."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from . import checks
from .base import Loss, _Elementwise, as_function
from .classification import check_rows


class _TwoSides(_Elementwise):
    """Labels -1 and 1 against scores; labels 0 mean -1."""

    def margin(self, y_true, y_pred):
        side = jnp.where(y_true == 0, -1.0, y_true)
        return jnp.maximum(1 - side * y_pred, 0)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        super().check(y_true, output_shape, where)
        checks.two_sides(np.asarray(y_true), type(self).__name__, where)


class Hinge(_TwoSides):
    """mean(max(1 - t * y, 0)) over the last axis, labels t of -1 and 1 (or 0 and 1) against scores y.

    Reference: Cortes and Vapnik 1995, "Support-vector networks".

    >>> float(Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.0
    """

    def element(self, y_true, y_pred):
        return self.margin(y_true, y_pred)


class SquaredHinge(_TwoSides):
    """mean(max(1 - t * y, 0)^2) over the last axis, labels t of -1 and 1 (or 0 and 1) against scores y.

    >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.25
    """

    def element(self, y_true, y_pred):
        return jnp.square(self.margin(y_true, y_pred))


class CategoricalHinge(Loss):
    """max(1 + largest score of a wrong class - score of the true class, 0), one-hot rows against scores.

    As in Keras, 0 stands in for the true class among the wrong ones.

    >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]]))
    1.25
    """

    equal_shapes = True

    def call(self, y_true, y_pred):
        right = jnp.sum(y_true * y_pred, axis=-1)
        wrong = jnp.max((1 - y_true) * y_pred, axis=-1)
        return jnp.maximum(wrong - right + 1, 0)

    def check(self, y_true, output_shape, where="fit(y=...)"):
        check_rows(self, np.asarray(y_true), output_shape, where)


hinge = as_function(Hinge)
squared_hinge = as_function(SquaredHinge)
categorical_hinge = as_function(CategoricalHinge)

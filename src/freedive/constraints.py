"""Constraints: what a weight must keep to, applied after every update.

A constraint is a pure function of the weight. Names, defaults and formulas are Keras'.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from . import config
from .config import Axes, Configured, Family, Fraction, NonNegativeFloat
from .numerics import EPSILON

FAMILY = Family("constraint")
__getattr__ = FAMILY.other_names(__name__)  # max_norm for MaxNorm


def get(identifier: Any) -> Any:
    """The constraint that an argument means: None, a name, a constraint, its class or configuration, or a function.

    >>> get("non_neg"), get(None)
    (NonNeg(), None)
    """
    return config.get(FAMILY, identifier, Constraint)


ConstraintLike = Annotated[Any, get]  # the type of a field that holds a constraint, given as `get` takes it


class Constraint(Configured):
    """Base of the constraints: subclass it and write `__call__`. As a field's type it takes whatever `get` takes.

    Example:

    >>> class Whole(Constraint):
    ...     def __call__(self, weights):
    ...         return jnp.round(weights)
    >>> Whole()(jnp.array([0.4, 1.6])).tolist()
    [0.0, 2.0]
    """

    family: ClassVar[Family | None] = FAMILY
    convert = staticmethod(get)

    def __call__(self, weights: jax.Array) -> jax.Array:
        """The nearest weights that keep to the constraint: same shape, same type."""
        raise NotImplementedError(f"{type(self).__name__} needs a __call__ method: __call__(weights) -> weights")


class NonNeg(Constraint):
    """No weight below zero: max(w, 0).

    >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, weights):
        return jnp.maximum(weights, 0)


class MaxNorm(Constraint):
    """Norms of at most `max_value`; smaller ones stay. Reference: Srivastava et al. 2014, "Dropout", section 5.1.

    Args:
        max_value: the largest norm.
        axis: the axis, or axes, that the norm is taken over: 0 for the inputs of each unit of a `Dense` kernel,
            (0, 1, 2) for each filter of a `Conv2D` kernel.

    >>> print(jnp.linalg.norm(MaxNorm(2.0)(jnp.array([[3.0, 0.3], [4.0, 0.4]])), axis=0).round(4))
    [2.  0.5]
    """

    max_value: NonNegativeFloat = 2.0
    axis: Axes = 0

    def __call__(self, weights):
        norms = _norms(weights, self.axis)
        return _with_norms(weights, norms, jnp.minimum(norms, self.max_value))


class UnitNorm(Constraint):
    """Norms of one.

    Args:
        axis: the axis, or axes, that the norm is taken over, as in `MaxNorm`.

    >>> print(UnitNorm()(jnp.array([[3.0], [4.0]])))
    [[0.6]
     [0.8]]
    """

    axis: Axes = 0

    def __call__(self, weights):
        return _with_norms(weights, _norms(weights, self.axis), 1.0)


class MinMaxNorm(Constraint):
    """Norms from `min_value` to `max_value`, or a step of `rate` in that direction.

    norm <- rate * clip(norm, min_value, max_value) + (1 - rate) * norm

    Args:
        min_value: the smallest norm.
        max_value: the largest norm.
        rate: 1 for strictly; less to move towards the bounds a part of the way at every update.
        axis: the axis, or axes, that the norm is taken over, as in `MaxNorm`.

    >>> print(jnp.linalg.norm(MinMaxNorm(1.0, 2.0)(jnp.array([[3.0, 0.3], [4.0, 0.4]])), axis=0).round(4))
    [2. 1.]
    """

    min_value: NonNegativeFloat = 0.0
    max_value: NonNegativeFloat = 1.0
    rate: Fraction = 1.0
    axis: Axes = 0

    def __post_init__(self):
        super().__post_init__()
        if self.min_value > self.max_value:
            raise ValueError(f"{self!r}: expected min_value to be at most max_value")

    def __call__(self, weights):
        norms = _norms(weights, self.axis)
        wanted = self.rate * jnp.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return _with_norms(weights, norms, wanted)


def _norms(weights: jax.Array, axis: int | tuple[int, ...]) -> jax.Array:
    return jnp.sqrt(jnp.sum(jnp.square(weights), axis=axis, keepdims=True))


def _with_norms(weights: jax.Array, norms: jax.Array, wanted: Any) -> jax.Array:
    return weights * (wanted / (norms + EPSILON))

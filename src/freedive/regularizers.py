"""Regularizers: penalties on weights (or on what a layer answers) that are added to the loss.

A regularizer is a pure function of an array. Its strengths are numbers in its fields; `penalty` takes them as
arguments, so that a compiled run can try other strengths without compiling again. Names, defaults and formulas are
Keras'; `BatchL2` and `StochasticL2` are the two forms of weight decay of textbooks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp

from . import config
from .config import Configured, Family, PositiveInt, configured_fields, finite, non_negative, one_of
from .errors import show_shape
from .numerics import l2_normalize, widen

Strength = Annotated[float, non_negative, finite]

FAMILY = Family("regularizer")
__getattr__ = FAMILY.other_names(__name__)  # l2 for L2


def get(identifier: Any) -> Any:
    """The regularizer that an argument means: None, a name, a regularizer, its class or configuration, or a function.

    >>> get("l2"), get("l1_l2"), get(None)
    (L2(), L1L2(l1=0.01, l2=0.01), None)
    """
    if isinstance(identifier, str) and identifier in FAMILY and FAMILY.find(identifier) is L1L2:
        return L1L2(0.01, 0.01)  # the defaults of the class, zeros, would do nothing
    found = config.get(FAMILY, identifier, Regularizer)
    return found if found is None or isinstance(found, Regularizer) else FunctionRegularizer(found)


RegularizerLike = Annotated[Any, get]  # the type of a field that holds a regularizer, given as `get` takes it


class Regularizer(Configured):
    """Base of the regularizers: subclass it and write `penalty`. As a field's type it takes whatever `get` takes.

    Fields of type float are strengths, which a run may sweep; `penalty` gets them as arguments of the same names. A
    subclass may write `__call__(weights)` instead, as in Keras; then nothing can be swept.

    Example:

    >>> class Log(Regularizer):
    ...     strength: float = 0.1
    ...     def penalty(self, weights, strength):
    ...         return strength * jnp.sum(jnp.log1p(jnp.square(weights)))
    >>> Log().strengths(), float(Log()(jnp.zeros(3)))
    ({'strength': 0.1}, 0.0)
    """

    family: ClassVar[Family | None] = FAMILY
    convert = staticmethod(get)

    def strengths(self) -> dict[str, float]:
        """The numbers that a run may sweep, by the names of their fields."""
        if type(self).penalty is Regularizer.penalty:
            return {}
        values = {f.name: getattr(self, f.name) for f in configured_fields(type(self))}
        return {name: value for name, value in values.items() if isinstance(value, float)}

    def penalty(self, weights: jax.Array, **strengths: Any) -> jax.Array:
        """The penalty with these strengths, a scalar of float32."""
        if type(self).__call__ is Regularizer.__call__:
            raise NotImplementedError(f"{type(self).__name__} needs a method penalty(weights, strength) -> scalar")
        return self(weights)

    def __call__(self, weights: jax.Array) -> jax.Array:
        """The penalty with the strengths of the fields, a scalar of float32."""
        return self.penalty(widen(weights), **self.strengths())


class L1(Regularizer):
    """l1 * sum(|w|): pushes weights to exactly zero.

    >>> float(L1(0.5)(jnp.array([-1.0, 3.0])))
    2.0
    """

    l1: Strength = 0.01

    def penalty(self, weights, l1):
        return l1 * jnp.sum(jnp.abs(weights))


class L2(Regularizer):
    """l2 * sum(w^2): keeps weights small.

    >>> float(L2(0.5)(jnp.array([-1.0, 3.0])))
    5.0
    """

    l2: Strength = 0.01

    def penalty(self, weights, l2):
        return l2 * jnp.sum(jnp.square(weights))


class L1L2(Regularizer):
    """l1 * sum(|w|) + l2 * sum(w^2), also called elastic net.

    >>> float(L1L2(l1=0.5, l2=1.0)(jnp.array([-1.0, 3.0])))
    12.0
    """

    aliases = ("l1_l2",)
    l1: Strength = 0.0
    l2: Strength = 0.0

    def penalty(self, weights, l1, l2):
        return l1 * jnp.sum(jnp.abs(weights)) + l2 * jnp.sum(jnp.square(weights))


class BatchL2(Regularizer):
    """lambda / (2 m) * sum(w^2): weight decay as textbooks add it to a loss that is a mean over all m examples.

    The more examples there are, the less the penalty weighs against the data. With full-batch gradient descent this
    is the penalty of one step; it equals `L2(strength / (2 * examples))`.

    Args:
        strength: lambda.
        examples: m, the number of training examples.

    >>> float(BatchL2(strength=0.5, examples=10)(jnp.array([-1.0, 3.0])))
    0.25
    """

    strength: Strength = 0.01
    examples: PositiveInt = 1

    def penalty(self, weights, strength):
        return strength / (2 * self.examples) * jnp.sum(jnp.square(weights))


class StochasticL2(Regularizer):
    """lambda / 2 * sum(w^2) in every step: weight decay as textbooks add it to the loss of a single sample.

    Its gradient is lambda * w whatever the size of the batch. It equals `L2(strength / 2)`, and `BatchL2` with one
    example.

    Args:
        strength: lambda.

    >>> float(StochasticL2(strength=0.5)(jnp.array([-1.0, 3.0])))
    2.5
    """

    strength: Strength = 0.01

    def penalty(self, weights, strength):
        return strength / 2 * jnp.sum(jnp.square(weights))


class OrthogonalRegularizer(Regularizer):
    """factor * mean over pairs of |cosine|: makes the rows (or columns) of a matrix point in different directions.

    Args:
        factor: the strength.
        mode: "rows" or "columns": which vectors are compared.

    >>> float(OrthogonalRegularizer(1.0)(jnp.array([[1.0, 0.0], [0.0, 5.0]])))
    0.0
    """

    factor: Strength = 0.01
    mode: Annotated[str, one_of("rows", "columns")] = "rows"

    def penalty(self, weights, factor):
        if weights.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer expects a matrix. Received: shape {show_shape(weights.shape)}")
        vectors = l2_normalize(weights if self.mode == "rows" else weights.T)  # (vectors, length)
        n = len(vectors)
        cosines = jnp.abs(vectors @ vectors.T) * (1 - jnp.eye(n, dtype=vectors.dtype))
        return factor * jnp.sum(cosines) / max(n * (n - 1), 1)


class FunctionRegularizer(Regularizer):
    """A function of the weights as a regularizer.

    >>> float(FunctionRegularizer(jnp.max)(jnp.array([1.0, 2.0])))
    2.0
    """

    function: Callable[..., Any]

    def __call__(self, weights):
        return self.function(weights)

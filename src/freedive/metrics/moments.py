"""How the sums of parts become those of the whole: numbers are added, and moments are merged about their means."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Moments:
    """How many numbers there are, their mean, and the sum of the squares of how far they lie from it.

    They add up as sums do, and unlike sums of squares they keep their digits where the mean is large: of targets about
    10,000 that differ by 1, a sum of squares in float32 knows nothing.

        n = sum n_i        m = sum n_i m_i / n        s = sum s_i + n_i (m_i - m)^2

    Args:
        count, mean, squares: n, m and s, arrays of one shape; zeros are the moments of nothing.

    Reference: T. Chan, G. Golub and R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", 1979.

    >>> both = Moments.of(jnp.array([1e4, 1e4 + 1])) + Moments.of(jnp.array([1e4 + 2]))
    >>> float(both.count), float(both.mean), float(both.squares)
    (3.0, 10001.0, 2.0)
    """

    count: Any
    mean: Any
    squares: Any

    @classmethod
    def of(cls, values: Any, weight: Any = 1.0) -> Moments:
        """The moments of (rows, ...) numbers over their rows; those of weight 0 may be anything."""
        weight = jnp.broadcast_to(weight, values.shape)
        return cls(weight, jnp.where(weight == 0, 0, values), jnp.zeros_like(values)).sum(0)

    def sum(self, axis: int = 0) -> Moments:
        """Those of all parts along an axis."""
        count = self.count.sum(axis)
        share = self.count / jnp.expand_dims(jnp.where(count == 0, 1, count), axis)
        heaviest = jnp.argmax(self.count, axis, keepdims=True)  # equal means stay what they are, to the last digit
        about = jnp.take_along_axis(self.mean, heaviest, axis)
        further = (share * (self.mean - about)).sum(axis, keepdims=True)
        squares = self.squares + self.count * (self.mean - about - further) ** 2
        return Moments(count, (about + further).squeeze(axis), squares.sum(axis))

    def __add__(self, other: Moments) -> Moments:
        return jax.tree.map(lambda a, b: jnp.stack([a, b]), self, other).sum(0)


def added(a: Any, b: Any) -> Any:
    """The sums of two parts together.

    >>> print(added({"hits": jnp.array(2)}, {"hits": jnp.array(3)})["hits"])
    5
    """
    return jax.tree.map(operator.add, a, b, is_leaf=merges)


def merged(parts: Any) -> Any:
    """The sums of all parts together; the parts are along the first axis of every array."""
    return jax.tree.map(lambda s: s.sum(0), parts, is_leaf=merges)


def merges(sums: Any) -> bool:
    """Whether these are sums that are added by a rule of their own."""
    return isinstance(sums, Moments)

"""Moments of the columns of a matrix, and columns brought to others, in as few passes over memory as may be."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from . import native
from .native import sums

LEAST = 1 << 14  # numbers of an array that is worth a call
NARROW = 16  # columns that fill a register
SOME = 64  # rows whose mean is near that of all


def suits(x: Any) -> bool:
    """Whether the native loops do the columns of x (..., columns), and are worth their call."""
    large = x.size >= LEAST and x.shape[-1] >= NARROW
    return large and x.dtype == jnp.float32 and native.available()


def moments(x: Any) -> tuple[Any, Any]:
    """(mean, variance) of each column of x (..., columns), over all else: (columns) each.

    In one pass, and no digit is lost where the mean is large: the sums are of x less the mean of some of its rows.

    >>> [found.tolist() for found in moments(jnp.array([[1.0, 5.0], [3.0, 5.0]]))]
    [[2.0, 5.0], [1.0, 0.0]]
    """
    rows = x.reshape(-1, x.shape[-1])
    near = jax.lax.stop_gradient(jnp.mean(rows[:: max(1, len(rows) // SOME)], 0))
    squares, plain = sums.square_sums(rows, near) / len(rows)
    return near + plain, jnp.maximum(squares - plain * plain, 0.0)


def standardized(x: Any, mean: Any, factor: Any, offset: Any) -> Any:
    """(x - mean) factor + offset, for each column of x (..., columns).

    >>> standardized(jnp.array([[1.0], [3.0]]), jnp.array([2.0]), jnp.array([5.0]), jnp.array([1.0])).tolist()
    [[-4.0], [6.0]]
    """
    still = jax.lax.stop_gradient(mean)  # the operation's shift is constant, so the mean's gradient goes by the offset
    factors = jnp.stack([factor, offset - (mean - still) * factor])
    return sums.spread(x.reshape(math.prod(x.shape[:-1]), -1), factors, still).reshape(x.shape)

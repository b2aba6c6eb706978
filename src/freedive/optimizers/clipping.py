"""Gradient clipping: by value, by the norm of each array, by the norm of all of them together.

Pure functions on any tree of arrays, usable alone; `Optimizer` calls them for `clipvalue`, `clipnorm` and
`global_clipnorm`. Clipping bounds gradients that explode. It must not hide that one of them is no number: a NaN or an
infinity anywhere in what is scaled together makes all of it NaN, so that whoever watches the run sees it.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..config import positive
from ..numerics import LARGEST_UNIT

Array = jax.Array


def by_value(grads: Any, limit: float | Array) -> Any:
    """Every element brought into [-limit, limit]: min(max(g, -limit), limit).

    Args:
        grads: a tree of arrays.
        limit: a number above 0.

    Returns:
        The same tree, clipped. NaN stays NaN.

    >>> print(by_value({"kernel": jnp.array([-3.0, 0.5])}, 1.0)["kernel"])
    [-1.   0.5]
    """
    _check("by_value", limit)
    return jax.tree.map(lambda g: jnp.clip(g, -limit, limit).astype(g.dtype), grads)


def by_norm(grads: Any, limit: float | Array) -> Any:
    """Each array scaled on its own, where its norm is over the limit: g · limit / max(‖g‖, limit).

    Args:
        grads: a tree of arrays.
        limit: a number above 0.

    Returns:
        The same tree; no array has a norm above `limit`. An array with a NaN or an infinity in it becomes NaN.

    >>> print(by_norm({"kernel": jnp.array([3.0, 4.0])}, 1.0)["kernel"])
    [0.6 0.8]
    """
    _check("by_norm", limit)
    return jax.tree.map(lambda g: _scaled(g, global_norm(g), limit), grads)


def by_global_norm(grads: Any, limit: float | Array) -> Any:
    """All arrays scaled by one factor, where their common norm is over the limit: the direction is kept.

    Args:
        grads: a tree of arrays.
        limit: a number above 0.

    Returns:
        The same tree with a global norm of at most `limit`. One NaN or infinity makes every array NaN.

    Reference: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013,
    arXiv:1211.5063.

    >>> clipped = by_global_norm({"kernel": jnp.array([3.0]), "bias": jnp.array([4.0])}, 1.0)
    >>> print(clipped["kernel"], clipped["bias"])
    [0.6] [0.8]
    """
    _check("by_global_norm", limit)
    norm = global_norm(grads)
    return jax.tree.map(lambda g: _scaled(g, norm, limit), grads)


def global_norm(grads: Any) -> Array:
    """The Euclidean norm of all elements of all arrays, sqrt(sum g^2), as a float32 scalar.

    The elements are divided by the largest before they are squared, so gradients up to 3e38 have a norm; and the norm
    of zeros has a gradient (zero), so a run with clipping can itself be differentiated.

    >>> print(global_norm({"kernel": jnp.array([3e30]), "bias": jnp.array([4e30])}))
    5e+30
    """
    arrays = [jnp.asarray(g).astype(jnp.promote_types(jnp.result_type(g), jnp.float32)) for g in jax.tree.leaves(grads)]
    arrays = [g for g in arrays if g.size]
    if not arrays:
        return jnp.zeros(())
    largest = jax.lax.stop_gradient(jnp.stack([jnp.max(jnp.abs(g)) for g in arrays]).max())
    unit = jnp.where((largest > 0) & jnp.isfinite(largest), jnp.minimum(largest, LARGEST_UNIT), 1)
    squares = jnp.stack([jnp.sum(jnp.square(g / unit)) for g in arrays]).sum()
    return unit * root(squares)


def root(x: Array) -> Array:
    """The square root, with gradient 0 at 0 where it would be infinite."""
    return jnp.where(x == 0, 0.0, jnp.sqrt(jnp.where(x == 0, 1.0, x)))


def _scaled(g: Array, norm: Array, limit: float | Array) -> Array:
    scale = jnp.where(jnp.isfinite(norm), limit / jnp.maximum(norm, limit), jnp.nan)  # a norm of 0 scales by 1
    return (g * scale).astype(g.dtype)


def _check(where: str, limit: Any) -> None:
    if isinstance(limit, (int, float)):  # a traced limit was checked when the optimizer was made
        try:
            positive(limit)
        except ValueError as error:
            raise ValueError(f"clipping.{where}(limit={limit!r}): {error}") from None

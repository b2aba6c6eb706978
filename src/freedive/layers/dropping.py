"""What dropout multiplies values by, drawn by a layer once a call."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core import forward
from ..core.layer import Layer
from ..ops.random import keep


def keep_factors(layer: Layer, field: str, shape: tuple[int, ...]) -> Any:
    """0 with the probability that a layer's field holds, else 1 / (1 - rate), so that sums keep their mean.

    Args:
        layer: draws from its own keys; its `seed`, where it has one, moves them.
        field: the name of the field with the rate.
        shape: of the factors.

    Returns:
        float32 factors; None where nothing is dropped: outside training, or with a rate of 0, which draws nothing.
    """
    if not layer.training or getattr(layer, field) == 0:
        return None
    key, rate = seeded_key(layer), jnp.float32(layer.hyper(field))
    if forward.current(layer).creating:  # only shapes are asked for, and a draw takes milliseconds to trace
        return jnp.ones(shape, jnp.float32)
    return jnp.where(keep(key, rate, shape), 1 / (1 - rate), 0.0).astype(jnp.float32)


def with_fractions(x: Any) -> Any:
    """x, whole numbers and booleans as float32: what is scaled or made noisy is whole no more, in training or not."""
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)


def seeded_key(layer: Layer) -> Any:
    """A fresh key of the layer, moved by its `seed` where it has one."""
    seed, key = getattr(layer, "seed", None), layer.rng()
    return key if seed is None else jax.random.fold_in(key, seed % 2**32)


def drop(layer: Layer, field: str, x: Any, shape: tuple[int, ...] | None = None) -> Any:
    """x times `keep_factors`, of x's shape or the one given; x itself where nothing is dropped. No whole numbers."""
    x = with_fractions(x)
    factors = keep_factors(layer, field, x.shape if shape is None else shape)
    return x if factors is None else (x * factors).astype(x.dtype)

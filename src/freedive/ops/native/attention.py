"""Attention by the native loops, forward and back.

Array code writes and reads scores (batch, heads, time, steps) several times and turns queries, keys and values so that
heads come first. The native loops take heads where they lie, keep the scores of some queries in the processor's caches,
and compute them anew for the gradient. Gradients of gradients are those of the array code.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .gradient import NOTHING, Arrays, by_hand, door


def attention(reference: Any, scale: float, query: Any, key: Any, value: Any, mask: Any, keep: Any) -> Any:
    """softmax(scale query key^T) value of every head.

    Args:
        reference: the same as array code, of the five arrays; for gradients of gradients.
        scale: of the scores.
        query: (batch, time, heads, size).
        key: (batch, steps, heads, size).
        value: (batch, steps, heads, width).
        mask: booleans, broadcasts with (batch, heads, time, steps), or None.
        keep: (batch, heads, time, steps), multiplies the weights, or None.

    Returns:
        (batch, time, heads, width).
    """
    mask = jnp.zeros(NOTHING, bool) if mask is None else mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    keep = jnp.zeros(NOTHING) if keep is None else keep
    return _attention(lambda *arrays: (reference(*arrays),), scale, query, key, value, mask, keep)[0]


def _forward(scale: float, save: bool, query: Any, key: Any, value: Any, mask: Any, keep: Any) -> Arrays:
    """(y, the logarithm of every softmax's sum)."""
    batch, time, heads, _ = query.shape
    call = door("attention", (batch, time, heads, value.shape[-1]), (batch, heads, time))
    return call(query, key, value, mask, keep, scale=np.float32(scale))


def _backward(scale: float, arrays: Arrays, found: Arrays, by: Arrays) -> Arrays:
    """The gradients by query, key and value."""
    call = door("attention_back", *(array.shape for array in arrays[:3]))
    return call(*arrays, *found, *by, scale=np.float32(scale))


_attention = by_hand(1, 3, _forward, _backward)
